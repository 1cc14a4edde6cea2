"""The undo of an edit of a message, a snippet, or a collection, if it is as the edit left it."""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from cio_mcp.customerio.api.collections import Row
from cio_mcp.customerio.api.contents import ref_of
from cio_mcp.customerio.api.snippets import Snippet
from cio_mcp.customerio.call import Call
from cio_mcp.errors import NotFound
from cio_mcp.gate.plan import Plan, ValueEdit, is_unchanged
from cio_mcp.tools.common import collection_edit, snippet_edit
from cio_mcp.tools.common.content_edit import plan_edit, value_of
from cio_mcp.tools.common.content_lookup import message_at
from cio_mcp.tools.core.undo.values import PastChange, as_undo, refusal
from cio_mcp.workspace import CallContext

ALREADY_SENT = "Messages that were sent meanwhile stay as they were sent."
OTHER_ID = "The restored collection gets another ID and another creation time; references by its name work again."
CHANGED = "it was changed since then"
NOT_STORED = "what was there before is not stored with the change"
NO_SNIPPET = "the snippet is no longer there"
NO_COLLECTION = "the collection is no longer there"


async def undo_content(ws: CallContext, past: PastChange) -> Plan:
    """Plan to restore the fields of a message that a change set.

    Raises:
        Refused: the message is gone, or one of the fields was changed since.
    """
    call = _only_call(past)
    edits = [edit for edit in past.plan.edits if not is_unchanged(edit)]
    if not edits or not all(edit.known for edit in edits):
        raise refusal(past.id, NOT_STORED)
    try:
        message = await message_at(ws, ref_of(call))
    except NotFound:
        raise refusal(past.id, "the message is no longer there") from None
    now = {edit.name: value_of(message.content, edit.name) for edit in edits}
    if changed := [edit.name for edit in edits if not _stands(edit, now[edit.name])]:
        raise refusal(past.id, f"{', '.join(changed)} changed since then; to set a new value, use update_content")
    back: dict[str, JsonValue] = {edit.name: _empty(edit) for edit in edits}
    planned = await plan_edit(ws, message, back, done=f"Undo change {past.id}: restore")
    return as_undo(past, planned, ALREADY_SENT)


async def undo_snippet(ws: CallContext, past: PastChange) -> Plan:
    """Plan to restore the text of a snippet, delete one that a change created, or create one that it deleted.

    Raises:
        Refused: the snippet is not as the change left it.
    """
    call = _only_call(past)
    edit = next((each for each in past.plan.edits if each.name == "value"), None)
    if edit is None:
        raise refusal(past.id, NOT_STORED)
    body = call.body if isinstance(call.body, dict) else {}
    name = call.path.get("snippet_name") or str(body.get("name"))
    every = await ws.snippets.all()
    found = next((each for each in every if each.name == name), None)
    done = f"Undo change {past.id}: restore"
    if edit.after is None:
        if found is not None:
            raise refusal(past.id, "there is a snippet with its name again")
        planned = await snippet_edit.plan_text(ws, Snippet(name=name), str(edit.before), every, new=True, done=done)
        return as_undo(past, planned)
    if found is None:
        raise refusal(past.id, NO_SNIPPET)
    if found.value not in (edit.after, edit.before):
        raise refusal(past.id, CHANGED)
    if edit.before is None:
        planned = await snippet_edit.plan_deletion(ws, found, every, done=f"Undo change {past.id}: delete")
    else:
        planned = await snippet_edit.plan_text(ws, found, str(edit.before), every, done=done)
    return as_undo(past, planned, ALREADY_SENT)


async def undo_collection(ws: CallContext, past: PastChange) -> Plan:
    """Plan to restore a collection's name or rows, or to create one again that a change deleted.

    Raises:
        Refused: the collection is not as the change left it, or its rows are not stored.
    """
    call = _only_call(past)
    before = {edit.name: edit for edit in past.plan.edits}
    done = f"Undo change {past.id}: restore"
    if call.operation == "create_collection":
        return await _undo_creation(ws, past, call.body if isinstance(call.body, dict) else {})
    if call.operation == "delete_collection":
        if "data" not in before:
            raise refusal(past.id, NOT_STORED)
        name = str(before["name"].before)
        if any(each.name == name for each in await ws.collections.all()):
            raise refusal(past.id, "there is a collection with its name again")
        rows = cast("list[Row]", before["data"].before)
        planned = await collection_edit.plan_creation(ws, name, rows, done=done)
        return as_undo(past, planned, OTHER_ID)
    try:
        found = await ws.collections.get(call.path["collection_id"])
    except NotFound:
        raise refusal(past.id, NO_COLLECTION) from None
    if edit := before.get("name"):
        if found.name not in (edit.before, edit.after):
            raise refusal(past.id, CHANGED)
        planned = await collection_edit.plan_name(ws, found, str(edit.before), done=done)
        return as_undo(past, planned, ALREADY_SENT)
    if (edit := before.get("data")) is None:
        raise refusal(past.id, NOT_STORED)
    now = await ws.collections.rows(found)
    if now not in (edit.before, edit.after):
        raise refusal(past.id, CHANGED)
    planned = await collection_edit.plan_rows(ws, found, now, cast("list[Row]", edit.before), done=done)
    return as_undo(past, planned, ALREADY_SENT)


def _only_call(past: PastChange) -> Call:
    """The request of a change; these tools make one each, and a change of several has no undo.

    Raises:
        Refused: there are several.
    """
    if len(past.plan.calls) != 1:
        raise refusal(past.id, "it has several requests")
    return past.plan.calls[0]


async def _undo_creation(ws: CallContext, past: PastChange, body: Mapping[str, JsonValue]) -> Plan:
    """Plan to delete a collection that a change created, if its rows are as it created them."""
    matches = [each for each in await ws.collections.all() if each.name == body.get("name")]
    if len(matches) != 1:
        raise refusal(past.id, NO_COLLECTION if not matches else "several collections have its name")
    rows = await ws.collections.rows(matches[0])
    if rows != body.get("data"):
        raise refusal(past.id, CHANGED)
    done = f"Undo change {past.id}: delete"
    return as_undo(past, await collection_edit.plan_deletion(ws, matches[0], rows, done=done))


def _stands(edit: ValueEdit, now: JsonValue) -> bool:
    """Whether a field is as the change left it, or as it was before."""
    return (now or "") in ((edit.after or ""), (edit.before or ""))


def _empty(edit: ValueEdit) -> JsonValue:
    """The value before; a text that was not set is empty, since null leaves it as it is."""
    return "" if edit.before is None and not edit.name.endswith("_id") else edit.before
