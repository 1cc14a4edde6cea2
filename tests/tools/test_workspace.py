"""What is told about the workspace as a whole, on the sandbox."""

import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.tools.core.workspace import Section, get_workspace
from cio_mcp.workspace import CallContext, open_workspace

pytestmark = pytest.mark.anyio


async def test_the_overview_tells_which_workspace_with_which_keys_and_how_much_is_in_it(ws: CallContext) -> None:
    overview = (await get_workspace(ws)).overview
    assert overview is not None
    assert (overview.name, overview.region, overview.keys) == ("Acme (sandbox)", "us", ("App", "Track"))
    assert (overview.campaigns, overview.campaigns_running, overview.broadcasts, overview.segments) == (4, 3, 1, 4)
    assert not overview.read_only


async def test_with_track_keys_alone_only_what_needs_no_app_key_is_read(settings: Settings, sandbox: Sandbox) -> None:
    alone = settings.model_copy(update={"app_api_key": None})
    async with open_workspace(alone, sandbox=sandbox) as opened:
        overview = (await get_workspace(opened.acting("local:tester"))).overview
    assert overview is not None
    assert (overview.name, overview.keys, overview.people) == ("sandbox", ("Track",), None)
    assert {request["path"] for request in sandbox.requests} == {"/api/v1/accounts/region"}


async def test_read_only_is_said(settings: Settings, sandbox: Sandbox) -> None:
    async with open_workspace(settings.model_copy(update={"read_only": True}), sandbox=sandbox) as opened:
        answer = await get_workspace(opened.acting("local:tester"))
    assert "nothing can be changed (read-only)" in render(answer, mask=False).text


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("senders", "hello@acme.example"),
        ("subscription_topics", "2 “Monthly newsletter” (topic_2), by default opted in"),
        ("object_types", "1 object type\n1 “Companies”"),
        ("limits", "app: "),
    ],
)
async def test_each_section_tells_its_own(ws: CallContext, section: Section, said: str) -> None:
    answer = render(await get_workspace(ws, section), mask=False)
    assert said in answer.text
    assert answer.structured[section]
    assert "overview" not in answer.structured


async def test_each_sender_is_told_once_although_pages_never_end(ws: CallContext) -> None:
    senders = (await get_workspace(ws, "senders")).senders or ()
    assert len({sender.id for sender in senders}) == len(senders) == 2


async def test_stopped_writes_are_told_with_the_reason(ws: CallContext) -> None:
    assert await ws.gate.pauses.pause(by="local:ada", now=1_800_000_000.0, reason="a bad import")
    answer = await get_workspace(ws)
    assert answer.overview
    assert answer.overview.writes_stopped == "An operator stopped all writes at 2027-01-15T08:00:00Z: “a bad import”"
    assert answer.overview.writes_stopped in answer.lines()
