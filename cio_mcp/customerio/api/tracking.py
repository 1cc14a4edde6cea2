"""Writes of the Track API, as calls.

Customer.io infers the kind of an identifier in a v1 path from its shape. An identifier that looks like another kind
goes through v2, with its kind, to reach exactly the person who was looked up.
"""

from datetime import datetime

from pydantic import JsonValue

from cio_mcp.customerio.api.base import KIND_NAMES, Reference
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.errors import InvalidArgument

ATTRIBUTE_NAME_BYTES = 150
ATTRIBUTE_VALUE_BYTES = 1000
ATTRIBUTES = 300
EVENT_NAME_BYTES = 100
EVENT_DATA_BYTES = 100_000
"""Sizes as documented at https://docs.customer.io/integrations/api/track/ (identify, track events)."""


MAX_OPERATION_BYTES = 32 * 1024
"""One operation of v2: https://docs.customer.io/integrations/api/track/ (v2)."""


def identify(person: Reference, attributes: dict[str, JsonValue], *, at: int, create: bool) -> Call:
    """Set attributes of a person; `at` (Unix seconds) orders writes, so that making the call again changes nothing.

    Without `create` a person who does not exist is not created.

    Raises:
        InvalidArgument: the person can only be named in a request that is too small for these attributes.
    """
    values: dict[str, JsonValue] = attributes if create else {**attributes, "_update": True}
    if person.fits_path:
        path = {"identifier": person.value}
        return Call(operation="identify_customer", path=path, body={**values, "_timestamp": at})
    if "cio_relationships" in values:
        raise InvalidArgument(
            "attributes.cio_relationships", f"cannot be set for a customer who {_explain_kind(person)}"
        )
    body: dict[str, JsonValue] = {"action": "identify", "timestamp": at, "attributes": values}
    return _entity("person_identify", "attributes", person, body)


def event(person: Reference, name: str, data: dict[str, JsonValue], *, ulid: str, at: datetime | None) -> Call:
    """Record an event; Customer.io ignores a second one with the same `ulid`, so the call may be repeated.

    `at` None leaves the time to Customer.io (when it receives the event).

    Raises:
        InvalidArgument: the person can only be named in a request that is too small for these data.
    """
    body: dict[str, JsonValue] = {"name": name, "id": ulid}
    if at is not None:
        body["timestamp"] = int(at.timestamp())
    if person.fits_path:
        path = {"identifier": person.value}
        return Call(operation="track_event", path=path, body={**body, "data": data} if data else body)
    return _entity("person_event", "data", person, {"action": "event", **body, "attributes": data})


def _entity(id_: str, argument: str, person: Reference, body: dict[str, JsonValue]) -> Call:
    entity: dict[str, JsonValue] = {"type": "person", "identifiers": {person.kind: person.value}, **body}
    if (size := len(canonical(entity).encode(errors="surrogatepass"))) > MAX_OPERATION_BYTES:
        limit = f"{MAX_OPERATION_BYTES:,}"
        raise InvalidArgument(
            argument,
            f"makes a request of {size:,} bytes; Customer.io accepts at most {limit} for a customer "
            f"who {_explain_kind(person)}",
        )
    return Call(operation=id_, body=entity)


def _explain_kind(person: Reference) -> str:
    """Why a person cannot stand in a path; the identifier itself is not repeated, it may be an address."""
    return f"is named by the {KIND_NAMES[person.kind]} that reads as something else; name the customer by cio_…"
