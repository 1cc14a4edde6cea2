"""Adding the customers of messages with a metric to a manual segment, compared with every delivery of the sandbox."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cio_mcp.customerio.api import segments
from cio_mcp.errors import InvalidArgument
from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.core import segment_messages
from cio_mcp.tools.core.update_segment import update_segment
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio


def people(sandbox: Sandbox, metric: str, since: float, until: float) -> set[str]:
    """The customers with such a message."""
    return {
        each.person.id or "" for each in sandbox.workspace.deliveries if since <= each.metrics.get(metric, 0) < until
    }


def added(plan: Any) -> set[str]:
    return {str(one) for call in plan.calls for one in call.body["ids"]}


async def test_all_whose_email_bounced_in_a_range_are_added_by_one_call(ws: CallContext, sandbox: Sandbox) -> None:
    since = ws.now.timestamp() - 60 * 86_400
    given: dict[str, Any] = {"metric": "bounced", "since": datetime.fromtimestamp(since, UTC).isoformat()}
    plan = await update_segment(ws, "add", "Beta testers", messages=given)
    bounced = people(sandbox, "bounced", since, ws.now.replace(minute=0, second=0, microsecond=0).timestamp())
    assert added(plan) == bounced
    assert plan.affected == len(bounced)
    assert plan.notes[0].startswith("Customers with a message that has the metric bounced from ")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"metric": "bouncd"}, r"messages\.metric: Input should be"),
        ({"since": "2026-01-01"}, r"messages\.metric: Field required\. Accepted: metric"),
        ({"metric": "bounced", "when": "x"}, r"messages\.when: Extra inputs"),
        ({"metric": "bounced", "id": "31"}, r"messages\.kind: is required with id"),
        ({"metric": "bounced", "since": "last month"}, r"messages\.since: expected an ISO 8601 time.*It is now"),
        ({"metric": "spammed", "since": "2200-01-01"}, r"messages: no customer has a message with the metric spammed"),
    ],
)
async def test_a_filter_that_is_wrong_or_selects_nobody_is_refused(
    ws: CallContext, given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidArgument, match=problem):
        await update_segment(ws, "add", "Beta testers", messages=given)


async def test_customers_and_messages_are_not_combined(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="messages: omit it when passing customers"):
        await update_segment(ws, "add", "Beta testers", ["ada"], {"metric": "bounced"})
    with pytest.raises(InvalidArgument, match="customers: expected the customers to add, or messages"):
        await update_segment(ws, "add", "Beta testers")


async def test_more_than_a_call_takes_is_refused_with_the_way_to_less(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_messages, "MAX_IDS", 1)
    with pytest.raises(InvalidArgument, match=r"customers; at most 1 per call\. Pass a shorter range"):
        await update_segment(ws, "add", "Beta testers", messages={"metric": "delivered"})
    monkeypatch.setattr(segment_messages, "PAGE_SIZE", 1)
    with pytest.raises(InvalidArgument, match="more than 5 in 6 months; pass kind and id"):
        await update_segment(ws, "add", "Beta testers", messages={"metric": "delivered"})


async def test_what_happens_before_an_approval_does_not_change_who_is_meant(ws: CallContext) -> None:
    given: dict[str, Any] = {"metric": "bounced", "until": "2200-01-01"}
    first = await update_segment(ws, "add", "Beta testers", messages=given)
    again = await update_segment(ws, "add", "Beta testers", messages=given)
    assert first.rests_on == again.rests_on
    assert len(first.calls) <= -(-(first.affected or 0) // segments.MAX_IDS)
