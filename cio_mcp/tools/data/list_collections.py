"""The tool that lists collections and reads the rows of one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

import anyio.to_thread
from pydantic import Field

from cio_mcp.customerio.api.collections import Collection, Row
from cio_mcp.customerio.call import canonical
from cio_mcp.text.sanitize import quoted_name
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import FreeText, Prose
from cio_mcp.tools.common.arguments import Cursor, Id, Limit
from cio_mcp.tools.common.pages import PageAnswer, cut, offset_of
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.template_search import Use, Uses, collection_uses, listed_uses
from cio_mcp.workspace import CallContext

MAX_COLUMNS, MAX_LISTED_COLUMNS = 50, 10
"""Columns of one collection in an answer, and of each in a list; the rest is counted. Chosen: a list has 100."""
MAX_ROW_CHARACTERS = 7_900
"""Of a row as JSON, which is cut beyond it; Customer.io accepts rows of 10 KB."""
MAX_PAGE_CHARACTERS = 10_000
"""Of the rows of a page, but for its first; a cursor leads on. No source, about 3,000 tokens."""

CollectionRef = Annotated[Id, Field(description="ID or exact name")]


class CollectionRow(AnswerPart):
    """A collection: its size and columns."""

    id: str
    name: str
    rows: int | None = None
    bytes: int | None = None
    columns: tuple[str, ...] | None = None
    columns_omitted: int | None = None
    updated: datetime | None = None

    def __str__(self) -> str:
        size = [f"{self.rows:,} rows" if self.rows is not None else "", f"{self.bytes:,} bytes" if self.bytes else ""]
        more = f", and {self.columns_omitted:,} more" if self.columns_omitted else ""
        columns = f"columns {', '.join(map(quoted_name, self.columns))}{more}" if self.columns else ""
        updated = f"updated {moment(self.updated)}" if self.updated else ""
        return ", ".join(filter(None, [f"{self.id} {quoted_name(self.name)}", *size, columns, updated]))


class NumberedRow(AnswerPart):
    """A row as JSON, by its place in the collection from 1."""

    number: int
    row: Annotated[str, FreeText(MAX_ROW_CHARACTERS)]


class CollectionsAnswer(PageAnswer):
    """A page of collections, or one of them with a page of its rows and what uses it."""

    collections: tuple[CollectionRow, ...] = ()
    total: int | None = None
    rows: tuple[NumberedRow, ...] | None = None
    used_by: tuple[Use, ...] | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """A line for each; rows as quotations."""
        if self.rows is None:
            yield "1 collection" if self.total == 1 else f"{self.total or 0} collections"
        yield from map(str, self.collections)
        yield from (f"> {each.number}. {each.row}" for each in self.rows or ())
        yield from self.more(self.total)
        yield from (f"used by {use}" for use in self.used_by or ())
        if self.note:
            yield self.note


async def list_collections(
    ws: CallContext,
    collection: Annotated[CollectionRef | None, Field(description="Show rows of this one and what uses it")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> CollectionsAnswer:
    """List collections: tables of data that messages look up, such as coupons or stores. Or show the rows of one."""
    if collection is None:
        every = await ws.collections.all()
        listed, more = cut(every, limit, cursor)
        return CollectionsAnswer(
            collections=tuple(_row(each, MAX_LISTED_COLUMNS) for each in listed), total=len(every), **more
        )
    start = offset_of(cursor)
    found = await ws.collections.find(collection, field="collection")
    rows = await ws.collections.returned_rows(found)
    page = await anyio.to_thread.run_sync(partial(_page, cut(rows, limit, cursor)[0], start))
    used_by, note = await listed_uses(partial(_uses, ws, found))
    end = start + len(page)
    return CollectionsAnswer(
        collections=(_row(found, MAX_COLUMNS),),
        total=len(rows),
        rows=page,
        used_by=used_by,
        note=f"{_difference(found, rows)}{note}",
        has_more=end < len(rows),
        cursor=str(end) if end < len(rows) else None,
        omitted=len(rows) - end or None,
    )


async def _uses(ws: CallContext, collection: Collection) -> Uses:
    return await collection_uses(ws, collection.name, await ws.snippets.all())


def _difference(collection: Collection, rows: Sequence[Row]) -> str:
    """What to say where Customer.io returns other rows than it counts."""
    if collection.rows in (None, len(rows)):
        return ""
    return f"Customer.io counts {collection.rows:,} rows and returned {len(rows):,}, so the rows may not be current. "


def _row(collection: Collection, most: int) -> CollectionRow:
    return CollectionRow(
        id=collection.id,
        name=collection.name,
        rows=collection.rows,
        bytes=collection.bytes,
        columns=collection.columns[:most] or None,
        columns_omitted=len(collection.columns[most:]) or None,
        updated=collection.updated_at,
    )


def _page(rows: Sequence[Row], start: int) -> tuple[NumberedRow, ...]:
    """As many rows as an answer has room for, at least one."""
    page: list[NumberedRow] = []
    size = 0
    for number, row in enumerate(rows, start + 1):
        text = canonical(row)
        size += min(len(text), MAX_ROW_CHARACTERS)
        if page and size > MAX_PAGE_CHARACTERS:
            break
        page.append(NumberedRow(number=number, row=text))
    return tuple(page)
