"""The callers on this machine: the process that started the server, and clients over HTTP on loopback."""

from cio_mcp.customerio.caller import Caller
from cio_mcp.identity.scopes import EVERY_TOOL
from cio_mcp.text.normalization import normalize
from cio_mcp.text.sanitize import cut, harmless

MAX_NAME_LENGTH = 80


def local_caller(user: str) -> Caller:
    """The caller over stdio or in a shell: the operating system's user, as `Settings.local_principal` names it."""
    return Caller(user, owner=user, scopes=EVERY_TOOL, may_be_asked=True)


def loopback_caller(client: str | None, *, owner: str) -> Caller:
    """The caller over HTTP without tokens: the name that the client gives itself, which nothing verifies.

    Names that look the same are the same caller. All of them belong to the user whose server it is, so that a name
    does not count as another person, and none of them is trusted to ask one.
    """
    visible = harmless(normalize("NFKC", client or ""))
    name = cut(" ".join(visible.split()), MAX_NAME_LENGTH)
    return Caller(f"loopback:{name or 'unnamed'}", owner=owner, scopes=EVERY_TOOL)
