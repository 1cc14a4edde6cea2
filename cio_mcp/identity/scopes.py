"""What a caller is allowed to do, in the names that tokens will carry."""

READ = "cio:read"
WRITE = "cio:write"
EVERY_TOOL = frozenset({READ, WRITE})
"""What a caller on this machine has."""


def scope_of(*, reads: bool) -> str:
    """The scope that a tool requires: one that only reads requires less."""
    return READ if reads else WRITE
