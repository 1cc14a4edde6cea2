"""Every read that is made is one that Customer.io publishes."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Identifiers, Kind, Reference
from cio_mcp.customerio.api.messages import Messages
from cio_mcp.customerio.api.objects import Objects
from cio_mcp.customerio.api.people import People
from cio_mcp.customerio.api.person_records import PersonRecords
from cio_mcp.customerio.api.segments import Segments
from cio_mcp.customerio.api.suppressions import Suppressions
from cio_mcp.customerio.api.triggers import Triggers
from cio_mcp.customerio.call import Call, read
from cio_mcp.errors import BadAnswer
from cio_mcp.tools.objects.find_objects import match_all
from tests.customerio.published_requests import assert_published

pytestmark = pytest.mark.anyio

ADA = Reference("cio_a3000001", "cio_id")
BY_ID = Reference("ada")
WHEN = datetime(2026, 1, 31, 9, tzinfo=UTC)
SEARCH: JsonValue = {
    "and": [{"segment": {"id": 2}}, {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}]
}


class Recorder:
    """Writes a request down instead of making it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def read(self, call: Call, *, cache: float = 0.0) -> dict[str, Any]:
        del cache
        self.calls.append(call)
        return {}


READS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "by email": lambda reader: People(reader).find_by_email("a+b@example.com"),
    "search": lambda reader: People(reader).search(SEARCH, limit=20, start="token"),
    "profiles of many": lambda reader: People(reader).profiles_of_many([Identifiers(id="ada", cio_id="a3000001")]),
    "profiles": lambda reader: People(reader).profiles([Identifiers(cio_id="a3000001")]),
    "attributes by id": lambda reader: People(reader).attributes(BY_ID),
    "attributes by phone": lambda reader: People(reader).attributes(Reference("+14155552671", "phone")),
    "segments of": lambda reader: PersonRecords(reader).segments_of(ADA),
    "messages of": lambda reader: PersonRecords(reader).messages_of(
        ADA, limit=20, start="token", since=WHEN, until=WHEN
    ),
    "activities of": lambda reader: PersonRecords(reader).activities_of(ADA, limit=10, start="token", type_="event"),
    "events of": lambda reader: PersonRecords(reader).activities_of(ADA, limit=100, type_="event", name="order_placed"),
    "deleted": lambda reader: People(reader).deleted_at(BY_ID),
    "deleted by email": lambda reader: People(reader).deleted_at(Reference("a+b@example.com", "email")),
    "subscriptions of": lambda reader: PersonRecords(reader).subscriptions_of(ADA),
    "relationships of": lambda reader: PersonRecords(reader).relationships_of(ADA, limit=10, start="token"),
    "suppressions of": lambda reader: Suppressions(reader).of("a+b@example.com"),
    "triggers": lambda reader: Triggers(reader).all("10"),
    "errors of a trigger": lambda reader: Triggers(reader).failed("10", "3"),
    "message": lambda reader: Messages(reader).get("dgOq6QWq6QUBAAF4_CGoeVX7mFkDbRFu7ek="),
    "archived message": lambda reader: Messages(reader).archived("dgOq6QWq6QUBAAF4_CGoeVX7mFkDbRFu7ek="),
    "object types": lambda reader: Objects(reader).types(),
    "objects": lambda reader: Objects(reader).search("1", match_all("1"), limit=20, start="token"),
    "object": lambda reader: Objects(reader).get("1", "acme"),
    "related customers": lambda reader: Objects(reader).related_page("1", "acme", limit=20, start="token"),
    "addresses suppressed for a reason": lambda reader: Suppressions(reader).all("bounces", limit=1000, offset=0),
    "segments": lambda reader: Segments(reader).all(),
    "segment count": lambda reader: Segments(reader).count("2"),
    "segment used by": lambda reader: Segments(reader).used_by("2"),
    "segment members": lambda reader: Segments(reader).members("2", limit=20, start="token"),
}
KINDS: list[Kind | None] = [None, "campaign", "broadcast", "newsletter", "transactional"]


async def _record(make: Callable[[Any], Awaitable[object]]) -> list[Call]:
    recorder = Recorder()
    with suppress(BadAnswer):  # an empty answer lacks what is documented; only the request counts here
        await make(recorder)
    assert recorder.calls
    return recorder.calls


@pytest.mark.parametrize("name", READS)
async def test_a_read_is_published(name: str) -> None:
    for call in await _record(READS[name]):
        assert_published(call)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_deliveries_of_each_kind_are_listed_as_published(kind: Kind | None) -> None:
    for call in await _record(
        lambda reader: Messages(reader).list(
            kind, kind and "3", limit=20, start="token", metric="opened", type_="twilio", since=WHEN, until=WHEN
        )
    ):
        assert_published(call)


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        (read("list_segments", query={"limit": 20}), "has no parameter"),
        (read("find_customers_by_email"), "needs"),
        (read("list_messages", query={"limit": "many"}), "no integer"),
        (read("list_messages", query={"limit": 1001}), "over the maximum"),
        (read("list_messages", query={"type": "sms"}), "sms"),
        (read("search_customers", body={"filters": SEARCH}), "filter"),
        (read("search_customers", body={"filter": SEARCH, "more": 1}), "takes no"),
        (read("search_customers"), "needs a body"),
    ],
)
def test_a_request_that_is_not_published_is_noticed(wrong: Call, noticed: str) -> None:
    with pytest.raises(AssertionError, match=noticed):
        assert_published(wrong)
