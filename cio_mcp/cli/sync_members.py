"""`cio-mcp sync` out of Customer.io: the members of a segment into a file or a table."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.cli.progress_bar import Show
from cio_mcp.cli.sync_end import End, Exit
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.errors import SettingError, Unavailable
from cio_mcp.identity.callers import local_caller
from cio_mcp.jobs.identifiers import IDENTIFIERS
from cio_mcp.jobs.output_files import OutputFile
from cio_mcp.jobs.row_lines import csv_lines, json_lines
from cio_mcp.jobs.sync_file import DatabaseTable, SegmentSource, Sync
from cio_mcp.storage.external_table import ExternalTable, TextRow
from cio_mcp.text.counts import count_of
from cio_mcp.text.sanitize import quoted
from cio_mcp.workspace import CallContext, Workspace

PAGE_SIZE = 1_000
"""Members that are read and written at once."""
PAGE_SECONDS = 120.0
"""Seconds for one page of members with their profiles. Chosen: eleven requests, behind interactive work."""
BUILDING = "Customer.io is still building segment {}. Nothing was written. Try again later."
SUFFIXES = (".csv", ".jsonl", ".ndjson")


@dataclass(slots=True)
class Written:
    """What a run did: members that were read, those who were left out, and rows written and deleted."""

    members: int = 0
    without_key: int = 0
    without_profile: int = 0
    written: int = 0
    deleted: int = 0
    keeps_former: bool = False
    """Whether rows of former members stay, since the table does not say which rows are the sync's."""

    def end(self, source: SegmentSource, target: Path | DatabaseTable) -> End:
        """How the run ended."""
        what = f"{count_of(self.members, 'member')}, {count_of(self.written, 'row')} written."
        if isinstance(target, DatabaseTable):
            changed = count_of(self.written, "row")
            what = f"{count_of(self.members, 'member')}, {changed} changed, {self.deleted:,} deleted."
        if self.without_key:
            what += f" Without {source.attributes[0]} and left out: {self.without_key:,}."
        if self.without_profile:
            what += f" Without a profile that can be read, so left out: {self.without_profile:,}."
        if self.keeps_former:
            what += " Rows of former members stay: the table has no column cio_sync."
        return End(Exit.PARTLY if self.without_key or self.without_profile else Exit.DONE, what)


class Sink(Protocol):
    """Where rows go; every method blocks."""

    def write(self, rows: Sequence[TextRow]) -> int:
        """Write rows; how many changed something."""
        ...

    def finish(self, keys: set[str] | None) -> int:
        """End it, with the keys of all rows, None if they are not known; how many others were deleted."""
        ...


async def write_members(opened: Workspace, sync: Sync, *, dry_run: bool, show: Show) -> End:
    """Read a segment, and make a file or table equal to it.

    Raises:
        NotFound: there is no such segment.
        Unavailable: Customer.io did not answer, or still builds the segment.
        SettingError: the file or table can't be written.
    """
    source, target = sync.source, sync.target
    if not isinstance(source, SegmentSource) or not isinstance(target, Path | DatabaseTable):
        raise TypeError(sync.name)
    ws = _reading(opened)
    segment = await ws.segments.find(source.segment)
    if not segment.settled:
        raise Unavailable(BUILDING.format(f"{segment.id} {quoted(segment.name)}"))
    total = await ws.segments.count(segment.id)
    if dry_run:
        return End(Exit.DONE, f"{count_of(total, 'member')} would be written. Nothing was written (dry run).")
    with ExitStack() as stack:
        sink = await anyio.to_thread.run_sync(_open, stack, sync.name, source, target)
        written = await _copy(opened, segment, source, sink, lambda done: show(done, total))
        written.keeps_former = isinstance(sink, _TableSink) and not sink.table.owns_rows
        return written.end(source, target)


async def _copy(
    opened: Workspace, segment: Segment, source: SegmentSource, sink: Sink, show: Callable[[int], None]
) -> Written:
    written, keys = Written(), set[str]()
    key = source.attributes[0]
    async for members, page in _pages(opened, segment.id, source.attributes):
        rows = [row for row in page if row[key]]
        written.members += members
        written.without_profile += members - len(page)
        written.without_key += len(page) - len(rows)
        keys.update(str(row[key]) for row in rows)
        written.written += await anyio.to_thread.run_sync(sink.write, rows)
        show(written.members)
    known = None if written.without_profile else keys
    written.deleted = await anyio.to_thread.run_sync(sink.finish, known)
    return written


async def _pages(
    opened: Workspace, segment: str, attributes: Sequence[str]
) -> AsyncIterator[tuple[int, list[TextRow]]]:
    """The members a page at a time: how many there are, and a row of each whose profile was found."""
    start: str | None = None
    while True:
        ws = _reading(opened)
        page = await ws.segments.whole_page(segment, limit=PAGE_SIZE, start=start)
        if set(attributes) <= set(IDENTIFIERS):
            people = [Person(identifiers=each) for each in page.identifiers]
        else:
            people = [*(await ws.people.profiles_of_many(page.identifiers)).values()]
        yield len(page.identifiers), [{name: _value(person, name) for name in attributes} for person in people]
        if not page.next:
            return
        start = page.next


def _value(person: Person, name: str) -> str | None:
    """An attribute as text: Customer.io keeps every one as text."""
    if name in IDENTIFIERS:
        found: JsonValue = getattr(person, name)
    else:
        found = person.attributes.get(name)
    return found if found is None or isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _reading(opened: Workspace) -> CallContext:
    """Reads for one page, which let interactive ones go first."""
    ws = opened.acting(local_caller(opened.settings.local_principal), max_wait=PAGE_SECONDS)
    return replace(ws, reader=replace(ws.reader, work=replace(ws.reader.work, bulk=True)))


@dataclass(slots=True)
class _TableSink:
    table: ExternalTable

    def write(self, rows: Sequence[TextRow]) -> int:
        return self.table.upsert(rows)

    def finish(self, keys: set[str] | None) -> int:
        return self.table.delete_all_but(keys) if keys is not None and self.table.owns_rows else 0


@dataclass(slots=True)
class _FileSink:
    file: OutputFile
    columns: Sequence[str]
    is_csv: bool

    def write(self, rows: Sequence[TextRow]) -> int:
        if self.is_csv:
            self.file.write(csv_lines([row[name] for name in self.columns] for row in rows))
        else:
            self.file.write(json_lines(rows))
        return len(rows)

    def finish(self, keys: set[str] | None) -> int:  # noqa: ARG002 - a file is written as a whole
        self.file.finish(replace=True)
        return 0


def _open(stack: ExitStack, name: str, source: SegmentSource, target: Path | DatabaseTable) -> Sink:
    if isinstance(target, DatabaseTable):
        table = ExternalTable(target.key, target.url, target.table, source.attributes, owner=name)
        stack.enter_context(table)
        table.prepare(create=target.create)
        return _TableSink(table)
    if target.suffix.lower() not in SUFFIXES:
        raise SettingError(f"sync.{name}.to.file", f"expected a name that ends with {', '.join(SUFFIXES)}")
    if target.exists() and not target.is_file():
        raise SettingError(f"sync.{name}.to.file", "is not a file")
    file = OutputFile(target, target.parent)
    stack.callback(file.discard)
    is_csv = target.suffix.lower() == ".csv"
    if is_csv:
        file.write(csv_lines([source.attributes]))
    return _FileSink(file, source.attributes, is_csv)
