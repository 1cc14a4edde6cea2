"""Jobs on the command line, beside a server on the same database."""

import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cio_mcp.cli.jobs_live import draw
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import JobRow, Jobs
from tests.cli.command_line import CommandLine

KIND, WORKER = "import_customers", "a worker"
ROWS = [StagedRow(2, {"id": "x", "email": "?"}, "email: expected one email address")] + [
    StagedRow(line, {"type": "person", "action": "identify", "identifiers": {"id": f"p{line}"}, "attributes": {"a": 1}})
    for line in range(3, 9)
]


def with_jobs(cio_mcp: CommandLine, work: Callable[[Jobs], Awaitable[object]]) -> None:
    cio_mcp.journal(lambda database: work(Jobs(database, "acme")))


async def stage(jobs: Jobs, id_: str = "aaaa0001") -> None:
    await jobs.stage(
        id_, principal="local:ada", kind=KIND, key="", options={}, source=ListedRows(ROWS), now=time.time()
    )


async def run(jobs: Jobs) -> None:
    """Have a worker do two of the six rows; the first was refused."""
    now = time.time()
    await stage(jobs)
    job = await jobs.get("aaaa0001")
    assert job
    assert await jobs.start(job.id, job.digest, now=now - 10)
    assert await jobs.claim(WORKER, [KIND], now=now, until=now + 3600)
    problems = {0: "Customer.io refused attributes"}
    assert await jobs.advance(job.id, WORKER, cursor=0, to=2, problems=problems, now=now, until=now + 3600)


async def finish(jobs: Jobs) -> None:
    assert await jobs.advance("aaaa0001", WORKER, cursor=2, to=6, problems={}, now=time.time(), until=time.time() + 60)
    assert await jobs.finish("aaaa0001", WORKER, "completed", now=time.time())


def test_without_jobs_the_data_directory_is_named(cio_mcp: CommandLine) -> None:
    listed = cio_mcp.run("jobs")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.startswith("No jobs. Data directory: ")


def test_jobs_are_listed_and_shown_without_a_key(cio_mcp: CommandLine) -> None:
    with_jobs(cio_mcp, run)
    with_jobs(cio_mcp, lambda jobs: stage(jobs, "aaaa0002"))
    listed = cio_mcp.run("jobs")
    assert "aaaa0002  import_customers  input_required: 0 of 6 rows done, 1 more rejected before" in listed.stdout
    assert "aaaa0001  import_customers  working: 2 of 6 rows done, 1 of them refused" in listed.stdout
    shown = cio_mcp.run("jobs", "aaaa0001").stdout
    assert "- line 2: email: expected one email address" in shown
    assert "- line 3: Customer.io refused attributes" in shown
    assert "cio-mcp jobs failed aaaa0001 --to FILE.csv" in shown
    structured = json.loads(cio_mcp.run("jobs", "aaaa0001", "--json").stdout)
    assert structured["jobs"][0]["done"] == 2
    assert [job["id"] for job in json.loads(cio_mcp.run("jobs", "--json", "--limit", "1").stdout)["jobs"]] == [
        "aaaa0002"
    ]


def test_an_unknown_job_is_named(cio_mcp: CommandLine) -> None:
    for arguments in (["nope"], ["cancel", "nope"], ["failed", "nope", "--to", "x.csv"]):
        answered = cio_mcp.run("jobs", *arguments)
        assert answered.returncode != 0
        assert "There is no job “nope”." in answered.stderr


def test_a_job_is_stopped(cio_mcp: CommandLine) -> None:
    with_jobs(cio_mcp, run)
    stopped = cio_mcp.run("jobs", "cancel", "aaaa0001")
    assert stopped.returncode == 0
    assert "cancelled: 2 of 6 rows done" in stopped.stdout
    assert "Canceled by" in stopped.stdout


def test_refused_rows_are_written_to_a_file_anywhere(cio_mcp: CommandLine, tmp_path: Path) -> None:
    with_jobs(cio_mcp, run)
    to = tmp_path / "rows.csv"
    written = cio_mcp.run("jobs", "failed", "aaaa0001", "--to", str(to))
    assert (written.returncode, written.stdout) == (0, "Wrote 2 rows to “rows.csv”.\n")
    assert to.read_text(encoding="utf-8").splitlines()[0] == "id,email,a,import_line,import_problem"
    assert to.stat().st_mode & 0o777 == 0o600
    again = cio_mcp.run("jobs", "failed", "aaaa0001", "--to", str(to))
    assert again.returncode != 0
    assert "cio-mcp: --to: “rows.csv” already exists; “rows-2.csv” doesn't" in again.stderr
    for place, sentence in (
        ("nowhere/rows.csv", "there is no directory for “rows.csv”. Create it first"),
        ("rows.xlsx", "“rows.xlsx” must end with .csv, .jsonl"),
    ):
        refused = cio_mcp.run("jobs", "failed", "aaaa0001", "--to", str(tmp_path / place))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == f"cio-mcp: --to: {sentence}\n"


def test_the_rows_of_a_job_can_be_read_before_it_is_approved(cio_mcp: CommandLine, tmp_path: Path) -> None:
    with_jobs(cio_mcp, stage)
    to = tmp_path / "rows.jsonl"
    written = cio_mcp.run("jobs", "rows", "aaaa0001", "--to", str(to))
    assert (written.returncode, written.stdout) == (0, "Wrote 6 rows to “rows.jsonl”.\n")
    lines = [json.loads(line) for line in to.read_text(encoding="utf-8").splitlines()]
    assert lines == [{"id": f"p{line}", "a": 1, "import_line": line} for line in range(3, 9)]
    assert to.stat().st_mode & 0o777 == 0o600
    with_jobs(cio_mcp, lambda jobs: jobs.cancel("aaaa0001", now=time.time()))
    again = cio_mcp.run("jobs", "rows", "nope", "--to", str(to))
    assert "There is no job “nope”" in again.stderr


def test_a_running_job_is_followed_until_it_ends(cio_mcp: CommandLine) -> None:
    with_jobs(cio_mcp, run)
    with cio_mcp.on_a_terminal("jobs", "aaaa0001", COLUMNS="60", TERM="xterm") as session:
        session.wait_for("2 of 6 rows, 1 refused")
        with_jobs(cio_mcp, finish)
        session.wait_for("completed: 6 of 6 rows done")
        session.ends_with(0)


def test_ctrl_c_ends_watching_and_not_the_job(cio_mcp: CommandLine) -> None:
    with_jobs(cio_mcp, run)
    with cio_mcp.on_a_terminal("jobs", "aaaa0001", TERM="xterm") as session:
        session.wait_for("2 of 6 rows")
        assert session.process.pid
        os.kill(session.process.pid, signal.SIGINT)
        session.wait_for("The job goes on")
        session.ends_with(130)
    with_jobs(cio_mcp, finish)


@pytest.mark.parametrize("width", [40, 60, 200])
def test_the_bar_fits_a_narrow_terminal(width: int) -> None:
    now = 1_800_000_000.0
    job = JobRow(
        id="aaaa0001", workspace="w", principal="p", kind=KIND, options={}, digest="d", state="working",
        total=1_000_000, cursor=123_456, failed=7_890, lease=WORKER, lease_until=now - 1, attempts=0,
        created_at=now - 600, started_at=now - 600, updated_at=now, reason=None, key="", report={},
    )  # fmt: skip
    console = Console(width=width, record=True, file=StringIO())
    console.print(draw(job, now, width))
    lines = console.export_text().splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "123,456 of 1,000,000 rows, 7,890 refused, 205.8 rows/s, about 1 h 12 min left" in text
