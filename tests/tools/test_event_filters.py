"""Each filter reaches the query: none is dropped silently."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cio_mcp.errors import CioError, InvalidArgument
from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.resources import RECENT_EVENTS, query_of
from cio_mcp.tools.core.event_filters import EventFilter, listed_events
from cio_mcp.tools.core.events import recent_events
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

AT = 1_790_000_000


def event(number: int, metric: str = "sent", **data: Any) -> Envelope:
    body = {"delivery_id": f"D{number}", **data}
    return Envelope(event_id=f"E{number}", object_type="email", metric=metric, timestamp=AT + number, data=body)


async def found(ws: CallContext, **filters: Any) -> list[str]:
    return [each.id for each in (await recent_events(ws, **filters)).events]


@pytest.mark.parametrize("customer", ["", " ", "cio_", " cio_ "])
async def test_a_customer_who_is_nobody_is_not_everybody(ws: CallContext, customer: str) -> None:
    with pytest.raises(InvalidArgument, match="customer"):
        await EventFilter(customer=customer).query(ws)


async def test_spaces_around_a_customer_do_not_count(ws: CallContext) -> None:
    assert (await EventFilter(customer=" ada ").query(ws)).person == "ada"


async def test_a_phone_number_is_looked_up_or_the_reason_why_not_is_given(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="does not identify customers by phone"):
        await EventFilter(customer="+447700900001").query(ws)
    alone = replace(ws, settings=ws.settings.model_copy(update={"app_api_key": None}))
    with pytest.raises(InvalidArgument, match="App API key"):
        await EventFilter(customer="+447700900001").query(alone)


@pytest.mark.parametrize("metric", ["Delivered", " delivered ", "“delivered”"])
async def test_a_metric_is_known_however_it_is_written(ws: CallContext, metric: str) -> None:
    assert (await EventFilter(metric=metric).query(ws)).metric == "delivered"


async def test_a_misspelled_metric_is_refused_with_the_closest_one(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match=r"metric: unknown metric; .*\. Did you mean opened\?$"):
        await EventFilter(metric="opend").query(ws)


async def test_a_metric_that_nobody_reports_is_refused_and_counts_once_it_was_reported(ws: CallContext) -> None:
    for metric in ("returned", ""):
        with pytest.raises(InvalidArgument, match=r"metric: unknown metric; .* delivered, "):
            await EventFilter(metric=metric).query(ws)
    await ws.events.append([event(1, "returned")])
    assert await found(ws, metric="returned") == ["E1"]


async def test_events_of_a_campaign_are_found_by_id_or_name(ws: CallContext, sandbox: Sandbox) -> None:
    await ws.events.append([event(1, campaign_id=2), event(2, newsletter_id=2), event(3, campaign_id=1)])
    assert await found(ws, kind="campaign", id="Order follow-up") == ["E1"]
    assert sandbox.requests
    sandbox.requests.clear()
    assert (await EventFilter(kind="newsletter", id="2").query(ws)).id == "2"
    assert not sandbox.requests


@pytest.mark.parametrize("filters", [{"kind": "campaign"}, {"id": "2"}])
async def test_kind_and_id_are_given_together(ws: CallContext, filters: Any) -> None:
    with pytest.raises(InvalidArgument, match="pass kind and id together"):
        await EventFilter(**filters).query(ws)


async def test_a_span_of_time_ends_before_until(ws: CallContext) -> None:
    await ws.events.append([event(number) for number in range(4)])
    first, last = (datetime.fromtimestamp(AT + after, UTC).isoformat() for after in (1, 3))
    assert await found(ws, since=first, until=last) == ["E2", "E1"]
    assert (await recent_events(ws, since=first, until=last)).by_metric == {"sent": 2}


async def test_a_change_that_led_to_nothing_is_refused(ws: CallContext) -> None:
    with pytest.raises(CioError, match="there is no change “none”; list_changes"):
        await EventFilter(change="none").query(ws)


async def test_a_delivery_without_a_name_is_refused(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="delivery"):
        await EventFilter(delivery="").query(ws)


@pytest.mark.parametrize(
    "query",
    [
        "customer=ada+x@example.com",
        "customer=ada%2Bx@example.com",
        "customer=%20ada%2Bx@example.com",
        "metric=sent&metric=opened",
        "metric=Sent",
        "kind=campaign&id=%202",
        "delivery=D1",
        "object_type=email&since=2026-01-01T00:00:00%2B02:00",
    ],
)
async def test_a_subscribed_query_is_read_as_the_resource_reads_it(ws: CallContext, query: str) -> None:
    filters = query_of(f"{RECENT_EVENTS}?{query}")
    assert await listed_events(ws, filters) == []
    report = event(1, campaign_id=2, identifiers={"email": "ada+x@example.com"})
    await ws.events.append([report, event(2, "opened", delivery_id="D9")])
    as_resource: Any = filters
    assert await listed_events(ws, filters) == await found(ws, **as_resource) != []


async def test_whose_phone_number_it_is_may_always_be_another(ws: CallContext) -> None:
    for query in ("customer=%2B447700900001", "customer=+447700900001", "kind=campaign&id=Onboarding"):
        filters = query_of(f"{RECENT_EVENTS}?{query}")
        assert await listed_events(ws, filters) != await listed_events(ws, filters)


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "yesterday"])
async def test_a_time_that_cannot_be_is_refused_by_name(ws: CallContext, since: str) -> None:
    with pytest.raises(InvalidArgument, match="since"):
        await EventFilter(since=since).query(ws)
