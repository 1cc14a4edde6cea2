"""The way back from edits of content, snippets, and collections: to what was there, if nobody changed it since."""

from typing import Any

import pytest

from cio_mcp.errors import Refused
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.world.library import Collection, Snippet
from cio_mcp.tools.content.get_content import get_content
from cio_mcp.tools.content.update_content import update_content
from cio_mcp.tools.core.undo.undo_change import undo_change
from cio_mcp.tools.data.update_collection import update_collection
from cio_mcp.tools.data.update_snippet import update_snippet
from cio_mcp.workspace import CallContext
from tests.carrying_out import carry_out, change_of

pytestmark = pytest.mark.anyio

SOURCES: list[dict[str, Any]] = [
    {"id": "1", "message": "101"},
    {"id": "1", "message": "101", "language": "de"},
    {"id": "10", "kind": "broadcast"},
    {"id": "30", "kind": "newsletter", "language": "de"},
    {"id": "2", "kind": "transactional"},
]


@pytest.mark.parametrize("source", SOURCES, ids=str)
async def test_an_edit_of_content_is_restored(ws: CallContext, source: dict[str, Any]) -> None:
    before = await get_content(ws, **source, source=True)
    change = await change_of(ws, update_content, **source, subject="New", body="<p>New</p>", reply_to="2")
    assert (await get_content(ws, **source)).subject == "New"
    receipt = await carry_out(ws, undo_change, change=change)
    assert receipt.status == "done"
    assert receipt.warnings
    assert "Messages that were sent meanwhile stay as they were sent." in receipt.warnings
    assert await get_content(ws, **source, source=True) == before


async def test_content_that_was_changed_since_is_not_restored(ws: CallContext) -> None:
    change = await change_of(ws, update_content, id="1", message="101", subject="First", preheader="x")
    await change_of(ws, update_content, id="1", message="101", subject="Second")
    with pytest.raises(Refused, match="subject changed since then"):
        await undo_change(ws, change)


async def test_what_was_set_back_by_hand_needs_no_undo(ws: CallContext, sandbox: Sandbox) -> None:
    change = await change_of(ws, update_content, id="1", message="101", subject="First")
    sandbox.workspace.texts.edits.clear()
    assert (await carry_out(ws, undo_change, change=change)).status == "already_done"


async def test_a_snippet_is_restored_and_one_that_was_created_is_deleted(ws: CallContext, sandbox: Sandbox) -> None:
    snippets = sandbox.workspace.library.snippets
    old = snippets["footer"].value
    change = await change_of(ws, update_snippet, name="footer", text="New")
    await change_of(ws, undo_change, change=change)
    assert snippets["footer"].value == old
    change = await change_of(ws, update_snippet, name="legal", action="create", text="x")
    await change_of(ws, undo_change, change=change)
    assert "legal" not in snippets


async def test_a_snippet_that_was_deleted_is_created_again(ws: CallContext, sandbox: Sandbox) -> None:
    snippets = sandbox.workspace.library.snippets
    snippets["legal"] = Snippet("legal", "Text", 1)
    change = await change_of(ws, update_snippet, name="legal", action="delete")
    await change_of(ws, undo_change, change=change)
    assert snippets["legal"].value == "Text"


async def test_a_snippet_that_was_changed_since_is_not_restored(ws: CallContext, sandbox: Sandbox) -> None:
    change = await change_of(ws, update_snippet, name="footer", text="New")
    sandbox.workspace.library.snippets["footer"].value = "Newer"
    with pytest.raises(Refused, match="it was changed since then"):
        await undo_change(ws, change)


@pytest.mark.parametrize(
    "edit",
    [
        {"action": "add_rows", "rows": ({"id": "x"},)},
        {"action": "remove_rows", "rows": ({"id": "spring"},)},
        {"action": "replace_rows", "rows": ({"id": "y"},)},
        {"action": "rename", "name": "deals"},
    ],
    ids=str,
)
async def test_an_edit_of_a_collection_is_restored(ws: CallContext, sandbox: Sandbox, edit: dict[str, Any]) -> None:
    offers = sandbox.workspace.library.collections[1]
    before = offers.name, list(offers.rows)
    change = await change_of(ws, update_collection, collection="1", **edit)
    assert (offers.name, offers.rows) != before
    await change_of(ws, undo_change, change=change)
    assert (offers.name, offers.rows) == before


async def test_a_deleted_collection_comes_back_with_another_id(ws: CallContext, sandbox: Sandbox) -> None:
    collections = sandbox.workspace.library.collections
    collections[7] = Collection(7, "other", [], 1, 1)
    rows = list(collections[1].rows)
    change = await change_of(ws, update_collection, action="delete", collection="offers")
    receipt = await carry_out(ws, undo_change, change=change)
    assert receipt.status == "done"
    assert "another ID" in "".join(receipt.warnings or ())
    assert (collections[8].name, collections[8].rows) == ("offers", rows)


async def test_a_collection_that_was_created_is_deleted_unless_it_was_changed(
    ws: CallContext, sandbox: Sandbox
) -> None:
    change = await change_of(ws, update_collection, action="create", name="stores", rows=({"city": "Oslo"},))
    stores = sandbox.workspace.library.collections[2]
    stores.rows = [{"city": "Bergen"}]
    with pytest.raises(Refused, match="it was changed since then"):
        await undo_change(ws, change)
    stores.rows = [{"city": "Oslo"}]
    await change_of(ws, undo_change, change=change)
    assert 2 not in sandbox.workspace.library.collections
