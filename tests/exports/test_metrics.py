"""The export of metrics: what it reads and keeps, and that the file says what Customer.io counted."""

import csv
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from cio_mcp.customerio.api.metrics import Metrics
from cio_mcp.errors import KeyRefused, OperatorError
from cio_mcp.exports.metric_days import midnight
from cio_mcp.exports.metric_table import TABLE
from cio_mcp.exports.metrics import WORKERS, Request, Summary
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.clock import DAY_SECONDS, StillClock
from cio_mcp.settings import Settings
from cio_mcp.storage.metric_state import Coverage, MetricState, Series, Step
from cio_mcp.text.timestamps import from_unix
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.clock import FunctionClock
from tests.exports.exporting import FORMATS, export, still_sandbox

pytestmark = pytest.mark.anyio

TODAY = date(2026, 6, 15)
"""The day of the sandbox."""
STEPS = {"campaign": 11, "broadcast": 1, "newsletter": 13, "transactional": 8}
SOURCES = {"campaign": 5, "broadcast": 1, "newsletter": 12, "transactional": 8}
MINIMUM = len(SOURCES) + sum(SOURCES.values()) + sum(STEPS.values())
"""The fewest requests of a first export: a list of each kind, the steps of each source, and the counts of each step.
One request gives ten years of a campaign's action, and 45 days of anything else, which are all that there are."""
OLD_NEWSLETTERS = 9
"""Those of the twelve that were sent over 90 days before."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with still_sandbox() as running:
        yield running


@pytest.fixture
async def opened(settings: Settings, sandbox: Sandbox) -> AsyncIterator[Workspace]:
    async with open_workspace(settings, sandbox=sandbox) as workspace:
        yield workspace


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def requests_of(sandbox: Sandbox) -> int:
    return len(sandbox.requests)


async def test_a_year_of_every_kind_is_exported_by_day_and_step_as_customerio_counts_it(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path, ws: CallContext
) -> None:
    path = tmp_path / "metrics.csv"
    summary = await export(opened, sandbox, path)
    rows = rows_of(path)
    assert (summary.rows, summary.problems) == (len(rows), ())
    assert list(rows[0]) == list(TABLE.columns)
    assert {row["kind"] for row in rows} == set(STEPS)
    assert rows == sorted(
        rows,
        key=lambda row: (list(STEPS).index(row["kind"]), int(row["source_id"]), int(row["step_id"] or 0), row["day"]),
    )
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for name in ("sent", "delivered", "opened", "machine_opened", "converted"):
            sums[row["kind"], row["source_id"], name] += int(row[name])
    first, now = TODAY - timedelta(days=365), from_unix(sandbox.clock.now())
    for number in range(1, 6):
        metric = await Metrics(ws.reader).between(
            str(number), midnight(first), now, resolution="days", timezone="America/New_York", channel=None
        )
        assert metric.totals["sent"] == sums["campaign", str(number), "sent"] > 0
        assert metric.totals["machine_opened"] == sums["campaign", str(number), "machine_opened"]
    for kind, source in (("broadcast", "10"), ("newsletter", "31"), ("transactional", "2")):
        metric = await Metrics(ws.reader).back(kind, source, "days", 45)  # type: ignore[arg-type]
        assert metric.totals["sent"] == sums[kind, source, "sent"] > 0
        assert metric.totals["converted"] == sums[kind, source, "converted"]


async def test_rows_name_source_step_channel_and_the_day_in_eastern_time(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    await export(opened, sandbox, tmp_path / "metrics.csv")
    rows = rows_of(tmp_path / "metrics.csv")
    names = {(row["source_name"], row["step_id"], row["step_name"], row["channel"]) for row in rows}
    assert ("Order follow-up", "202", "How was it?", "push") in names
    assert ("Login code", "", "", "sms") in names
    (sent,) = {
        row["day"] for row in rows if row["source_id"] == "31" and row["kind"] == "newsletter" and int(row["sent"])
    }
    assert sent == "2026-06-05"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("ending", FORMATS)
async def test_an_export_of_a_year_is_byte_identical_when_it_runs_twice(
    ending: str, opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    first, second = tmp_path / f"first.{ending}", tmp_path / f"second.{ending}"
    await export(opened, sandbox, first)
    before = first.read_bytes()
    assert not (await export(opened, sandbox, first)).written
    assert first.read_bytes() == before
    if ending != "duckdb":  # where each new file has an identifier of its own
        await export(opened, sandbox, second)
        assert second.read_bytes() == before


@pytest.mark.slow
async def test_each_format_has_the_same_rows(opened: Workspace, sandbox: Sandbox, tmp_path: Path) -> None:
    for ending, format_ in FORMATS.items():
        await export(opened, sandbox, tmp_path / f"metrics.{ending}", format_=format_)
    with duckdb.connect(str(tmp_path / "metrics.duckdb"), read_only=True) as db:
        columns = {name: kind for name, kind, *_ in db.execute("DESCRIBE metrics").fetchall()}
        from_duckdb = db.execute("FROM metrics").fetchall()
        from_parquet = db.execute(f"FROM '{tmp_path / 'metrics.parquet'}'").fetchall()
    assert list(columns) == list(TABLE.columns)
    assert (columns["day"], columns["sent"], columns["source_id"]) == ("DATE", "BIGINT", "VARCHAR")
    from_csv = [list(row.values()) for row in rows_of(tmp_path / "metrics.csv")]
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [[str(value) for value in json.loads(line).values()] for line in lines] == from_csv
    assert [[str(value) for value in row] for row in from_duckdb] == from_csv
    assert from_parquet == from_duckdb


async def test_a_first_export_makes_the_fewest_requests(opened: Workspace, sandbox: Sandbox, tmp_path: Path) -> None:
    await export(opened, sandbox, tmp_path / "metrics.csv")
    assert requests_of(sandbox) == MINIMUM


async def test_a_later_export_reads_no_newsletter_that_was_sent_over_90_days_ago(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    for fewest in (MINIMUM, MINIMUM - 2 * OLD_NEWSLETTERS):
        sandbox.requests.clear()
        async with open_workspace(settings, sandbox=sandbox) as opened:
            await export(opened, sandbox, tmp_path / "metrics.csv")
        assert requests_of(sandbox) == fewest


async def test_a_later_export_reads_the_last_45_days_again_and_keeps_older_ones(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    await export(opened, sandbox, path)
    welcome = Series("campaign", "1", "Onboarding", Step("101", "Welcome", "email"))
    old, again = TODAY - timedelta(days=46), TODAY - timedelta(days=45)
    with closing(MetricState.open(path)) as state:
        for day in (old, again):
            state.replace(welcome, Coverage(day, day, 1), {day: {"sent": 999}})
    sandbox.clock.advance(DAY_SECONDS / 2)
    await export(opened, sandbox, path)
    marked = [row["day"] for row in rows_of(path) if row["sent"] == "999"]
    assert marked == [old.isoformat()]


async def test_days_that_customerio_no_longer_gives_stay_in_the_file(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    await export(opened, sandbox, path)
    before = [row for row in rows_of(path) if row["kind"] == "newsletter"]
    sandbox.clock.advance(40 * DAY_SECONDS)
    summary = await export(opened, sandbox, path)
    after = rows_of(path)
    assert all(row in after for row in before)
    assert summary.notes == ()


async def test_a_first_export_says_which_days_customerio_does_not_give(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    summary = await export(opened, sandbox, tmp_path / "metrics.csv")
    (note,) = summary.notes
    assert note == (
        "Of broadcasts, newsletters, and transactional messages, Customer.io gives only the last 45 days, from "
        "2026-05-02 on. To keep all days from now on, export at least every 45 days."
    )


@pytest.mark.slow
async def test_an_export_after_too_long_says_which_days_are_missing(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    await export(opened, sandbox, path)
    sandbox.clock.advance(60 * DAY_SECONDS)
    summary = await export(opened, sandbox, path)
    (note,) = summary.notes
    assert note == (
        "Days before 2026-07-01 are missing of broadcasts, newsletters, transactional messages, because the last "
        "export was longer ago than the 45 days that Customer.io gives."
    )


async def test_options_choose_what_is_read_and_leave_the_rest_of_the_file(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    may = Request(("campaign",), date(2026, 5, 1), date(2026, 6, 1))
    await export(opened, sandbox, path, may)
    rows = rows_of(path)
    assert {row["kind"] for row in rows} == {"campaign"}
    assert all("2026-05-01" <= row["day"] < "2026-06-01" for row in rows)
    await export(opened, sandbox, path, Request(("newsletter",), date(2026, 5, 1)))
    assert {row["kind"] for row in rows_of(path)} == {"campaign", "newsletter"}
    await export(opened, sandbox, path, Request(("campaign",), date(2026, 1, 1), date(2026, 2, 1)))
    days = {row["day"] for row in rows_of(path) if row["kind"] == "campaign"}
    assert min(days) < "2026-01-15"
    assert any("2026-03-01" <= day < "2026-04-01" for day in days), "no day between is left out"


@pytest.mark.slow
async def test_a_failure_keeps_what_was_read_and_the_next_run_goes_on(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.csv", tmp_path / "metrics.csv"
    await export(opened, sandbox, whole)
    before = requests_of(sandbox)
    sandbox.faults.append(Fault("GET", "/v1/newsletters/25/contents", "status:401", -1))
    with pytest.raises(KeyRefused):
        await export(opened, sandbox, path)
    assert not path.exists()
    sandbox.faults.clear()
    await export(opened, sandbox, path)
    assert path.read_bytes() == whole.read_bytes()
    failed, lists, in_flight = 1, len(SOURCES), WORKERS
    assert requests_of(sandbox) - before <= MINIMUM + lists + failed + in_flight


async def test_what_cannot_be_read_is_named_and_the_rest_is_exported(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/newsletters/31/contents/311/metrics", "status:400", -1))
    summary = await export(opened, sandbox, tmp_path / "metrics.csv")
    (problem,) = summary.problems
    assert problem.startswith("The newsletter 31, step 311 could not be read. Customer.io ")
    assert {row["kind"] for row in rows_of(tmp_path / "metrics.csv")} == set(STEPS)


class OddSandbox(Sandbox):
    """A sandbox that answers the requests of one path differently."""

    path: str
    change: Callable[[Any], Any]

    async def _respond(self, request: HttpRequest, raw_path: str, *arguments: Any) -> Response:
        response = await super()._respond(request, raw_path, *arguments)
        return JSONResponse(self.change(json.loads(bytes(response.body)))) if raw_path == self.path else response


async def of_broadcasts(
    settings: Settings, path: Path, odd_path: str, change: Callable[[Any], Any]
) -> tuple[Summary, list[dict[str, str]]]:
    """Export broadcasts while one answer is changed."""
    async with (
        OddSandbox(seed=7, people=5, clock=StillClock()) as sandbox,
        open_workspace(settings, sandbox=sandbox) as opened,
    ):
        sandbox.path, sandbox.change = odd_path, change
        summary = await export(opened, sandbox, path, Request(("broadcast",)))
    return summary, rows_of(path)


async def test_records_that_cannot_be_read_are_counted_as_a_problem(settings: Settings, tmp_path: Path) -> None:
    def with_another(answer: Any) -> Any:
        return {"broadcasts": [*answer["broadcasts"], {"name": "without an ID"}]}

    summary, rows = await of_broadcasts(settings, tmp_path / "metrics.csv", "/v1/broadcasts", with_another)
    assert summary.problems == ("Incomplete: 1 record of Customer.io's answers could not be read and is left out.",)
    assert rows


async def test_a_metric_without_a_column_is_named_and_kept_for_a_later_version(
    settings: Settings, tmp_path: Path
) -> None:
    def with_another(answer: Any) -> Any:
        series = answer["metric"]["series"]
        return {"metric": {"series": {**series, "sparkled": series["sent"], "2xx": series["sent"]}}}

    path = tmp_path / "metrics.csv"
    summary, rows = await of_broadcasts(settings, path, "/v1/broadcasts/10/actions/1001/metrics", with_another)
    assert summary.notes[-1] == "This version has no column for the metrics sparkled."
    assert [row["http_2xx"] for row in rows] == [row["sent"] for row in rows]
    with closing(MetricState.open(path)) as state:
        assert any(counts.get("sparkled") for _, _, counts in state.rows())


async def test_a_step_that_was_deleted_since_it_was_listed_is_no_problem(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/campaigns/1/actions/101/metrics", "status:404", -1))
    assert (await export(opened, sandbox, tmp_path / "metrics.csv")).problems == ()
    steps = {row["step_id"] for row in rows_of(tmp_path / "metrics.csv") if row["source_name"] == "Onboarding"}
    assert steps == {"102"}


@pytest.mark.slow
async def test_rows_of_a_deleted_source_stay_and_a_new_name_replaces_the_old_one(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    path, sources = tmp_path / "metrics.csv", sandbox.workspace.sources
    async with open_workspace(settings, sandbox=sandbox) as opened:
        await export(opened, sandbox, path)
    before = rows_of(path)
    del sources["newsletter", 31]
    sources["campaign", 1] = replace(sources["campaign", 1], name="Welcome, all\nof you")
    async with open_workspace(settings, sandbox=sandbox) as opened:
        await export(opened, sandbox, path)
    names = {row["source_name"] for row in rows_of(path)}
    assert len(rows_of(path)) == len(before)
    assert "Welcome, all\nof you" in names
    assert "Onboarding" not in names


async def test_nothing_is_dated_around_midnight_when_the_day_is_unclear(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The answer of a count by steps has no dates: its last day is today, for Customer.io's clock."""
    await export(opened, sandbox, tmp_path / "noon.csv", Request(("newsletter",)))
    midnight_at = midnight(TODAY + timedelta(days=1)).timestamp()
    sandbox.clock.advance(midnight_at - 30 - sandbox.clock.now())
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        sandbox.clock.advance(seconds)

    clock = FunctionClock(sandbox.clock.now, sleep)
    await export(opened, sandbox, tmp_path / "night.csv", Request(("newsletter",)), clock=clock)
    assert waits
    days = {row["day"] for row in rows_of(tmp_path / "night.csv") if int(row["sent"])}
    assert days == {row["day"] for row in rows_of(tmp_path / "noon.csv") if int(row["sent"])}


async def test_a_day_that_falls_out_of_the_window_at_midnight_is_not_lost(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    await export(opened, sandbox, path, Request(("newsletter",)))
    newest = Series("newsletter", "31", "June", Step("311", "June issue", "email"))
    oldest_day = TODAY - timedelta(days=44)
    with closing(MetricState.open(path)) as state:
        state.replace(newest, Coverage(oldest_day, oldest_day, 1), {oldest_day: {"sent": 999}})
    sandbox.clock.advance(midnight(TODAY + timedelta(days=1)).timestamp() - 30 - sandbox.clock.now())

    async def sleep(seconds: float) -> None:
        sandbox.clock.advance(seconds)

    await export(opened, sandbox, path, Request(("newsletter",)), clock=FunctionClock(sandbox.clock.now, sleep))
    assert [row["day"] for row in rows_of(path) if row["sent"] == "999"] == [oldest_day.isoformat()]


async def test_a_workspace_without_counts_gives_a_file_without_rows(settings: Settings, tmp_path: Path) -> None:
    async with still_sandbox() as sandbox, open_workspace(settings, sandbox=sandbox) as opened:
        summary = await export(opened, sandbox, tmp_path / "m.csv", Request(since=TODAY, until=TODAY))
    assert summary.rows == 0
    assert (tmp_path / "m.csv").read_text() == ",".join(TABLE.columns) + "\n"


async def test_a_full_disk_loses_nothing(
    opened: Workspace, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.csv"
    await export(opened, sandbox, path, Request(("campaign",)))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OperatorError, match="the disk is full"):
            await export(opened, sandbox, path)
    assert path.read_bytes() == before
    assert files_in(tmp_path) == {"data", "metrics.csv", "metrics.csv.state"}
    assert (await export(opened, sandbox, path)).written


def test_a_state_on_a_full_disk_is_named_and_keeps_what_it_had(tmp_path: Path) -> None:
    series, days = Series("campaign", "1", "Onboarding", Step("101", "Welcome", "email")), 2_000
    first, last = TODAY - timedelta(days=days), TODAY
    counts = {first + timedelta(days=number): {"sent": number} for number in range(1, days)}
    with closing(MetricState.open(tmp_path / "metrics.csv")) as state:
        state.replace(series, Coverage(TODAY, TODAY, 1), {TODAY: {"sent": 1}})
        state._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(OperatorError, match=r"“metrics\.csv\.state” can't be written: the disk is full"):
            state.replace(series, Coverage(first, last, 2), counts)
        assert [(day, counts) for _, day, counts in state.rows()] == [(TODAY.isoformat(), {"sent": 1})]
        state._db.execute("PRAGMA max_page_count = 1000000")
        state.replace(series, Coverage(first, last, 2), counts)
        assert state.summary()[0] == days


async def test_a_planted_state_has_nothing_removed(opened: Workspace, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    (tmp_path / "valuable").mkdir()
    with closing(MetricState.open(path)) as state:
        state.keep({"scratch": "valuable"})
    await export(opened, sandbox, path, Request(("broadcast",)))
    assert (tmp_path / "valuable").is_dir()
