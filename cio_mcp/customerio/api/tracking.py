"""Writes of the Track API, as calls, and what any call of it does.

A path of v1 leaves the kind of an identifier to its shape. An identifier of another kind than its shape goes through
v2, which is told the kind, so that the person who was looked up is the one who is reached.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, KIND_NAMES, Reference
from cio_mcp.customerio.call import Call, Method, canonical
from cio_mcp.errors import InvalidArgument

ATTRIBUTE_NAME_BYTES = 150
ATTRIBUTE_VALUE_BYTES = 1000
ATTRIBUTES = 300
EVENT_NAME_BYTES = 100
EVENT_DATA_BYTES = 100_000
"""Sizes as documented at https://docs.customer.io/integrations/api/track/ (identify, track events)."""


PROFILE = "/api/v1/customers/{identifier}"
EVENTS = "/api/v1/customers/{identifier}/events"
ANONYMOUS_EVENTS = "/api/v1/events"
ENTITY = "/api/v2/entity"
BATCH = "/api/v2/batch"
MAX_OPERATION_BYTES = 32 * 1024
"""One operation of v2: https://docs.customer.io/integrations/api/track/ (v2)."""

EVENT_ACTIONS = frozenset({"event", "page", "screen"})
CREATES_NOBODY = frozenset({"delete", "delete_device", "delete_relationships", "merge", "suppress", "unsuppress"})


class Operation(NamedTuple):
    """One change of a call, whichever version of the API it is written for.

    `values` are attributes of a profile or data of an event; `id` is the ULID of an event.
    """

    action: str
    person: Reference | None
    values: Mapping[str, JsonValue]
    id: str | None = None

    @property
    def is_event(self) -> bool:
        """Whether it records an event."""
        return self.action in EVENT_ACTIONS

    @property
    def may_create(self) -> bool:
        """Whether it creates the person where there is none; for an unknown cio_id, Customer.io does nothing."""
        if self.person is None or self.person.kind == "cio_id" or self.action in CREATES_NOBODY:
            return False
        return self.is_event or self.values.get("_update") is not True


def identify(person: Reference, attributes: dict[str, JsonValue], *, at: int, create: bool) -> Call:
    """Set attributes of a person; `at` (Unix seconds) orders writes, so that making the call again changes nothing.

    Without `create` a person who does not exist is not created.

    Raises:
        InvalidArgument: the person can only be named in a request that is too small for these attributes.
    """
    values: dict[str, JsonValue] = attributes if create else {**attributes, "_update": True}
    if person.fits_path:
        return _in_path("PUT", PROFILE, person, {**values, "_timestamp": at}, minted=("_timestamp",))
    if "cio_relationships" in values:
        raise InvalidArgument(
            "attributes.cio_relationships", f"cannot be set for a customer who {_explain_kind(person)}"
        )
    return _entity("attributes", person, {"action": "identify", "timestamp": at, "attributes": values}, ("timestamp",))


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
        return _in_path("POST", EVENTS, person, {**body, "data": data} if data else body, minted=("id",))
    return _entity("data", person, {"action": "event", **body, "attributes": data}, ("id",))


def operations(call: Call) -> Iterator[Operation]:
    """What a call changes about people: none for a call of another kind."""
    body = _object(call.body)
    if (call.method, call.route) == ("PUT", PROFILE):
        yield Operation("identify", _by_shape(call), body)
    elif call.route in {EVENTS, ANONYMOUS_EVENTS}:
        person = _by_shape(call) if call.route == EVENTS else None
        yield Operation("event", person, _object(body.get("data")), _text(body.get("id")))
    elif call.route == ENTITY:
        yield _operation(body)
    elif call.route == BATCH:
        batch = body.get("batch")
        yield from map(_operation, map(_object, batch if isinstance(batch, list) else ()))


def _operation(body: Mapping[str, JsonValue]) -> Operation:
    named = _object(body.get("identifiers")) if body.get("type") == "person" else {}
    people = [Reference(str(value), kind) for kind, value in named.items() if kind in IDENTIFIER_KINDS]
    return Operation(
        str(body.get("action")),
        people[0] if people else None,
        _object(body.get("attributes")),
        _text(body.get("id")),
    )


def _by_shape(call: Call) -> Reference:
    value = call.path.get("identifier", "")
    return next(one for kind in IDENTIFIER_KINDS if (one := Reference(value, kind)).fits_path)


def _object(value: Any) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue) -> str | None:
    return str(value) if value else None


def _in_path(
    method: Method, route: str, person: Reference, body: dict[str, JsonValue], *, minted: tuple[str, ...]
) -> Call:
    return _call(method, route, body, minted, {"identifier": person.value})


def _entity(argument: str, person: Reference, body: dict[str, JsonValue], minted: tuple[str, ...]) -> Call:
    operation: dict[str, JsonValue] = {"type": "person", "identifiers": {person.kind: person.value}, **body}
    if (size := len(canonical(operation).encode(errors="surrogatepass"))) > MAX_OPERATION_BYTES:
        limit = f"{MAX_OPERATION_BYTES:,}"
        raise InvalidArgument(
            argument,
            f"makes a request of {size:,} bytes; Customer.io takes at most {limit} for a customer "
            f"who {_explain_kind(person)}",
        )
    return _call("POST", ENTITY, operation, minted, {})


def _explain_kind(person: Reference) -> str:
    """Why a person cannot stand in a path; the identifier itself is not repeated, it may be an address."""
    return f"is named by the {KIND_NAMES[person.kind]} that reads as something else; name the customer by cio_…"


def _call(
    method: Method, route: str, body: dict[str, JsonValue], minted: tuple[str, ...], path: dict[str, str]
) -> Call:
    return Call(
        api="track", method=method, route=route, path=path, body=body, lane="track", retry="repeatable", minted=minted
    )
