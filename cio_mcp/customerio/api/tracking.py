"""Writes of the Track API, as calls.

Customer.io infers the kind of an identifier in a v1 path from its shape. An identifier that looks like another kind
goes through v2, with its kind, to reach exactly the person who was looked up.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, KIND_NAMES, Reference
from cio_mcp.customerio.batches import batch
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.errors import InvalidArgument

ATTRIBUTE_NAME_BYTES = 150
ATTRIBUTE_VALUE_BYTES = 1000
ATTRIBUTES = 300
EVENT_NAME_BYTES = 100
EVENT_DATA_BYTES = 100_000
"""Sizes as documented at https://docs.customer.io/integrations/api/track/ (identify, track events)."""
MAX_TRIGGER_AGE = timedelta(hours=72)
"""How old an event may be and still start campaigns: https://docs.customer.io/integrations/api/track/ (timestamp)."""

MAX_OPERATION_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
"""One operation of v2, and a batch of them: https://docs.customer.io/integrations/api/track/ (v2)."""


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
    return Call(operation="person_identify", body=_identify_entity(person, values, at))


class ProfileWrite(NamedTuple):
    """The attributes to set of one of many people; without `create` no person is created."""

    person: Reference
    attributes: dict[str, JsonValue]
    create: bool = False


def identify_many(writes: Sequence[ProfileWrite], *, at: int) -> Call:
    """Set attributes of many people in one request, each as `identify` does; Customer.io answers for each of them.

    Raises:
        InvalidArgument: the request would be too large.
    """
    entities = [
        _identify_entity(write.person, write.attributes if write.create else {**write.attributes, "_update": True}, at)
        for write in writes
    ]
    call = batch(entities)
    if (size := len(canonical(call.body).encode(errors="surrogatepass"))) > MAX_BATCH_BYTES:
        raise InvalidArgument(
            "attributes",
            f"make a request of {size:,} bytes for {len(writes)} customers; Customer.io accepts at most "
            f"{MAX_BATCH_BYTES:,}. Pass fewer customers per call",
        )
    return call


def profile_writes(call: Call) -> tuple[ProfileWrite, ...]:
    """The writes of a batch of exactly the form that `identify_many` makes; empty for any other request."""
    body = call.body if call.operation == "apply_batch" and isinstance(call.body, dict) else {}
    entities = body.get("batch") if body.keys() == {"batch"} else None
    writes = [_profile_write(entity) for entity in entities] if isinstance(entities, list) else [None]
    known = tuple(write for write in writes if write is not None)
    return known if len(known) == len(writes) else ()


def _profile_write(entity: JsonValue) -> ProfileWrite | None:
    match entity:
        case {
            "type": "person",
            "action": "identify",
            "identifiers": dict() as identifiers,
            "timestamp": int(),
            "attributes": dict() as attributes,
            **others,
        } if len(identifiers) == 1 and not others:
            [(kind, value)] = identifiers.items()
        case _:
            return None
    if not isinstance(value, str) or kind not in IDENTIFIER_KINDS or (kind == "cio_id" and value.startswith("cio_")):
        return None
    create = attributes.get("_update") is not True
    plain = attributes if create else {name: one for name, one in attributes.items() if name != "_update"}
    return ProfileWrite(Reference(f"cio_{value}" if kind == "cio_id" else value, kind), plain, create)


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
    return Call(operation="person_event", body=_entity("data", person, {"action": "event", **body, "attributes": data}))


def _identify_entity(person: Reference, values: dict[str, JsonValue], at: int) -> dict[str, JsonValue]:
    return _entity("attributes", person, {"action": "identify", "timestamp": at, "attributes": values})


def _entity(argument: str, person: Reference, body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """One operation of v2, whether it goes alone or in a batch."""
    entity: dict[str, JsonValue] = {"type": "person", "identifiers": {**person.in_body}, **body}
    if (size := len(canonical(entity).encode(errors="surrogatepass"))) > MAX_OPERATION_BYTES:
        limit = f"{MAX_OPERATION_BYTES:,}"
        raise InvalidArgument(
            argument,
            f"makes a request of {size:,} bytes; Customer.io accepts at most {limit} for {_explain_entity(person)}",
        )
    return entity


def _explain_entity(person: Reference) -> str:
    return "each of several customers" if person.fits_path else f"a customer who {_explain_kind(person)}"


def _explain_kind(person: Reference) -> str:
    """Why an identifier cannot be part of a path; it is not repeated, since it may be an address."""
    return f"is identified by an ambiguous {KIND_NAMES[person.kind]}; use the cio_… instead"
