"""Listing changes, a page at a time."""

from dataclasses import replace

import pytest

from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.change_list import SCOPE
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.text.render import render
from cio_mcp.tools.core.changes import list_changes
from cio_mcp.tools.core.workspace import get_workspace
from cio_mcp.workspace import CallContext
from tests.rows import change_row

pytestmark = pytest.mark.anyio


def declined(number: int, planned_at: float) -> ChangeRow:
    return change_row(f"{number:08x}", workspace="sandbox", state="declined", planned_at=planned_at)


async def test_a_cursor_leads_to_every_change_whatever_is_proposed_meanwhile(ws: CallContext) -> None:
    for number in range(7):
        await ws.gate.journal.add(declined(number, planned_at=1_000.5 + number // 3))
    pages = [await list_changes(ws, limit=2)]
    assert (pages[0].total, pages[0].has_more) == (7, True)
    shown = render(pages[0], mask=False)
    assert f"… more of 7, older: cursor={pages[0].cursor}" in shown.text
    assert shown.text.endswith(SCOPE)
    await ws.gate.journal.add(declined(99, planned_at=2_000.5))
    while pages[-1].cursor:
        pages.append(await list_changes(ws, limit=2, cursor=pages[-1].cursor))
    listed = [int(change.id, 16) for page in pages for change in page.changes]
    assert listed == [6, 3, 4, 5, 0, 1, 2]
    assert not pages[-1].has_more


async def test_a_denied_change_has_the_time_of_the_denial_also_once_its_caller_knows(ws: CallContext) -> None:
    denied = replace(
        declined(1, planned_at=1_000.0), decided_at=1_010.0, decided_by="local:bob", decided_how="denied in a terminal"
    )
    await ws.gate.journal.add(denied)
    await ws.gate.journal.acknowledge(denied.id, now=1_070.0)
    (line,) = (await list_changes(ws)).changes
    assert line.at.timestamp() == 1_010.0
    assert "decided by “local:bob” (denied in a terminal)" in "\n".join(line.lines())


@pytest.mark.parametrize("cursor", ["x", "1-2-3", "1.0", "-1.0-00000001", "nan-00000001", "1e5-00000001"])
async def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str, ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="cursor: expected the cursor from the previous page, unchanged"):
        await list_changes(ws, cursor=cursor)


async def test_health_counts_the_changes_that_wait_for_a_decision(ws: CallContext) -> None:
    now = ws.clock.now()
    await ws.gate.journal.add(replace(declined(1, planned_at=now), state="planned"))
    await ws.gate.journal.add(replace(declined(2, planned_at=now - 3_601), state="planned"))
    await ws.gate.journal.add(declined(3, planned_at=now))
    text = render(
        await get_workspace(replace(ws, settings=ws.settings.model_copy(update={"app_api_key": None})), "health"),
        mask=False,
    ).text
    assert "Changes: 1 waiting for a decision, all outcomes are known" in text
