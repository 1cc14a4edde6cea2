"""The state of an export of metrics: which series were read and when, and what they counted on each day."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from cio_mcp.storage.export_state import ExportState, guarded

ROWS_AT_ONCE = 1_000
"""Rows that are read from the file at once."""


@dataclass(frozen=True, slots=True)
class Step:
    """A message of a source: an action or a variant. If a source's messages aren't counted apart, it has no ID."""

    id: str
    name: str
    channel: str


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted by day: a step, with the kind, ID, and name of its source."""

    kind: str
    source_id: str
    source_name: str
    step: Step

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies it: names may change."""
        return self.kind, self.source_id, self.step.id


@dataclass(frozen=True, slots=True)
class Coverage:
    """The days of a series that were read, and the run that did so last."""

    first: date
    last: date
    run: int


@dataclass(frozen=True, slots=True)
class Known:
    """The steps of a source, the run that listed them (None if none has), and what was read of them by their IDs."""

    run: int | None
    steps: list[Step]
    coverage: Mapping[str, Coverage]


DayCounts = Mapping[date, Mapping[str, int]]
"""The counts of each day by metric: a metric that isn't there is 0, a day that isn't there was not read."""
CountRow = tuple[Series, str, dict[str, int]]
"""A series, a day, and its counts, of which none is 0."""
_ORDER = (
    "CASE kind WHEN 'campaign' THEN 0 WHEN 'broadcast' THEN 1 WHEN 'newsletter' THEN 2 ELSE 3 END, "
    "CAST(source_id AS INTEGER), source_id, CAST(step_id AS INTEGER), step_id, day"
)


class MetricState(ExportState):
    """The state of an export of metrics."""

    tables = (
        "CREATE TABLE sources (kind TEXT, id TEXT, run INTEGER NOT NULL, steps TEXT NOT NULL, PRIMARY KEY (kind, id))",
        """CREATE TABLE series (
            kind TEXT, source_id TEXT, step_id TEXT, source_name TEXT NOT NULL, step_name TEXT NOT NULL,
            channel TEXT NOT NULL, first_day TEXT NOT NULL, last_day TEXT NOT NULL, run INTEGER NOT NULL,
            PRIMARY KEY (kind, source_id, step_id)
        )""",
        """CREATE TABLE counts (
            kind TEXT, source_id TEXT, step_id TEXT, day TEXT, counts TEXT NOT NULL,
            PRIMARY KEY (kind, source_id, step_id, day)
        ) WITHOUT ROWID""",
    )

    @guarded
    def known(self, kind: str, source_id: str) -> "Known":
        """What was read of a source."""
        query = "SELECT run, steps FROM sources WHERE kind = ? AND id = ?"
        row = self._db.execute(query, (kind, source_id)).fetchone()
        steps = [Step(*step) for step in json.loads(row[1])] if row else []
        query = "SELECT step_id, first_day, last_day, run FROM series WHERE kind = ? AND source_id = ?"
        coverage = {
            step_id: Coverage(date.fromisoformat(first), date.fromisoformat(last), run)
            for step_id, first, last, run in self._db.execute(query, (kind, source_id))
        }
        return Known(row[0] if row else None, steps, coverage)

    @guarded
    def keep_steps(self, kind: str, source_id: str, steps: list[Step], run: int) -> None:
        """Keep the steps of a source."""
        text = json.dumps([(step.id, step.name, step.channel) for step in steps])
        self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)", (kind, source_id, run, text))

    @guarded
    def replace(self, series: Series, read: Coverage, counts: DayCounts) -> None:
        """Replace the counts of days, as far as they are among those that were to be read; other days stay."""
        days = {day.isoformat(): by_name for day, by_name in counts.items() if read.first <= day <= read.last}
        self._db.executemany(
            "DELETE FROM counts WHERE kind = ? AND source_id = ? AND step_id = ? AND day = ?",
            [(*series.key, day) for day in days],
        )
        self._db.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?)",
            [(*series.key, day, json.dumps(by_name, sort_keys=True)) for day, by_name in days.items() if by_name],
        )
        step, days_read = series.step, (read.first.isoformat(), read.last.isoformat())
        self._db.execute(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " source_name = excluded.source_name, step_name = excluded.step_name, channel = excluded.channel,"
            " first_day = min(first_day, excluded.first_day), last_day = max(last_day, excluded.last_day),"
            " run = excluded.run",
            (*series.key, series.source_name, step.name, step.channel, *days_read, read.run),
        )

    def rows(self) -> Iterator[CountRow]:
        """All counts, in an order that never changes: by kind, source, step, and day."""
        with self.transaction():
            query = self._db.execute(
                "SELECT kind, source_id, source_name, step_id, step_name, channel, day, counts"  # noqa: S608 - of our own text
                f" FROM counts JOIN series USING (kind, source_id, step_id) ORDER BY {_ORDER}"
            )
            while batch := query.fetchmany(ROWS_AT_ONCE):
                for kind, source_id, source_name, step_id, step_name, channel, day, counts in batch:
                    series = Series(kind, source_id, source_name, Step(step_id, step_name, channel))
                    yield series, day, json.loads(counts)

    @guarded
    def summary(self) -> tuple[int, str | None, str | None]:
        """How many rows there are, and their first and last days."""
        row: tuple[int, str | None, str | None] = self._db.execute(
            "SELECT count(*), min(day), max(day) FROM counts"
        ).fetchone()
        return row
