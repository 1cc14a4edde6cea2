"""Names beside ids: they come with the answer or not at all."""

from collections.abc import Iterable

import anyio
import pytest

from cio_mcp.customerio.api.reads import Named
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.tools.common import sources as module
from cio_mcp.tools.common.sources import SourceRef, sources
from cio_mcp.tools.core.messages import list_messages
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

ONBOARDING = SourceRef("campaign", "1")


async def test_late_names_are_left_out_and_there_for_the_next_answer(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, ended = anyio.Event(), anyio.Event()

    async def late(ws: CallContext) -> Iterable[Named]:
        await released.wait()
        campaigns = await ws.campaigns.all()
        ended.set()
        return campaigns

    monkeypatch.setitem(module.LISTS, "campaign", late)
    with monkeypatch.context() as impatient:
        impatient.setattr(module, "NAMES_SECONDS", 0)
        assert (await sources(ws, [ONBOARDING]))[ONBOARDING].name is None
    released.set()
    await ended.wait()
    assert (await sources(ws, [ONBOARDING]))[ONBOARDING].name == "Onboarding"


async def test_names_that_cannot_be_read_leave_the_answer(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/campaigns", "status:400", times=-1))
    assert (await sources(ws, [ONBOARDING]))[ONBOARDING].name is None


async def test_names_of_the_requested_kind_are_read_beside_the_answer(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = anyio.Event()

    async def observed(ws: CallContext) -> Iterable[Named]:
        begun.set()
        return await ws.broadcasts.all()

    monkeypatch.setitem(module.LISTS, "broadcast", observed)
    listing = type(ws.messages).list

    async def after_names(*arguments: object, **more: object) -> object:
        await begun.wait()
        return await listing(*arguments, **more)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(type(ws.messages), "list", after_names)
    answer = await list_messages(ws, kind="broadcast", id="10", limit=1)
    assert [message.source and message.source.name for message in answer.messages] == ["Product news"]
