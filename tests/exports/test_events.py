"""The export of the event log: incremental by sequence, whatever happens to the process or the file."""

import csv
import json
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from cio_mcp.errors import OperatorError, Refused
from cio_mcp.exports import events
from cio_mcp.exports.events import TABLE, EventExport, EventSummary
from cio_mcp.exports.output import Output
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import Events
from cio_mcp.storage.export_state import ExportState
from cio_mcp.storage.rows import EventRow
from tests.exports.exporting import FORMATS

pytestmark = pytest.mark.anyio

NOW, DAYS = 1_781_524_800.0, 30.0


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Events]:
    database = Database(f"sqlite:///{tmp_path / 'data' / 'cio-mcp.db'}")
    yield Events(database, "acme")
    await database.close()


def event(number: int, data: str = '{"recipient": "ada@example.com"}') -> EventRow:
    return EventRow(
        event_id=f"e{number}",
        object_type="email",
        metric="opened",
        at=1_781_000_000 + number,
        received_at=1_781_000_010.5 + number,
        data=data,
        delivery_id=f"D{number}",
        person_id="ada",
        email="ada@example.com",
        kind="campaign",
        parent_id="1",
    )


async def export(log: Events, path: Path, *, now: float = NOW) -> EventSummary:
    with closing(ExportState.open(path, table=TABLE.name, workspace=log.workspace)) as state:
        output = Output(path, FORMATS[path.suffix[1:]], TABLE, state)
        return await EventExport(log, output, now=now, days=DAYS).run()


def read(path: Path) -> list[tuple[int, str, str]]:
    """Sequence, ID, and recipient of each row."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(int(row["sequence"]), row["event_id"], row["data"]) for row in csv.DictReader(file)]
    elif path.suffix == ".jsonl":
        values = map(json.loads, path.read_text().splitlines())
        rows = [(value["sequence"], value["event_id"], json.dumps(value["data"])) for value in values]
    else:
        with duckdb.connect(str(path) if path.suffix == ".duckdb" else ":memory:") as db:
            table = "events" if path.suffix == ".duckdb" else f"'{path}'"
            rows = db.sql(f"FROM {table}").select("sequence", "event_id", "data").fetchall()
    return [(sequence, name, json.loads(data)["recipient"]) for sequence, name, data in rows]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.sampled(1)
async def test_each_run_appends_the_events_that_came_since(ending: str, log: Events, tmp_path: Path) -> None:
    path = tmp_path / f"events.{ending}"
    await log.add([event(number) for number in range(450)])
    assert await export(log, path) == EventSummary(added=450, may_lack=False)
    before = path.read_bytes()
    assert await export(log, path) == EventSummary(added=0, may_lack=False)
    assert path.read_bytes() == before
    await log.add([event(number) for number in range(440, 460)])
    assert (await export(log, path)).added == 10
    assert [name for _, name, _ in read(path)] == [f"e{number}" for number in range(460)]
    assert {recipient for *_, recipient in read(path)} == {"ada@example.com"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.sampled(1)
async def test_hostile_data_comes_out_as_it_came_in(ending: str, log: Events, tmp_path: Path) -> None:
    texts = ['a,"b"\n\r;', "=1+1", "ä€😀", "\\u0000 \u2028", "x" * 100_000]
    await log.add([event(number, json.dumps({"recipient": text})) for number, text in enumerate(texts)])
    await export(log, tmp_path / f"events.{ending}")
    assert [recipient for *_, recipient in read(tmp_path / f"events.{ending}")] == texts


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.sampled(1)
async def test_characters_that_no_file_can_hold_do_not_stop_an_export(ending: str, log: Events, tmp_path: Path) -> None:
    await log.add([event(1, '{"recipient": "half of an emoji \\ud83d, and \\u0000"}')])
    await export(log, tmp_path / f"events.{ending}")
    (row,) = read(tmp_path / f"events.{ending}")
    assert row[2].startswith("half of an emoji ")


async def test_times_and_types_are_those_of_a_database(log: Events, tmp_path: Path) -> None:
    await log.add([event(1)])
    await export(log, tmp_path / "events.duckdb")
    with duckdb.connect(str(tmp_path / "events.duckdb"), read_only=True) as db:
        types = {name: kind for name, kind, *_ in db.execute("DESCRIBE events").fetchall()}
        (times,) = db.execute("SELECT happened_at::VARCHAR, received_at::VARCHAR FROM events").fetchall()
    assert list(types) == list(TABLE.columns)
    assert (types["sequence"], types["happened_at"], types["data"]) == ("BIGINT", "TIMESTAMP", "JSON")
    assert times == ("2026-06-09 10:13:21", "2026-06-09 10:13:31")


async def test_a_file_that_was_moved_away_is_followed_by_one_with_what_came_since(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    await log.add([event(1)])
    await export(log, path)
    path.rename(tmp_path / "loaded.jsonl")
    await log.add([event(2)])
    await export(log, path)
    assert [name for _, name, _ in read(path)] == ["e2"]


async def test_a_kill_after_the_file_was_replaced_adds_nothing_twice(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    await log.add([event(1)])
    await export(log, path)
    with closing(ExportState.open(path)) as state:
        written = {"digest": state.fact("digest"), "facts": {"sequence": state.fact("sequence")}}
        state.keep({"digest": "of the file before", "sequence": 0, "next": written})
    assert (await export(log, path)).added == 0
    assert [name for _, name, _ in read(path)] == ["e1"]


async def test_a_kill_before_the_file_was_replaced_loses_nothing(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    await log.add([event(1)])
    await export(log, path)
    with closing(ExportState.open(path)) as state:
        state.keep({"next": {"digest": "of a file that has no name yet", "facts": {"sequence": 2}}})
    await log.add([event(2)])
    assert (await export(log, path)).added == 1
    assert [name for _, name, _ in read(path)] == ["e1", "e2"]


async def test_an_export_says_when_events_were_deleted_before_it(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    await log.add([event(1)])
    await export(log, path)
    later = NOW + 31 * 86_400
    assert not (await export(log, path, now=later)).may_lack, "nothing came since"
    await log.drop(10, upto=1)
    await log.add([event(2)])
    assert not (await export(log, path, now=later + 86_400)).may_lack, "the last export was a day ago"
    await log.drop(10, upto=2)
    await log.add([event(3)])
    assert (await export(log, path, now=later + 40 * 86_400)).may_lack


async def test_another_workspace_s_events_stay_out(log: Events, tmp_path: Path) -> None:
    await log.add([event(1)])
    await Events(log._database, "other").add([event(2)])
    await export(log, tmp_path / "events.csv")
    assert [name for _, name, _ in read(tmp_path / "events.csv")] == ["e1"]
    with pytest.raises(Refused, match="is an export of another workspace"):
        await export(Events(log._database, "other"), tmp_path / "events.csv")


async def test_a_changed_file_is_left_alone(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    await log.add([event(1)])
    await export(log, path)
    path.write_text("mine")
    with pytest.raises(Refused, match="was changed after this command wrote it"):
        await export(log, path)
    assert path.read_text() == "mine"


async def test_two_exports_into_one_file_do_not_run_at_once(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    with closing(ExportState.open(path, table="events", workspace="acme")), pytest.raises(Refused, match="is running"):
        await export(log, path)


async def test_a_damaged_state_is_named(log: Events, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    (tmp_path / "events.csv.state").write_bytes(b"no database" * 100)
    with pytest.raises(OperatorError, match="is damaged"):
        await export(log, path)


async def test_memory_holds_a_page_of_events_at_most(
    log: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    after = Events.after

    async def measured(self: Events, sequence: int, most: int) -> list[EventRow]:
        rows = await after(self, sequence, most)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(Events, "after", measured)
    monkeypatch.setattr(events, "PAGE", 100)
    await log.add([event(number) for number in range(450)])
    await export(log, tmp_path / "events.jsonl")
    assert max(sizes) == 100
