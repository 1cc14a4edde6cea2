"""Following and stopping jobs: what an assistant learns of one in each state."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from mcp import Client
from pydantic import JsonValue

from cio_mcp.customerio.writer import Writer
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.jobs.files import LINE_COLUMN, PROBLEM_COLUMN, open_rows
from cio_mcp.jobs.job import Batch
from cio_mcp.jobs.job_list import FINISHING, HAS_ENDED, NEVER_STARTED, NOTHING_TO_SEND, ORPHANED, STAYS, UNSURE, WAITS
from cio_mcp.jobs.row_files import NOT_DONE
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.jobs.upload import Upload
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.text.render import render
from cio_mcp.tools.bulk.import_customers import import_customers
from cio_mcp.tools.bulk.import_events import import_events
from cio_mcp.tools.bulk.jobs import cancel_job, get_job
from cio_mcp.workspace import CallContext, Workspace
from tests.clients import structured, text

pytestmark = pytest.mark.anyio

KIND = "of_a_test"
"""No runner has a function for it."""
WORKER = "a test"
REJECTED = (StagedRow(2, {"E-Mail": "?", "tags": ["a"]}, "email: expected one email address"), StagedRow(3, None, "x"))


def row(number: int) -> StagedRow:
    data: JsonValue = {
        "type": "person", "action": "identify", "identifiers": {"id": f"p{number}"},
        "attributes": {"plan": "pro", "score": number, "_update": True, "id": "other"},
    }  # fmt: skip
    return StagedRow(4 + number, data)


async def staged(ws: CallContext, id_: str = "j", rows: int = 6) -> str:
    source = ListedRows([*REJECTED, *map(row, range(rows))])
    job = await ws.jobs.stage(
        id_, principal=ws.caller.id, kind=KIND, key=id_, options={}, source=source, now=ws.clock.now() - 100
    )
    return job.digest


async def started(ws: CallContext, *, done: int = 4) -> None:
    """A job of six rows that a worker has: four are done, of which one was refused."""
    now = ws.clock.now()
    assert await ws.jobs.start("j", await staged(ws), now=now - 10)
    assert await ws.jobs.claim(WORKER, [KIND], now=now, until=now + 30)
    if done:
        problems = {1: "Customer.io refused attributes"}
        assert await ws.jobs.advance("j", WORKER, cursor=0, to=done, problems=problems, now=now, until=now + 30)


async def shown(ws: CallContext) -> str:
    return render(await get_job(ws, "j"), mask=False).text


@pytest.fixture
def writing(ws: CallContext, tmp_path: Path) -> CallContext:
    """The same with a directory for files."""
    return replace(ws, settings=ws.settings.model_copy(update={"files_dirs": (tmp_path,)}))


async def test_a_job_that_waits_says_so(ws: CallContext) -> None:
    await staged(ws)
    report = await get_job(ws, "j")
    (line,) = report.jobs
    assert (line.state, line.total, line.done, line.rejected, line.rate, line.note) == (
        "input_required", 6, 0, 2, None, WAITS,
    )  # fmt: skip
    assert [refused.line for refused in report.rows or []] == [2, 3]


async def test_a_running_job_has_its_pace_and_when_to_look_again(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.tools.bulk.jobs.FOLLOW_SECONDS", 0.0)
    await started(ws)
    report = await get_job(ws, "j")
    (line,) = report.jobs
    assert (line.state, line.total, line.done, line.failed) == ("working", 6, 4, 1)
    assert line.rate is not None
    assert 0.3 < line.rate <= 0.4
    assert line.time_left in {"5 s", "6 s", "7 s"}
    assert report.next_step
    assert f"call get_job with job=j in {line.check_again_seconds} s" in report.next_step
    assert [refused.problem for refused in report.rows or []] == [
        "email: expected one email address", "x", "Customer.io refused attributes",
    ]  # fmt: skip


async def test_a_running_job_reports_progress_while_a_call_follows_it(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.tools.bulk.jobs.FOLLOW_SECONDS", 0.0)
    await started(ws)
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total, message))

    await get_job(replace(ws, progress=hear), "j")
    assert heard == [(4, 6, "4 of 6 rows")]


async def test_a_job_that_can_not_go_on_says_why(ws: CallContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cio_mcp.tools.bulk.jobs.FOLLOW_SECONDS", 0.0)
    await started(ws)
    now = ws.clock.now()
    await ws.jobs.beat("j", WORKER, until=now - 1)
    assert ORPHANED in await shown(ws)
    await ws.jobs.release("j", WORKER, due=now + 25)
    assert "Its last batch failed. It is tried again in" in await shown(ws)
    read_only = replace(ws, settings=ws.settings.model_copy(update={"read_only": True}))
    assert "This server is read-only" in await shown(read_only)
    await ws.gate.pauses.pause(by="local:ada", reason="a bad import", now=now)
    assert "a bad import”. The job goes on once writes are resumed." in await shown(ws)


async def test_a_completed_job_names_the_rows_that_were_refused(ws: CallContext) -> None:
    await started(ws, done=6)
    await ws.jobs.finish("j", WORKER, "completed", now=ws.clock.now())
    report = await get_job(ws, "j")
    assert report.jobs[0].ended_at
    assert report.jobs[0].check_again_seconds is None
    assert [(refused.line, refused.values) for refused in report.rows or []] == [
        (2, {"E-Mail": "?", "tags": '["a"]'}),
        (3, {}),
        (5, {"id": "p1", "plan": "pro", "score": "1"}),
    ]
    assert report.next_step
    assert "CIO_FILES_DIRS" in report.next_step


async def test_rows_come_in_pages(ws: CallContext) -> None:
    await started(ws)
    await ws.jobs.cancel("j", now=ws.clock.now())
    pages = [await get_job(ws, "j", limit=2)]
    while pages[-1].cursor:
        pages.append(await get_job(ws, "j", limit=2, cursor=pages[-1].cursor))
    assert [[refused.line for refused in page.rows or []] for page in pages] == [[2, 3], [5, 8], [9]]
    for cursor in ("x", "1e3", "--1", "9" * 30):
        with pytest.raises(InvalidArgument, match="cursor"):
            await get_job(ws, "j", cursor=cursor)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
async def test_the_file_has_whole_rows_that_an_import_can_read(name: str, writing: CallContext, tmp_path: Path) -> None:
    await started(writing)
    await writing.jobs.cancel("j", now=writing.clock.now())
    report = await get_job(writing, "j", file=name, limit=1)
    assert (report.file, report.rows_in_file, report.next_step) == (name, 5, None)
    with open_rows(name, [tmp_path]) as rows:
        read = [each.values for each in rows if not hasattr(each, "reason")]
    assert [int(str(each[LINE_COLUMN])) for each in read] == [2, 3, 5, 8, 9]
    assert [each[PROBLEM_COLUMN] for each in read][2:] == ["Customer.io refused attributes", NOT_DONE, NOT_DONE]
    assert {"id": "p1", "plan": "pro"}.items() <= read[2].items()
    assert str(read[2]["score"]) == "1"
    assert "_update" not in read[2]
    with pytest.raises(InvalidArgument, match="already exists"):
        await get_job(writing, "j", file=name)


async def test_a_table_has_every_column_once_and_nested_values_as_json(writing: CallContext, tmp_path: Path) -> None:
    await started(writing)
    await writing.jobs.cancel("j", now=writing.clock.now())
    await get_job(writing, "j", file="rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        header, first, *_ = csv.reader(file)
    assert header == ["E-Mail", "tags", "id", "plan", "score", LINE_COLUMN, PROBLEM_COLUMN]
    assert json.loads(first[1]) == ["a"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
async def test_events_of_a_job_that_failed_keep_their_ids_when_they_are_imported_again(
    name: str, writing: CallContext, opened: Workspace, sandbox: Sandbox
) -> None:
    rows: list[dict[str, JsonValue]] = [{"cio_id": "a3000001", "total": 12}, {"cio_id": "a3000001", "total": 13}]
    await writing.gate.pauses.pause(by="local:ada", now=writing.clock.now())  # no runner takes the jobs
    plan = await import_events(writing, rows=rows, name="order_placed")
    assert plan.job
    assert await writing.jobs.start(plan.job.id, plan.job.digest, now=writing.clock.now())
    job = await writing.jobs.claim(WORKER, ["import_events"], now=writing.clock.now(), until=writing.clock.now() + 30)
    assert job
    batch = Batch(0, stored := await writing.jobs.rows(job.id, 0, 10), lambda: True, stored.texts)
    await Upload(Writer(opened.client))(job, batch)  # its answer is lost
    await writing.jobs.finish(job.id, WORKER, "failed", now=writing.clock.now())
    await get_job(writing, job.id, file=name)
    again = await import_events(writing, file=name, name="order_placed")
    assert again.job
    assert (again.job.id, again.job.rows) != (job.id, 0)
    assert await writing.jobs.start(again.job.id, again.job.digest, now=writing.clock.now())
    stored = await writing.jobs.rows(again.job.id, 0, 10)
    await Upload(Writer(opened.client))(job, Batch(0, stored, lambda: True, stored.texts))
    sandbox.clock.advance(10)
    sandbox.workspace.settle()
    placed = [event for event in sandbox.workspace.events if event["name"] == "order_placed"]
    assert sorted(event["data"]["total"] for event in placed if event["data"].get("total") in (12, 13)) == [12, 13]


async def test_an_event_id_that_is_no_ulid_is_refused(writing: CallContext) -> None:
    rows: list[dict[str, JsonValue]] = [{"cio_id": "a3000001", "import_event_id": "1"}]
    with pytest.raises(InvalidArgument, match="expected a ULID"):
        await import_events(writing, rows=rows, name="order_placed")


async def test_rejected_rows_of_an_import_can_be_corrected_and_imported_again_without_mapping_columns(
    writing: CallContext, tmp_path: Path
) -> None:
    whole = anyio.Path(tmp_path / "people.csv")
    await whole.write_text("User No,E-Mail,Plan,Note\nada,ada@,pro,x\neve,eve@example.com,pro,y\n", encoding="utf-8")
    columns = {"User No": "id", "Plan": "plan", "Note": None}
    plan = await import_customers(writing, file="people.csv", columns=columns)
    assert plan.job
    assert (await get_job(writing, plan.job.id, file="refused.csv")).rows_in_file == 1
    refused = anyio.Path(tmp_path / "refused.csv")
    content = await refused.read_text(encoding="utf-8")
    assert content.startswith(f"id,email,plan,{LINE_COLUMN},{PROBLEM_COLUMN}\nada,ada@,pro,2,")
    await refused.write_text(content.replace("ada@", "ada@example.com"), encoding="utf-8")
    plan = await import_customers(writing, file="refused.csv")
    assert plan.job
    (operation,) = await writing.jobs.rows(plan.job.id, 0, 5)
    assert operation == {
        "type": "person",
        "action": "identify",
        "identifiers": {"id": "ada"},
        "attributes": {"email": "ada@example.com", "plan": "pro", "_update": True},
    }


async def test_no_file_is_written_without_rows_or_for_no_job(writing: CallContext, tmp_path: Path) -> None:
    job = await writing.jobs.stage(
        "j", principal="p", kind=KIND, key="", options={}, source=ListedRows([row(0)]), now=writing.clock.now()
    )
    with pytest.raises(InvalidArgument, match="no row of this job was refused"):
        await get_job(writing, job.id, file="rows.csv")
    with pytest.raises(InvalidArgument, match="file: needs a job"):
        await get_job(writing, file="rows.csv")
    await staged(writing, "other")
    with pytest.raises(InvalidArgument, match="must end with"):
        await get_job(writing, "other", file="rows.txt")
    assert not await anyio.Path(tmp_path / "rows.csv").exists()


async def test_jobs_are_listed_newest_first(ws: CallContext) -> None:
    assert (await get_job(ws)).jobs == []
    for number in range(3):
        await ws.jobs.stage(
            f"j{number}", principal="p", kind=KIND, key="", options={}, source=ListedRows([]), now=float(number)
        )
    report = await get_job(ws, limit=2)
    assert [line.id for line in report.jobs] == ["j2", "j1"]
    assert report.older
    assert not (await get_job(ws, limit=3)).older


async def test_a_canceled_job_says_what_was_done_and_that_it_stays(ws: CallContext) -> None:
    await started(ws)
    report = await cancel_job(ws, "j")
    (line,) = report.jobs
    assert (line.state, line.done, line.total) == ("cancelled", 4, 6)
    assert line.note
    assert line.note.startswith("Canceled by")
    assert line.note.endswith(FINISHING)
    assert report.next_step
    assert await cancel_job(ws, "j") == report
    now = ws.clock.now()
    await ws.jobs.beat("j", WORKER, until=now - 1)
    assert UNSURE in await shown(ws)
    await ws.jobs.release("j", WORKER, due=now)
    assert STAYS in await shown(ws)


async def test_a_job_that_had_ended_is_not_called_stopped(ws: CallContext) -> None:
    await started(ws, done=6)
    assert await ws.jobs.finish("j", WORKER, "completed", now=ws.clock.now())
    report = await cancel_job(ws, "j")
    assert report.jobs[0].state == "completed"
    assert report.next_step == HAS_ENDED


async def test_a_job_without_a_row_to_send_does_not_ask_for_an_approval(ws: CallContext) -> None:
    rows = ListedRows([StagedRow(2, {}, "customer: the row names none: “id” is empty")])
    await ws.jobs.stage("j", principal="p", kind=KIND, key="k", options={}, source=rows, now=ws.clock.now())
    (line,) = (await get_job(ws, "j")).jobs
    assert line.note == NOTHING_TO_SEND


async def test_a_job_that_waits_is_canceled_and_can_no_longer_be_approved(ws: CallContext) -> None:
    digest = await staged(ws)
    report = await cancel_job(ws, "j")
    assert report.jobs[0].note
    assert NEVER_STARTED in report.jobs[0].note
    assert report.next_step is None
    assert [refused.line for refused in (await get_job(ws, "j")).rows or []] == [2, 3]
    assert not await ws.jobs.start("j", digest, now=ws.clock.now())


async def test_an_unknown_job_is_named(ws: CallContext) -> None:
    for tool in (get_job, cancel_job):
        with pytest.raises(NotFound, match="job: no job “x”"):
            await tool(ws, "x")


async def test_a_job_can_be_stopped_where_nothing_can_be_written(settings: Settings, sandbox: Sandbox) -> None:
    server = build_server(settings.model_copy(update={"read_only": True}), sandbox=sandbox)
    async with Client(server) as client:
        await staged(await server.runtime.workspace_for_caller())
        listed = {tool.name for tool in (await client.list_tools()).tools}
        answered = await client.call_tool("cancel_job", {"job": "j"})
    assert {"get_job", "cancel_job"} <= listed
    assert "update_customer" not in listed
    assert structured(answered)["jobs"][0]["state"] == "cancelled"
    assert "cancelled" in text(answered)
