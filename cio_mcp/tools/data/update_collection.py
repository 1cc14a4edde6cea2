"""The write tool for collections."""

from collections.abc import Sequence
from typing import Annotated, Literal

import anyio.to_thread
from pydantic import Field, JsonValue

from cio_mcp.customerio.api.collections import Collection, Row
from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Id, Name
from cio_mcp.tools.common.collection_edit import (
    MAX_EDIT_BYTES,
    label,
    plan_creation,
    plan_deletion,
    plan_name,
    plan_rows,
)
from cio_mcp.tools.common.name_checks import check_visible
from cio_mcp.workspace import CallContext

MAX_ROWS = 1_000
"""Rows of one call. Chosen."""

Action = Literal["create", "rename", "add_rows", "remove_rows", "replace_rows", "delete"]
WITH_ROWS = frozenset({"create", "add_rows", "remove_rows", "replace_rows"})
WITH_NAME = frozenset({"create", "rename"})


async def update_collection(
    ws: CallContext,
    action: Action,
    collection: Annotated[Id | None, Field(description="ID or exact name; omit to create")] = None,
    rows: Annotated[
        tuple[dict[str, JsonValue], ...],
        Field(description="Objects. To remove rows, values by which each matches exactly one", max_length=MAX_ROWS),
    ] = (),
    name: Annotated[Name | None, Field(description="New name")] = None,
) -> Plan:
    """Create, rename, or delete a collection, or add, remove, or replace rows of it. Requires approval."""
    _check(action, collection, rows, name)
    if action == "create":
        wanted = _named(name)
        existing = next((each for each in await ws.collections.all() if each.name == wanted), None)
        # Equal rows: such as when the call is repeated for its outcome.
        if existing and (before := await editable_rows(ws, existing)) == [*rows]:
            return await plan_rows(ws, existing, before, rows)
        if existing:
            raise InvalidArgument("name", f"there is a collection {quoted(wanted)} already")
        return await plan_creation(ws, wanted, rows)
    found = await ws.collections.find(collection or "", field="collection")
    if action == "rename":
        return await plan_name(ws, found, _named(name))
    if action == "delete":
        small = found.bytes is not None and found.bytes <= MAX_EDIT_BYTES
        return await plan_deletion(ws, found, await ws.collections.rows(found) if small else None)
    before = await editable_rows(ws, found)
    if action == "remove_rows":
        after = await anyio.to_thread.run_sync(_without, before, rows)
    else:
        after = [*(before if action == "add_rows" else ()), *rows]
    return await plan_rows(ws, found, before, after)


async def editable_rows(ws: CallContext, collection: Collection) -> list[Row]:
    """The rows of a collection that is small enough to be edited.

    Raises:
        Refused: it is not.
    """
    if (collection.bytes or 0) > MAX_EDIT_BYTES:
        raise Refused(
            f"{label(collection).capitalize()} has {collection.bytes:,} bytes; this server edits rows of at most "
            f"{MAX_EDIT_BYTES:,}. Edit it in Customer.io. Nothing was sent."
        )
    return await ws.collections.rows(collection)


def _check(action: Action, collection: str | None, rows: Sequence[Row], name: str | None) -> None:
    faults: dict[str, str] = {}
    if action == "create" and collection is not None:
        faults["collection"] = "must be omitted to create a collection; pass name"
    if action != "create" and collection is None:
        faults["collection"] = "is required"
    if action in WITH_ROWS and action not in {"create", "replace_rows"} and not rows:
        faults["rows"] = f"is required for {action}"
    if action not in WITH_ROWS and rows:
        faults["rows"] = f"must be omitted for {action}"
    if action in WITH_NAME and name is None:
        faults["name"] = f"is required for {action}"
    if action not in WITH_NAME and name is not None:
        faults["name"] = f"must be omitted for {action}"
    if faults:
        first, *others = faults
        more = "".join(f"; {field}: {faults[field]}" for field in others)
        raise InvalidArgument(first, f"{faults[first]}{more}")


def _named(name: str | None) -> str:
    wanted = (name or "").strip()
    if not wanted:
        raise InvalidArgument("name", "expected the collection's name")
    check_visible("name", wanted)
    return wanted


def _without(rows: Sequence[Row], patterns: Sequence[Row]) -> list[Row]:
    """The rows less those that the patterns match, of which each must match exactly one."""
    faults: list[str] = []
    removed: set[int] = set()
    for number, pattern in enumerate(patterns):
        matches = [index for index, row in enumerate(rows) if pattern and _matches(row, pattern)]
        if len(matches) == 1:
            removed.add(matches[0])
        else:
            faults.append(f"[{number}] matches {len(matches):,} rows")
    if faults:
        raise InvalidArgument(
            "rows", f"each must match exactly one row: {', '.join(faults[:5])}. list_collections shows the rows"
        )
    return [row for index, row in enumerate(rows) if index not in removed]


def _matches(row: Row, pattern: Row) -> bool:
    return all(name in row and row[name] == value for name, value in pattern.items())
