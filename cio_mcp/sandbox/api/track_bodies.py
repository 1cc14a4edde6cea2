"""Bodies and identifiers of Track writes, validated."""

from typing import Any

from cio_mcp.sandbox.http import ApiRequest, track_error
from cio_mcp.sandbox.world.people import Person, as_string, id_type_of
from cio_mcp.sandbox.world.workspace import Workspace

MAX_IDENTIFIER_BYTES = 150
"""https://docs.customer.io/integrations/api/track/"""
ACCEPTED: dict[str, Any] = {}


def json_object(request: ApiRequest) -> dict[str, Any]:
    """The body, or 400 when it is not a JSON object."""
    if not isinstance(request.body, dict):
        raise track_error("the body must be a JSON object")
    return request.body


def byte_length(value: Any) -> int:
    """The length of a value as text, in bytes."""
    return len(as_string(value).encode(errors="replace"))


def path_identifier(request: ApiRequest) -> str:
    """The identifier in the path, or 400 when it is blank or too long."""
    identifier = request.path["identifier"]
    if not identifier.strip() or byte_length(identifier) > MAX_IDENTIFIER_BYTES:
        raise track_error(f"the identifier must have 1 to {MAX_IDENTIFIER_BYTES} bytes")
    return identifier


def find_person(workspace: Workspace, identifier: str) -> Person | None:
    """The person with an identifier whose type follows from its form."""
    return workspace.people.get(id_type_of(identifier), identifier)
