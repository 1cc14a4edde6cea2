"""The write tools go by the workspace's clock."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, UserError
from cio_mcp.gate.plan import Plan
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.toolbox import Toolbox
from cio_mcp.settings import Settings
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named
from tests.clock import FunctionClock, with_clock

pytestmark = pytest.mark.anyio

NOW = datetime(2037, 6, 1, 12, tzinfo=UTC)
CLOCK = FunctionClock(NOW.timestamp)
ATTRIBUTES: dict[str, JsonValue] = {"plan": "gold"}


@pytest.fixture
def opened(opened: Workspace) -> Workspace:
    return with_clock(opened, CLOCK)


def at(**ahead: float) -> str:
    return (NOW + timedelta(**ahead)).isoformat()


@pytest.mark.parametrize(
    ("time", "warning"),
    [
        (at(hours=-71), None),
        (at(hours=-73), "It is older than 72 hours, so it triggers no event-triggered campaign."),
        (at(seconds=59), None),
        (at(seconds=61), "Its time is in the future."),
    ],
    ids=["recent", "old", "clocks differ", "future"],
)
async def test_the_age_of_an_event_is_counted_from_the_workspace_s_time(
    ws: CallContext, time: str, warning: str | None
) -> None:
    assert (await send_event(ws, "ada", "nothing_starts", timestamp=time)).warnings == ((warning,) if warning else ())


@pytest.mark.parametrize(
    ("time", "fault"),
    [
        (at(seconds=-61), "is in the past"),
        (at(days=90, seconds=1), "more than 90 days ahead"),
    ],
    ids=["past", "too far"],
)
async def test_when_a_send_is_due_is_checked_against_the_workspace_s_time(
    ws: CallContext, time: str, fault: str
) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        await send_transactional(ws, "2", "ada", data={"order_id": 7}, send_at=time)


@pytest.mark.parametrize(
    ("time", "due"),
    [(at(seconds=-60), None), (at(), None), (at(seconds=1), 1), (at(days=90), 90 * 86_400)],
    ids=["a minute ago", "now", "in a second", "in 90 days"],
)
async def test_a_send_that_is_due_by_the_workspace_s_time_is_not_scheduled(
    ws: CallContext, time: str, due: float | None
) -> None:
    plan = await send_transactional(ws, "2", "ada", data={"order_id": 7}, send_at=time)
    assert plan.due_at == (None if due is None else NOW.timestamp() + due)


WRITES: dict[str, Callable[[CallContext], Awaitable[Plan]]] = {
    "one": lambda ws: update_customer(ws, "ada", attributes=ATTRIBUTES),
    "several": lambda ws: update_customer(ws, customers=["ada", "bob"], attributes=ATTRIBUTES),
    "a new one": lambda ws: update_customer(ws, "newcomer", attributes=ATTRIBUTES, create=True),
}


@pytest.mark.parametrize("kind", WRITES)
async def test_a_profile_write_has_the_workspace_s_time(ws: CallContext, kind: str) -> None:
    assert f'stamp":{NOW.timestamp():.0f}' in (await WRITES[kind](ws)).model_dump_json()


async def test_a_profile_write_without_the_app_api_has_the_workspace_s_time(
    settings: Settings, sandbox: Sandbox
) -> None:
    alone = settings.model_copy(update={"app_api_key": None})
    async with open_workspace(alone, sandbox=sandbox, clock=CLOCK) as opened:
        plan = await update_customer(opened.acting(caller_named("local:tester")), "ada", attributes=ATTRIBUTES)
    assert f'stamp":{NOW.timestamp():.0f}' in plan.model_dump_json()


async def test_an_error_about_a_time_says_what_time_it_is_on_the_server_s_clock(ws: CallContext) -> None:
    async def context() -> CallContext:
        return ws

    toolbox = Toolbox(["send_event"], context, CLOCK)
    with pytest.raises(UserError, match="It is now 2037-06-01T12:00:00Z"):
        toolbox.read("send_event", {"customer": "ada", "name": "order_placed", "timestamp": "this morning"})


async def test_every_part_of_a_workspace_goes_by_its_clock(settings: Settings, sandbox: Sandbox) -> None:
    async with open_workspace(settings, sandbox=sandbox, clock=CLOCK) as opened:
        ws = opened.acting(caller_named("local:tester"))
        assert ws.clock is opened.gate.clock is opened.events.clock is CLOCK
        assert ws.now == NOW
