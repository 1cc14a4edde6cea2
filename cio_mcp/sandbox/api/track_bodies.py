"""What all Track writes share: their bodies and identifiers, checked."""

from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.http import Asked, track_error
from cio_mcp.sandbox.world.people import Person, as_string, id_type_of

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

IDENTIFIER_BYTES = 150
"""https://docs.customer.io/integrations/api/track/"""
ACCEPTED: dict[str, Any] = {}


def told(asked: Asked) -> dict[str, Any]:
    """The body, which must be an object; 400 otherwise."""
    if not isinstance(asked.body, dict):
        raise track_error("the body must be a JSON object")
    return asked.body


def byte_length(value: Any) -> int:
    """How many bytes a value takes as text."""
    return len(as_string(value).encode(errors="replace"))


def identifier(asked: Asked) -> str:
    """The person in the path; 400 when it is blank or too long."""
    named = asked.path["identifier"]
    if not named.strip() or byte_length(named) > IDENTIFIER_BYTES:
        raise track_error(f"the identifier must have 1 to {IDENTIFIER_BYTES} bytes")
    return named


def found(workspace: "Workspace", named: str) -> Person | None:
    """The person that an identifier means, told by its shape."""
    return workspace.people.get(id_type_of(named), named)
