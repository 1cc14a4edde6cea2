"""The export of metrics: reads what may have changed, keeps each series as it comes, and writes the file at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import anyio
import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.clock import Clock
from cio_mcp.customerio.api.base import Kind
from cio_mcp.customerio.api.metrics import Metrics
from cio_mcp.customerio.api.periods import steps as steps_back
from cio_mcp.customerio.caller import Caller, Work
from cio_mcp.customerio.client import Client, Reader
from cio_mcp.customerio.left_out import count_left_out
from cio_mcp.errors import BadAnswer, CioError, NotFound, Rejected, first_of
from cio_mcp.exports.formats import digest_of_rows
from cio_mcp.exports.metric_days import (
    DAY,
    DAYS_BACK,
    DEFAULT_DAYS,
    NEWSLETTER_DAYS,
    ZONE,
    Days,
    counts_back,
    counts_from,
    days_to_read,
    midnight,
    today,
)
from cio_mcp.exports.metric_sources import Source, sources, steps_of
from cio_mcp.exports.metric_table import TABLE, metric_rows, without_column
from cio_mcp.exports.output import Output
from cio_mcp.storage.metric_state import Coverage, DayCounts, Known, MetricState, Series, Step
from cio_mcp.text.timestamps import from_unix

KINDS: tuple[Kind, ...] = ("campaign", "broadcast", "newsletter", "transactional")
WORKERS = 4
"""Sources that are read at once. Chosen: with answers after a quarter of a second they use up the lane."""
REQUEST_SECONDS = 600.0
"""Seconds that one read may take: it waits while interactive callers use up the rate limit."""
RUN_SECONDS = 6 * 3_600.0
"""Seconds within which a run that was interrupted is continued. Chosen: as long as its counts go together."""
MARGIN_SECONDS = 60.0
"""Seconds around midnight in which Customer.io's clock may have another day than ours; its answer has no dates."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is exported; without `since` as far back as before, and a year at first."""

    kinds: tuple[Kind, ...] = KINDS
    since: date | None = None
    until: date | None = None


class Summary(NamedTuple):
    """What a file has after a run, and what should be known about it."""

    rows: int
    first: str | None
    last: str | None
    written: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...]


Show = Callable[[int, int], None]
"""Shows how many sources are done, of how many."""


def bulk_reads(client: Client, caller: Caller) -> Callable[[], Reader]:
    """Begins reads that let interactive callers go first, and wait for the rate limit as long as it takes."""
    return lambda: client.reader(Work(caller, client.steady() + REQUEST_SECONDS, bulk=True))


@dataclass(slots=True)
class MetricExport:
    """One run; `reader` begins a read, as `bulk_reads` does."""

    reader: Callable[[], Reader]
    state: MetricState
    output: Output
    clock: Clock
    show: Show
    done: int = 0
    total: int = 0
    problems: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    gaps: set[Kind] = field(default_factory=set)
    shortened: bool = False

    async def run(self, request: Request) -> Summary:
        """Read what may have changed and write the file, unless it is so already.

        Raises:
            CioError: what was read is kept, and the next run goes on from there.
        """
        exists = await anyio.to_thread.run_sync(self.output.check)
        run, wanted = await anyio.to_thread.run_sync(self._begin, request)
        with count_left_out() as left_out:
            listed = await sources(self.reader(), request.kinds)
            self.total = len(listed)
            await self._read_all(listed, wanted, run)
        self.problems += [left_out.note] if left_out.note else []
        written = await anyio.to_thread.run_sync(self._write, exists)
        await anyio.to_thread.run_sync(self._end, run)
        rows, first, last = await anyio.to_thread.run_sync(self.state.summary)
        return Summary(rows, first, last, written, tuple(sorted(self.problems)), tuple(self._notes()))

    def _begin(self, request: Request) -> tuple[int, Days]:
        """The number of the run, which may be one that was interrupted, and the days that it covers."""
        now = self.clock.now()
        day = today(now)
        first = self.state.fact("since")
        earlier = date.fromisoformat(first) if isinstance(first, str) else None
        since = request.since or earlier or day - DEFAULT_DAYS * DAY
        wanted = Days(since, min(request.until - DAY if request.until else day, day))
        options: list[JsonValue] = [*request.kinds, since.isoformat(), wanted.last.isoformat(), day.isoformat()]
        match self.state.fact("run"):
            case {"number": int(run), "began": float(began), "options": before, "ended": False} if (
                before == options and 0 <= now - began <= RUN_SECONDS
            ):
                return run, wanted
            case {"number": int(run)}:
                number = run + 1
            case _:
                number = 1
        begun: JsonValue = {"number": number, "began": float(now), "options": options, "ended": False}
        self.state.keep({"run": begun, "since": min(since, earlier or since).isoformat()})
        return number, wanted

    def _end(self, run: int) -> None:
        self.state.keep({"run": {"number": run, "ended": True}})

    async def _read_all(self, listed: list[Source], wanted: Days, run: int) -> None:
        waiting = iter(listed)

        async def work() -> None:
            for source in waiting:
                await self._read_source(source, wanted, run)
                self.done += 1
                self.show(self.done, self.total)

        self.show(self.done, self.total)
        try:
            async with anyio.create_task_group() as group:
                for _ in range(WORKERS):
                    group.start_soon(work)
        except* CioError as failed:
            failure = first_of(failed)
        else:
            return
        raise failure

    async def _read_source(self, source: Source, wanted: Days, run: int) -> None:
        known = await anyio.to_thread.run_sync(self.state.known, source.kind, source.id)
        if _is_final(source, known):
            return
        steps: list[Step] = []
        with self._noting_problems(f"{source.kind} {source.id}"):
            steps = known.steps if known.run == run else await self._list_steps(source, run)
        for step in steps:
            with self._noting_problems(f"{source.kind} {source.id}{step.id and f', step {step.id}'}"):
                await self._read_series(source, step, wanted, known.coverage.get(step.id), run)

    @contextmanager
    def _noting_problems(self, subject: str) -> Iterator[None]:
        """Go on with the rest where one thing can't be read; what was deleted since it was listed is no problem."""
        try:
            yield
        except NotFound:
            pass
        except (BadAnswer, Rejected) as failure:
            self.problems.append(f"The {subject} could not be read. {failure}")

    async def _list_steps(self, source: Source, run: int) -> list[Step]:
        steps = await steps_of(self.reader(), source)
        await anyio.to_thread.run_sync(self.state.keep_steps, source.kind, source.id, steps, run)
        return steps

    async def _read_series(self, source: Source, step: Step, wanted: Days, known: Coverage | None, run: int) -> None:
        if known and known.run == run:
            return
        while days := days_to_read(source.kind, wanted, known, today(now := self.clock.now())):
            counts = await self._counts(source, step, days, now)
            if source.kind == "campaign" or today(now - MARGIN_SECONDS) == today(self.clock.now() + MARGIN_SECONDS):
                break
            await self.clock.sleep(2 * MARGIN_SECONDS)
        else:
            return
        if known and days.first > known.last:
            self.gaps.add(source.kind)
        self.shortened |= not known and days.first > max(wanted.first, _first_day(source))
        self.unknown.update(without_column({name for by_name in counts.values() for name in by_name}))
        series = Series(source.kind, source.id, source.name, step)
        await anyio.to_thread.run_sync(self.state.replace, series, Coverage(days.first, days.last, run), counts)

    async def _counts(self, source: Source, step: Step, days: Days, now: float) -> DayCounts:
        metrics = Metrics(self.reader())
        if source.kind == "campaign":
            span = midnight(days.first), min(midnight(days.last + DAY), from_unix(now))
            return counts_from(await metrics.days_of_action(source.id, step.id, *span, timezone=ZONE.key), days.first)
        steps = steps_back(midnight(days.first), from_unix(now), "days", ZONE) or DAYS_BACK
        return counts_back(await metrics.days_back(source.kind, source.id, step.id, steps), now)

    def _write(self, exists: bool) -> bool:
        """Write the file unless it has these rows already; whether it was written."""
        content = digest_of_rows(self.output.format.name, TABLE, metric_rows(self.state.rows()))
        if exists and self.state.fact("content") == content:
            return False
        self.output.replace(lambda add: add(metric_rows(self.state.rows())), {"content": content}, append=False)
        return True

    def _notes(self) -> Iterator[str]:
        back = today(self.clock.now()) - (DAYS_BACK - 1) * DAY
        if self.gaps:
            yield (
                f"Days before {back} are missing of {_names(self.gaps)}, because the last export was longer ago than "
                f"the {DAYS_BACK} days that Customer.io gives."
            )
        if self.shortened:
            yield (
                f"Of broadcasts, newsletters, and transactional messages, Customer.io gives only the last {DAYS_BACK} "
                f"days, from {back} on. To keep all days from now on, export at least every {DAYS_BACK} days."
            )
        if self.unknown:
            yield f"This version has no column for the metrics {', '.join(sorted(self.unknown))}."


def _first_day(source: Source) -> date:
    """The first day on which a source can have counted anything."""
    return source.began.astimezone(ZONE).date() if source.began else date.min


def _is_final(source: Source, known: Known) -> bool:
    """Whether all of a newsletter was read long enough after it was sent."""
    if source.kind != "newsletter" or known.run is None:
        return False
    last = _first_day(source) + NEWSLETTER_DAYS * DAY
    read = [known.coverage.get(step.id) for step in known.steps]
    return all(each is not None and each.last >= last for each in read)


def _names(kinds: set[Kind]) -> str:
    plurals = {"transactional": "transactional messages"}
    return ", ".join(plurals.get(kind, f"{kind}s") for kind in KINDS if kind in kinds)
