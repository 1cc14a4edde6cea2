"""Writes of the Track API (v1), as calls."""

from datetime import datetime

from pydantic import JsonValue

from cio_mcp.customerio.call import Call

ATTRIBUTE_NAME_BYTES = 150
ATTRIBUTE_VALUE_BYTES = 1000
ATTRIBUTES = 300
EVENT_NAME_BYTES = 100
EVENT_DATA_BYTES = 100_000
"""Sizes as documented at https://docs.customer.io/integrations/api/track/ (identify, track events)."""


def identify(person: str, attributes: dict[str, JsonValue], *, at: int, create: bool) -> Call:
    """Set attributes of a person; `at` (Unix seconds) orders writes, so that making the call again changes nothing.

    `person` is an id, an email or `cio_…`; without `create` a person who does not exist is not created.
    """
    body: dict[str, JsonValue] = {**attributes, "_timestamp": at}
    if not create:
        body["_update"] = True
    return _track("PUT", "/api/v1/customers/{identifier}", person, body, minted=("_timestamp",))


def event(person: str, name: str, data: dict[str, JsonValue], *, ulid: str, at: datetime | None) -> Call:
    """Record an event; Customer.io ignores a second one with the same `ulid`, so the call may be repeated.

    `at` None leaves the time to Customer.io (when it receives the event).
    """
    body: dict[str, JsonValue] = {"name": name, "id": ulid}
    if data:
        body["data"] = data
    if at is not None:
        body["timestamp"] = int(at.timestamp())
    return _track("POST", "/api/v1/customers/{identifier}/events", person, body, minted=("id",))


def _track(method: str, route: str, person: str, body: dict[str, JsonValue], *, minted: tuple[str, ...]) -> Call:
    return Call.model_validate(
        {
            "api": "track",
            "method": method,
            "route": route,
            "path": {"identifier": person},
            "body": body,
            "lane": "track",
            "retry": "repeatable",
            "minted": minted,
        }
    )
