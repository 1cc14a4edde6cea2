"""Exports: planned with what a person must know, and their files saved or linked to, on the sandbox."""

import csv
import errno
import os
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from cio_mcp.errors import CioError, InvalidArgument, OperatorError, Unavailable
from cio_mcp.gate.plan import Plan
from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.tools.api.write_api import write_api
from cio_mcp.tools.exports import counts
from cio_mcp.tools.exports.get_export import get_export
from cio_mcp.tools.exports.start_export import start_export
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named
from tests.carrying_out import carry_out
from tests.clock import ManualClock, with_clock

pytestmark = pytest.mark.anyio

VIPS: dict[str, Any] = {"type": "customers", "segment": "VIP"}
EVERYONE: dict[str, Any] = {"attribute": {"field": "cio_id", "operator": "exists"}}
SPRING: dict[str, Any] = {"type": "deliveries", "kind": "newsletter", "id": "31"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Customer.io makes a file at once."""
    monkeypatch.setattr("cio_mcp.sandbox.api.exports.PROCESSING_SECONDS", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def changed(ws: CallContext, **changes: Any) -> CallContext:
    """The same call with other settings."""
    return replace(ws, settings=ws.settings.model_copy(update=changes))


@pytest.fixture
def saving(ws: CallContext, folder: Path) -> CallContext:
    return changed(ws, files_dirs=(folder,))


async def start(ws: CallContext, **arguments: Any) -> str:
    receipt = await carry_out(ws, start_export, **(arguments or VIPS))
    assert receipt.created_id, receipt
    return receipt.created_id


async def test_everyone_in_a_segment_becomes_a_file_with_the_attributes_requested(
    saving: CallContext, folder: Path, sandbox: Sandbox
) -> None:
    id_ = await start(saving, **VIPS, attributes=("plan", "country"))
    answer = await get_export(saving, id_)
    assert answer.file == f"customers-{id_}.csv"
    with (folder / answer.file).open(newline="") as file:
        columns, *rows = csv.reader(file)
    vips = [person for person in sandbox.workspace.people if sandbox.workspace.segments[2].has(person)]
    assert columns == ["id", "email", "cio_id", "plan", "country"] == answer.columns
    assert sorted(rows) == sorted([str(person.value(name) or "") for name in columns] for person in vips)
    assert (answer.rows, answer.bytes) == (len(vips), (folder / answer.file).stat().st_size)
    assert [list(row.values.values()) for row in answer.first_rows or ()] == rows[:5]
    assert stat.S_IMODE((folder / answer.file).stat().st_mode) == 0o600
    assert (answer.link, answer.note) == (None, None)
    assert str(folder) not in "\n".join(answer.lines())


async def test_a_question_states_what_is_exported_how_much_and_where_it_goes(ws: CallContext, folder: Path) -> None:
    plan = await start_export(ws, **VIPS, attributes=("plan",))
    count = await ws.segments.count("2")
    assert plan.summary == f"Export customers in segment 2 “VIP” to a CSV file: {count} customers now."
    assert plan.effect_title == f"export personal data of {count} customers"
    assert "The file holds personal data." in plan.why
    assert "a link with which anyone can download it for 15 minutes, without a key" in plan.why
    assert plan.calls[0].body == {"filters": {"segment": {"id": 2}}, "attributes": ["plan"]}
    assert (plan.risk, plan.once, plan.affected) == ("send", True, 0)
    on_disk = await start_export(changed(ws, files_dirs=(folder,)), **VIPS)
    assert "a directory of this computer (CIO_FILES_DIRS)" in on_disk.why
    assert on_disk.notes == ("No attributes are requested, so Customer.io decides the columns.",)
    masked = await start_export(changed(ws, mask_pii=True), **VIPS)
    assert "gets no link" in masked.why


async def test_what_matches_a_filter_is_counted_as_far_as_one_request_does(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await start_export(ws, type="customers", filter={"segment": "VIP"})
    assert "that match a filter" in plan.summary
    assert plan.calls[0].body == {"filters": {"segment": {"id": 2}}}
    assert plan.notes[0] == "Segment 2 is “VIP”."
    nobody = {"attribute": {"field": "plan", "operator": "eq", "value": "none"}}
    none = await start_export(ws, type="customers", filter=nobody)
    assert ": 0 customers now" in none.summary
    assert none.warnings == ("No customer is in it now, so the file will have no rows.",)
    monkeypatch.setattr(counts, "MAX_COUNTED", len(sandbox.workspace.people) - 1)
    many = await start_export(ws, type="customers", filter=EVERYONE)
    assert f": at least {len(sandbox.workspace.people) - 1} customers now" in many.summary


async def test_an_attribute_that_no_customer_has_is_pointed_out(ws: CallContext) -> None:
    plan = await start_export(ws, type="customers", filter=EVERYONE, attributes=("plann", "email", "plan", "plan"))
    assert plan.warnings == ("None of the 20 customers looked at has the attribute “plann”. Did you mean “plan”?",)
    assert plan.calls[0].body == {"filters": EVERYONE, "attributes": ["plann", "email", "plan"]}


async def test_deliveries_are_exported_by_what_sent_them_and_when_they_were_created(
    saving: CallContext, folder: Path, sandbox: Sandbox
) -> None:
    plan = await start_export(saving, **SPRING, metric="opened", since="2026-01-01T00:00:00Z")
    assert plan.summary.startswith("Export deliveries of newsletter 31 “Monthly newsletter")
    assert " with the metric opened to a CSV file: " in plan.summary
    assert plan.notes == ("Created from 2026-01-01T00:00:00Z until now.",)
    assert plan.calls[0].body == {"newsletter_id": 31, "metric": "opened", "start": 1_767_225_600}
    id_ = await start(saving, **SPRING)
    answer = await get_export(saving, id_, "newsletter.csv")
    assert answer.rows == len(list(sandbox.workspace.deliveries.of("newsletter", 31)))
    assert (folder / "newsletter.csv").exists()


async def test_deliveries_of_more_than_one_request_lists_are_counted_at_least(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidArgument, match=r"^since: Customer.io exports at most 12 months; .* at the earliest"):
        await start_export(ws, **SPRING, since="2020-01-01")
    eight_months_ago = f"{(ws.now - timedelta(days=240)).date()}"
    assert ": at least " in (await start_export(ws, **SPRING, since=eight_months_ago)).summary
    assert "at least" not in (await start_export(ws, **SPRING)).summary
    monkeypatch.setattr(counts, "MAX_COUNTED", 3)
    assert ": at least 3 deliveries now" in (await start_export(ws, **SPRING)).summary
    monkeypatch.undo()
    none = await start_export(ws, **SPRING, until="2026-02-02", since="2026-02-01")
    assert none.warnings == ("There is none now, so the file will have no rows.",)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"type": "customers"}, "^segment, filter: pass exactly one of them. For everyone: filter="),
        ({**VIPS, "filter": EVERYONE}, "^segment, filter: pass exactly one"),
        ({**VIPS, "kind": "campaign", "since": "2026-01-01"}, "^kind, since: must be omitted to export customers"),
        ({**SPRING, "segment": "VIP"}, "^segment: must be omitted to export deliveries"),
        ({"type": "deliveries", "kind": "campaign"}, "^kind, id: are required"),
        ({**VIPS, "attributes": ("",)}, "^attributes: expected names"),
        ({**VIPS, "attributes": ("x" * 151,)}, "^attributes: expected names of 1 to 150 bytes"),
        ({**VIPS, "attributes": ("pl\u200ban",)}, "^attributes: contains invisible characters"),
        ({"type": "customers", "segment": "VPI"}, "^segment: no segment .* did you mean “VIP”"),
        ({**SPRING, "kind": "campaign", "id": "31"}, "It is a newsletter"),
    ],
)
@pytest.mark.sampled(4)
async def test_a_call_that_cannot_be_meant_is_refused(
    ws: CallContext, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CioError, match=sentence):
        await start_export(ws, **arguments)


async def test_an_equal_export_within_ten_minutes_names_the_earlier_one(ws: CallContext, sandbox: Sandbox) -> None:
    first = await carry_out(ws, start_export, **VIPS)
    again = await carry_out(ws, start_export, **VIPS)
    assert again.status == "already_done"
    assert (again.change, again.created_id) == (first.change, first.created_id)
    assert f"Accepted by Customer.io as export {first.created_id}. Nothing was sent now." in again.message
    assert "get_export" in (again.next_step or "")
    assert (await carry_out(ws, start_export, **VIPS, repeat=True)).created_id != first.created_id
    assert len(sandbox.workspace.records.of("/v1/exports")) == 2


async def test_without_a_directory_a_link_is_given_which_holds_for_15_minutes(
    ws: CallContext, sandbox: Sandbox
) -> None:
    answer = await get_export(ws, await start(ws))
    assert answer.link
    assert answer.link_expires_at
    assert 899 <= (answer.link_expires_at - ws.now).total_seconds() <= 900
    assert answer.file is None
    assert answer.columns == ["id", "email", "cio_id"]
    assert answer.first_rows
    assert "Anyone who has this link can download the file, without a key." in (answer.note or "")
    async with ws.downloads.open(answer.link) as download:
        assert b"".join([piece async for piece in download.pieces()]).startswith(b"id,email,cio_id\r\n")
    assert not any("authorization" in str(each).lower() for each in sandbox.requests if "/exports/" in each["path"])


async def test_only_the_caller_who_started_an_export_gets_a_link_to_it(ws: CallContext, opened: Workspace) -> None:
    await carry_out(ws, start_export, **VIPS)
    other = opened.acting(caller_named("local:other"))
    answer = await get_export(other, "1")
    assert (answer.link, answer.link_expires_at) == (None, None)
    assert "only to exports that the same caller started" in (answer.note or "")
    body = {"filters": EVERYONE}
    receipt = await carry_out(other, write_api, operation="export_customers", body=body)
    assert (await get_export(other, receipt.created_id)).link
    assert not (await get_export(ws, receipt.created_id)).link


async def test_an_id_that_another_change_made_is_not_an_export(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await carry_out(ws, write_api, operation="create_asset_folder", body={"name": "Spring"})
    assert receipt.status == "done"
    sandbox.workspace.records.put("/v1/exports", "7", {"id": 7, "status": "done", "type": "customers"})
    await ws.gate.journal.finish(receipt.change or "", "sent", '{"created": "7"}', now=ws.clock.now())
    assert not await ws.gate.has_made(ws.caller.id, ("export_customers",), "7")


async def test_masked_answers_hold_masked_rows_and_no_link(ws: CallContext, folder: Path) -> None:
    id_ = await start(ws)
    masked = changed(ws, mask_pii=True)
    answer = await get_export(masked, id_)
    assert answer.link is None
    assert "MASK_PII is set, so no link" in (answer.note or "")
    rendered = render(answer, mask=True)
    assert "ada@example.com" not in f"{rendered}"
    assert "a•••@example.com" in rendered.text
    on_disk = await get_export(changed(masked, files_dirs=(folder,)), id_)
    assert "MASK_PII masks this answer only" in (on_disk.note or "")
    assert "ada@example.com" in (folder / (on_disk.file or "")).read_text()


async def test_a_file_is_never_overwritten(saving: CallContext, folder: Path, sandbox: Sandbox) -> None:
    id_ = await start(saving)
    (folder / "vip.csv").write_text("mine")
    before = len(sandbox.requests)
    with pytest.raises(InvalidArgument, match=r"^file: “vip\.csv” already exists; “vip-2\.csv” doesn't"):
        await get_export(saving, id_, "vip.csv")
    assert len(sandbox.requests) == before
    assert (folder / "vip.csv").read_text() == "mine"
    names = [(await get_export(saving, id_)).file for _ in range(2)]
    assert names == [f"customers-{id_}.csv", f"customers-{id_}-2.csv"]


async def test_a_name_that_cannot_be_used_is_refused_before_anything_is_read(saving: CallContext) -> None:
    for name, sentence in (("../vip.csv", "no folder"), ("vip.txt", "must end with .csv"), (".vip.csv", "plain")):
        with pytest.raises(InvalidArgument, match=sentence):
            await get_export(saving, "1", name)
    with pytest.raises(InvalidArgument, match=r"^export: is required"):
        await get_export(saving, None, "vip.csv")


async def test_without_a_directory_no_file_is_written(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match=r"^file: this server writes no files, so omit it to get a link"):
        await get_export(ws, "1", "vip.csv")


@pytest.mark.parametrize("kind", ["drop", "status:403", "html"])
async def test_nothing_is_left_of_a_file_that_cannot_be_downloaded(
    saving: CallContext, folder: Path, sandbox: Sandbox, kind: str
) -> None:
    id_ = await start(saving)
    sandbox.faults.append(Fault("GET", "/exports/", kind, times=-1))
    if kind == "html":  # a page of a firewall, say, in place of the file
        answer = await get_export(saving, id_)
        assert "Customer.io counted" in (answer.note or "")
        return
    with pytest.raises(Unavailable):
        await get_export(saving, id_)
    assert not names_in(folder)


async def test_a_full_disk_is_one_sentence(saving: CallContext, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    id_ = await start(saving)
    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(OperatorError, match="the disk is full"):
        await get_export(saving, id_)
    assert not names_in(folder)


async def test_a_file_that_does_not_arrive_in_time_is_given_up(
    saving: CallContext, folder: Path, sandbox: Sandbox
) -> None:
    id_ = await start(saving)
    sandbox.faults.append(Fault("GET", "/exports/", "hang:100", times=-1))
    with pytest.raises(Unavailable, match="did not arrive within the time of this call"):
        await get_export(saving.until(anyio.current_time() + 1.3), id_)
    assert not names_in(folder)


async def test_a_link_is_given_even_if_this_server_cannot_open_it(ws: CallContext, sandbox: Sandbox) -> None:
    id_ = await start(ws)
    sandbox.faults.append(Fault("GET", "/exports/", "status:503", times=-1))
    answer = await get_export(ws, id_)
    assert answer.link
    assert answer.columns is None


async def test_an_export_that_failed_is_reported(ws: CallContext, sandbox: Sandbox) -> None:
    id_ = await start(ws)
    record = sandbox.workspace.records.get("/v1/exports", id_)
    assert record
    record.update(status="failed", failed=True)
    answer = await get_export(ws, id_)
    assert answer.exports[0].status == "failed"
    assert answer.note == "Customer.io could not make this export. Start it again with start_export."


async def test_the_latest_exports_are_listed_first(ws: CallContext) -> None:
    assert "\n".join((await get_export(ws)).lines()) == "No exports."
    ids = [await start(ws, **VIPS, attributes=(f"a{number}",)) for number in range(3)]
    answer = await get_export(ws)
    assert [each.id for each in answer.exports] == ids[::-1]
    assert (answer.omitted, answer.link, answer.columns) == (None, None, None)


async def test_an_id_that_is_none_is_refused(ws: CallContext) -> None:
    for id_, sentence in (("vip", "expected the ID of an export"), ("9", "no export has this ID")):
        with pytest.raises(CioError, match=f"^export: {sentence}"):
            await get_export(ws, id_)


async def test_an_export_is_waited_for_with_progress_until_the_call_is_over(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.sandbox.api.exports.PROCESSING_SECONDS", 3600.0)
    reports: list[tuple[float, float | None, str | None]] = []

    async def report(done: float, total: float | None, message: str | None) -> None:
        await anyio.lowlevel.checkpoint()
        reports.append((done, total, message))

    clock = StillClock()
    async with Sandbox(seed=7, people=5, clock=clock) as sandbox, open_workspace(settings, sandbox=sandbox) as opened:
        id_ = await start(opened.acting(caller_named("local:tester")))
        waiting = with_clock(opened, ManualClock(skips=True)).acting(caller_named("local:tester"))
        ws = replace(waiting, progress=report)
        answer = await get_export(ws, id_)
        assert answer.exports[0].status == "pending"
        assert answer.note == "Customer.io still prepares it. Call get_export again."
        looks = sum(each["path"] == f"/v1/exports/{id_}" for each in sandbox.requests)
        assert 20 <= looks <= 40
        assert len(reports) == looks - 1
        assert {message for *_, message in reports} == {"Customer.io prepares the export"}
        clock.advance(3600.0)
        assert (await get_export(ws, id_)).exports[0].status == "done"


async def test_a_segment_that_is_renamed_is_shown_again(ws: CallContext, sandbox: Sandbox) -> None:
    plan: Plan = await start_export(ws, **VIPS)
    object.__setattr__(sandbox.workspace.segments[2], "name", "Everyone")
    again = replace(ws, reader=ws.reader.again(ws.reader.work))
    later = await start_export(again, type="customers", segment="2")
    assert plan.rests_on != later.rests_on
