"""Checks of names that a caller gives to something new."""

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.names import hidden_characters

MAX_LISTED = 5
"""Characters that a refusal names. Chosen."""


def check_visible(field: str, name: str) -> None:
    """Refuse a name that a person can't see whole.

    Raises:
        InvalidArgument: it contains invisible characters.
    """
    if hidden := hidden_characters(name):
        raise InvalidArgument(field, f"contains invisible characters ({', '.join(hidden[:MAX_LISTED])})")
