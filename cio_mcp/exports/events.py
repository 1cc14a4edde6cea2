"""The export of the event log: the events that came since the last run, in the order of storing."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import anyio.from_thread
import anyio.to_thread

from cio_mcp.exports.formats import Add
from cio_mcp.exports.output import Output
from cio_mcp.storage.events import Events
from cio_mcp.storage.export_table import ExportRow, ExportTable
from cio_mcp.storage.rows import EventRow
from cio_mcp.text.timestamps import from_unix, moment

PAGE = 500
"""Events that are in memory at once. Chosen: some hundred KB, as most events are small."""
DAY_SECONDS = 86_400.0
TABLE = ExportTable(
    "events",
    {
        "sequence": "count",
        "event_id": "text",
        "happened_at": "time",
        "received_at": "time",
        "object_type": "text",
        "metric": "text",
        "kind": "text",
        "source_id": "text",
        "delivery_id": "text",
        "trigger_event_id": "text",
        "person_id": "text",
        "email": "text",
        "cio_id": "text",
        "data": "json",
    },
)


class EventSummary(NamedTuple):
    """How many events a run added, and whether some may have been deleted before it."""

    added: int
    may_lack: bool


class EventExport:
    """One run; `days` is how long events are kept in the log."""

    def __init__(self, events: Events, output: Output, *, now: float, days: float) -> None:
        self._events = events
        self._output = output
        self._now = now
        self._days = days

    async def run(self) -> EventSummary:
        """Write the events since the last run after those in the file; a file that was moved away begins again.

        Raises:
            StorageFailed: the log can't be read.
            OperatorError: the file can't be written; it is as it was.
        """
        exists = await anyio.to_thread.run_sync(self._output.check)
        state = self._output.state
        last, at = await anyio.to_thread.run_sync(lambda: (state.fact("sequence"), state.fact("at")))
        after = last if isinstance(last, int) else 0
        upto, _ = await self._events.newest()
        is_late = isinstance(at, float) and self._now - at > self._days * DAY_SECONDS
        may_lack = is_late and upto > after and not await self._events.has_up_to(after)
        added = await anyio.to_thread.run_sync(self._write, after, upto, exists) if upto > after or not exists else 0
        await anyio.to_thread.run_sync(state.keep, {"at": float(self._now)})
        return EventSummary(added, may_lack)

    def _write(self, after: int, upto: int, exists: bool) -> int:
        """Write in a worker thread, which has the event loop read a page at a time."""
        added = 0

        def add_all(add: Add) -> None:
            nonlocal added
            for page in self._pages(after, upto):
                add(event_row(each) for each in page)
                added += len(page)

        self._output.replace(add_all, {"sequence": max(after, upto)}, append=exists)
        return added

    def _pages(self, after: int, upto: int) -> Iterator[Sequence[EventRow]]:
        while page := [
            each for each in anyio.from_thread.run(self._events.after, after, PAGE) if each.sequence <= upto
        ]:
            yield page
            after = page[-1].sequence


def event_row(event: EventRow) -> ExportRow:
    """A row of the table."""
    return {
        "sequence": event.sequence,
        "event_id": event.event_id,
        "happened_at": moment(from_unix(event.at)),
        "received_at": moment(from_unix(event.received_at)),
        "object_type": event.object_type,
        "metric": event.metric,
        "kind": event.kind,
        "source_id": event.parent_id,
        "delivery_id": event.delivery_id,
        "trigger_event_id": event.trigger_event_id,
        "person_id": event.person_id,
        "email": event.email,
        "cio_id": event.cio_id,
        "data": json.loads(event.data),
    }
