"""The plans to change a collection: for the tool that does it, and for its undo."""

import hashlib
from collections.abc import Sequence

from pydantic import JsonValue

from cio_mcp.customerio.api import collections as api
from cio_mcp.customerio.api.collections import MAX_BYTES, MAX_ROW_BYTES, Collection, Row
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import FROM_NOW_ON, Plan, ValueEdit
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.message_preview import listed_names
from cio_mcp.tools.common.template_search import Uses, collection_uses
from cio_mcp.workspace import CallContext

MAX_EDIT_BYTES = 1_000_000
"""Of the rows of a collection that is edited row by row: the change keeps them before and after. Chosen."""

FROM_URL = (
    "Whether its rows are downloaded from a URL isn't visible through the API. If so, setting rows replaces the URL."
)
NAME_USED = "Messages find it by its name: those that use the old name will find no data."
GONE = "Messages that use it will find no data."
NEXT = "To check the result, call list_collections with this collection."


async def plan_creation(ws: CallContext, name: str, rows: Sequence[Row], *, done: str = "Create") -> Plan:
    """Plan to create a collection.

    Raises:
        InvalidArgument: a row, or all of them, are too large.
    """
    check_rows(rows)
    uses = await _uses(ws, name)
    return Plan(
        risk="send",
        summary=f"{done} the collection {quoted(name)} with {_count(rows)}.",
        notes=uses.notes if uses.messages else (),
        affected=uses.affected if uses.messages else 0,
        effect_title="create 1 collection",
        calls=(api.create(name, rows),),
        rests_on={"collection": None},
        trace=Evidence(collection=name),
        once=True,
        next_step=NEXT,
    )


async def plan_rows(
    ws: CallContext, collection: Collection, before: Sequence[Row], after: Sequence[Row], *, done: str = ""
) -> Plan:
    """Plan to replace the rows of a collection; without calls where they are the same.

    Raises:
        InvalidArgument: a row, or all of them, are too large.
    """
    check_rows(after)
    same = list(before) == list(after)
    uses = await _uses(ws, collection.name)
    old, new = _columns(before), _columns(after)
    return Plan(
        risk="send",
        summary=f"{done or 'Change'} the rows of {label(collection)}: {_count(before)} before, {_count(after)} after.",
        notes=uses.notes,
        edits=() if same else (ValueEdit(name="data", before=list(before), after=list(after)),),
        affected=uses.affected,
        warnings=(
            FROM_URL,
            *((f"It loses the columns {listed_names(sorted(old - new))}.",) if old - new else ()),
            *((f"It gets new columns: {listed_names(sorted(new - old))}.",) if new - old and before else ()),
        ),
        effect_title=f"change 1 collection; {FROM_NOW_ON}",
        calls=() if same else (api.update(collection.id, rows=after),),
        rests_on={"collection": state_of(collection, before)},
        next_step=NEXT,
    )


async def plan_name(ws: CallContext, collection: Collection, name: str, *, done: str = "Rename") -> Plan:
    """Plan to rename a collection; without calls where it has the name."""
    same = collection.name == name
    uses = await _uses(ws, collection.name)
    return Plan(
        risk="send",
        summary=f"{done} {label(collection)} to {quoted(name)}.",
        notes=uses.notes,
        edits=() if same else (ValueEdit(name="name", before=collection.name, after=name),),
        affected=uses.affected,
        warnings=(NAME_USED,) if uses.messages or not uses.complete else (),
        effect_title="rename 1 collection",
        calls=() if same else (api.update(collection.id, name=name),),
        rests_on={"collection": collection.name},
        next_step=NEXT,
    )


async def plan_deletion(
    ws: CallContext, collection: Collection, rows: Sequence[Row] | None, *, done: str = "Delete"
) -> Plan:
    """Plan to delete a collection; `rows` are kept for an undo, None where they are too many."""
    uses = await _uses(ws, collection.name)
    kept: tuple[ValueEdit, ...] = () if rows is None else (ValueEdit(name="data", before=list(rows), after=None),)
    size = f"{collection.rows:,} rows" if collection.rows is not None else "an unknown number of rows"
    return Plan(
        risk="destroy",
        summary=f"{done} {label(collection)} with {size}.",
        notes=uses.notes,
        edits=(ValueEdit(name="name", before=collection.name, after=None), *kept),
        affected=uses.affected,
        warnings=(
            *((GONE,) if uses.messages or not uses.complete else ()),
            *(() if kept else (f"It is larger than {MAX_EDIT_BYTES:,} bytes, so undo_change can't restore its rows.",)),
        ),
        effect_title="delete 1 collection",
        calls=(api.delete(collection.id),),
        rests_on={"collection": state_of(collection, rows or ())},
    )


def label(collection: Collection) -> str:
    """How sentences name a collection."""
    return f"collection {word(collection.id)} {quoted(collection.name)}"


def state_of(collection: Collection, rows: Sequence[Row]) -> JsonValue:
    """What an edit rests on: the name, when it was last changed, and a SHA-256 (hex) over the rows."""
    digest = hashlib.sha256(canonical(list(rows)).encode(errors="surrogatepass")).hexdigest()
    changed = collection.updated_at.isoformat() if collection.updated_at else None
    return [collection.name, changed, digest]


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that Customer.io documents as too large.

    Raises:
        InvalidArgument: a row has more than 10 KB, or all have more than this server edits.
    """
    sizes = [len(canonical(row).encode(errors="surrogatepass")) for row in rows]
    large = [f"[{number}] has {size:,}" for number, size in enumerate(sizes) if size > MAX_ROW_BYTES]
    if large:
        raise InvalidArgument("rows", f"a row can have at most {MAX_ROW_BYTES:,} bytes as JSON; {', '.join(large[:5])}")
    if sum(sizes) > MAX_EDIT_BYTES:
        raise InvalidArgument(
            "rows",
            f"have {sum(sizes):,} bytes as JSON; this server sets at most {MAX_EDIT_BYTES:,}, Customer.io accepts "
            f"{MAX_BYTES:,}. Upload a larger file in Customer.io",
        )


async def _uses(ws: CallContext, name: str) -> Uses:
    return await collection_uses(ws, name, await ws.snippets.all())


def _columns(rows: Sequence[Row]) -> set[str]:
    return {name for row in rows for name in row}


def _count(rows: Sequence[Row]) -> str:
    return "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
