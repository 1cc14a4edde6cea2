"""Databases that other releases wrote. `baseline.sql` is one from before versions were recorded, with its rows."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine

from cio_mcp.errors import StorageFailed
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.settings import Settings
from cio_mcp.storage import change_queries
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import Events
from cio_mcp.storage.migrations import revisions, upgrade
from cio_mcp.storage.pauses import Pauses
from cio_mcp.storage.rows import EventQuery
from cio_mcp.storage.schema import create_schema, metadata
from cio_mcp.storage.schema_version import BASELINE, HEAD, needs_migration
from cio_mcp.tools.core.undo.undo_change import undo_change
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext
from tests.callers import work_of
from tests.carrying_out import approve

pytestmark = pytest.mark.anyio

WRITTEN_BEFORE = (Path(__file__).parent / "baseline.sql").read_text(encoding="utf-8")
NEWER = "0007_from_0006"
TOO_NEW = "0008_from_0007"

TOOLS: dict[str, Any] = {"update_customer": update_customer, "undo_change": undo_change}

OPENS = """
import sys, anyio
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pauses
sys.stdin.readline()
anyio.run(Pauses(Database(sys.argv[1])).in_force)
print("alembic" in sys.modules)
"""
DIES = """
import os, signal, sys, anyio
from sqlalchemy import Engine, event
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pauses

@event.listens_for(Engine, "before_cursor_execute")
def die(connection, cursor, statement, *_):
    if sys.argv[2] in statement:
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(Pauses(Database(sys.argv[1])).in_force)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database that a release before versions wrote."""
    path = tmp_path / "data" / "cio-mcp.db"
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(WRITTEN_BEFORE)
    return path


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{file}")
    yield opened
    await opened.close()


def tables(path: Path) -> dict[str, list[Any]]:
    """Everything that makes up the schema: tables, columns in order, and indexes with their conditions."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        found: dict[str, list[Any]] = {name: db.execute(f"PRAGMA table_info('{name}')").fetchall() for name in names}
        for name, table, sql in db.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' ORDER BY 1"
        ):
            columns = db.execute(f"PRAGMA index_xinfo('{name}')").fetchall()
            condition = (sql or "").partition(" WHERE ")[2]
            found[table].append((name, [each[2] for each in columns], condition.replace('"', "")))
    return found


def rows(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT id, state, summary, question, plan, outcome FROM changes ORDER BY id").fetchall()


def recorded_version(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        ((version,),) = db.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(version)


def record(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = ?", (version,))


def new_database(path: Path, create: Any) -> dict[str, list[Any]]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        create(connection)
    engine.dispose()
    return tables(path)


def processes(script: str, *arguments: str, number: int = 1) -> Iterator["subprocess.Popen[bytes]"]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(number)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
    yield from started


class TestTheSchema:
    def test_the_baseline_revision_is_what_releases_before_versions_created(self, file: Path, tmp_path: Path) -> None:
        def create(connection: Connection) -> None:
            upgrade(connection, "", BASELINE)

        made = new_database(tmp_path / "new.db", create)
        del made["alembic_version"]
        assert made == tables(file)

    async def test_all_revisions_together_lead_to_the_tables_as_they_are_declared(
        self, file: Path, database: Database, tmp_path: Path
    ) -> None:
        await database.read(lambda _: None)
        declared = new_database(tmp_path / "declared.db", create_schema)
        assert tables(file) == declared
        assert new_database(tmp_path / "migrated.db", lambda connection: upgrade(connection, "")) == declared
        engine = create_engine(f"sqlite:///{file}")
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        engine.dispose()

    def test_the_version_that_this_release_expects_is_the_newest_revision(self) -> None:
        assert revisions.get_heads() == [HEAD]
        assert revisions.get_base() == BASELINE

    def test_each_revision_is_usable_by_the_release_before_it(self) -> None:
        for revision in revisions.walk_revisions():
            if isinstance(revision.down_revision, str):
                _number, oldest = map(int, revision.revision.split("_from_"))
                assert oldest <= int(revision.down_revision[:4]), revision.revision


class TestAJournalFromBeforeVersions:
    async def test_keeps_its_rows(self, file: Path, database: Database) -> None:
        before = rows(file)
        await database.read(lambda _: None)
        assert rows(file) == before
        assert recorded_version(file) == HEAD
        pause = await Pauses(database, "other").in_force()
        assert pause
        assert (pause.by, pause.reason) == ("ada", "a test")

    async def test_lists_its_changes_with_what_they_caused(self, database: Database) -> None:
        page = await change_queries.recent(database, limit=20, now=0.0)
        states = [(row.id[-1], row.state) for row in page.rows]
        assert states == [
            ("9", "declined"), ("8", "failed"), ("7", "unknown"), ("6", "declined"), ("5", "approved"),
            ("4", "planned"), ("3", "sent"), ("2", "sent"), ("1", "verified"),
        ]  # fmt: skip
        sent = {row.id[-1]: row for row in page.rows}
        assert sent["1"].reads_back
        assert sent["1"].next_step == "To see it: get_customer."
        assert sent["2"].event_id
        assert sent["3"].delivery_id
        assert (sent["9"].event_id, sent["9"].next_step, sent["9"].reads_back) == (None, None, False)

    async def test_its_requests_name_their_operations_and_keep_what_they_send(self, database: Database) -> None:
        journal = Journal(database, "sandbox")
        rows = [await journal.get(f"old0000{number}") for number in range(1, 10)]
        stored = {row.id[-1]: json.loads(row.plan).get("calls", []) for row in rows if row}
        plans = {row.id[-1]: Plan.model_validate_json(row.plan) for row in rows if row}
        named = {number: [call.operation for call in plan.calls] for number, plan in plans.items()}
        events = {key: ["track_event"] for key in "245678"}
        assert named == {"1": ["identify_customer"], **events, "3": ["send_email"], "9": []}
        for number, plan in plans.items():
            for call, fields in zip(plan.calls, stored[number], strict=True):
                assert {name: getattr(call, name) for name in fields if name != "minted"} == {
                    name: value for name, value in fields.items() if name != "minted"
                }
        assert {row.id[-1]: row.event_id for row in rows if row} == {n: plan.event_id for n, plan in plans.items()}

    async def test_still_joins_events_to_its_changes(self, database: Database) -> None:
        events, _ = await Events(database, "sandbox").recent(EventQuery(), 10, None)
        assert {event.event_id: event.change for event in events} == {"E1": "old00003", "E2": "old00002"}

    async def test_its_open_changes_can_be_decided(self, database: Database) -> None:
        journal = Journal(database, "sandbox")
        row = await journal.get("old00004")
        assert row
        assert await journal.approve(row, by="person", how="on a terminal", now=row.expires_at - 1)

    async def test_its_changes_can_be_undone(self, file: Path, settings: Settings, ws: CallContext) -> None:
        assert settings.data_dir == file.parent
        await carry_out(ws, "update_customer", customer="ada", attributes={"plan": "gold", "shoe_size": 38})
        receipt = await carry_out(ws, "undo_change", change="old00001")
        assert receipt.status == "done", receipt
        ada = await ws.people.resolve("ada")
        assert ada.attributes["plan"] == "vip"

    async def test_its_sends_are_duplicates_after_the_upgrade(
        self, file: Path, settings: Settings, ws: CallContext
    ) -> None:
        assert settings.data_dir == file.parent
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("UPDATE changes SET planned_at = ?1, sending_at = ?1", (time.time(),))
            ((plan, effect),) = db.execute("SELECT plan, effect FROM changes WHERE id = 'old00002'").fetchall()
        sent = Plan.model_validate_json(plan)
        assert sent.effect != effect

        async def again() -> Plan:
            await anyio.lowlevel.checkpoint()
            return sent

        answer = await ws.gate.propose(ws.caller.id, "send_event", "another digest", again)
        assert isinstance(answer, Receipt)
        assert (answer.status, answer.change) == ("already_done", "old00002")

    async def test_an_older_release_can_go_on_writing_after_the_upgrade(self, file: Path, database: Database) -> None:
        await database.read(lambda _: None)
        with closing(sqlite3.connect(":memory:")) as old:
            old.executescript(WRITTEN_BEFORE)
            names = [row[1] for row in old.execute("PRAGMA table_info('changes')")]
            values = old.execute("SELECT * FROM changes WHERE id = 'old00004'").fetchone()
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("DELETE FROM changes WHERE id = 'old00004'")
            columns = ", ".join(f'"{name}"' for name in names)
            db.execute(f"INSERT INTO changes ({columns}) VALUES ({', '.join('?' * len(names))})", values)  # noqa: S608 - our own column names
        assert await Journal(database, "sandbox").get("old00004")


async def carry_out(ws: CallContext, tool: str, **arguments: Any) -> Receipt:
    """Propose a write, approve it as a person would, and send it."""

    async def plan() -> Plan:
        planned: Plan = await TOOLS[tool](ws, **arguments)
        return planned

    row = await ws.gate.propose(ws.caller.id, tool, arguments_digest(arguments), plan)
    assert not isinstance(row, Receipt), row
    await approve(ws.gate, row)
    return await ws.gate.make(row, plan, work_of(ws.caller))


class TestAnotherRelease:
    async def test_a_newer_schema_that_only_adds_is_used_as_it_is(self, file: Path, database: Database) -> None:
        await database.read(lambda _: None)
        record(file, NEWER)
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("ALTER TABLE changes ADD COLUMN added TEXT")
            db.execute("ALTER TABLE events ADD COLUMN added TEXT")
            db.execute("ALTER TABLE pauses ADD COLUMN added TEXT")
        again = Database(f"sqlite:///{file}")
        journal = Journal(again, "sandbox")
        row = await journal.get("old00004")
        assert row
        assert await journal.approve(row, by="person", how="on a terminal", now=row.expires_at - 1)
        assert (await journal.recent(now=0.0)).total == 9
        assert await Pauses(again, "other").in_force()
        assert len((await Events(again, "sandbox").recent(EventQuery(), 10, None))[0]) == 2
        await again.close()
        assert recorded_version(file) == NEWER

    @pytest.mark.parametrize("version", [TOO_NEW, "1234abcd"])
    async def test_a_newer_schema_without_what_this_release_uses_is_refused_in_one_sentence(
        self, version: str, file: Path, database: Database
    ) -> None:
        await database.read(lambda _: None)
        record(file, version)
        again = Database(f"sqlite:///{file}")
        with pytest.raises(StorageFailed, match="install the newest cio-mcp, or set CIO_DATABASE_URL"):
            await Pauses(again).pause(by="test", now=1.0)
        await again.close()
        assert recorded_version(file) == version

    @pytest.mark.parametrize(
        ("version", "needed"),
        [(None, True), (BASELINE, True), (HEAD, False), (NEWER, False), ("0009_from_0001", False)],
    )
    def test_only_older_schemas_are_migrated(self, version: str | None, needed: bool) -> None:
        assert needs_migration(version) is needed


class TestOpening:
    def test_a_current_database_is_opened_without_a_lock_and_without_alembic(self, file: Path) -> None:
        url = f"sqlite:///{file}"
        anyio.run(Pauses(Database(url)).in_force)
        with closing(sqlite3.connect(file, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            (process,) = processes(OPENS, url)
            assert process.communicate(timeout=60) == (b"False\n", b"")

    def test_a_new_database_is_created_without_alembic(self, tmp_path: Path) -> None:
        (process,) = processes(OPENS, f"sqlite:///{tmp_path / 'new' / 'cio-mcp.db'}")
        assert process.communicate(timeout=60) == (b"False\n", b"")
        assert recorded_version(tmp_path / "new" / "cio-mcp.db") == HEAD

    @pytest.mark.slow
    def test_one_of_several_processes_migrates_and_the_others_wait(self, file: Path) -> None:
        before = rows(file)
        started = list(processes(OPENS, f"sqlite:///{file}", number=4))
        outputs = [process.communicate(timeout=60) for process in started]
        assert sorted(outputs) == [(b"False\n", b"")] * 3 + [(b"True\n", b"")]
        assert rows(file) == before

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE alembic_version",
            "INSERT INTO changes",
            "DROP TABLE",
            "CREATE INDEX changes_pending",
            "ADD COLUMN unread",
            "UPDATE alembic_version",
        ],
    )
    @pytest.mark.sampled(1)
    def test_a_process_that_is_killed_while_it_migrates_leaves_nothing(self, statement: str, file: Path) -> None:
        before, schema = rows(file), tables(file)
        (process,) = processes(DIES, f"sqlite:///{file}", statement)
        process.communicate(timeout=60)
        assert process.returncode == -SIGKILL
        assert (rows(file), tables(file)) == (before, schema)
        (process,) = processes(OPENS, f"sqlite:///{file}")
        assert process.communicate(timeout=60) == (b"True\n", b"")
        assert (rows(file), recorded_version(file)) == (before, HEAD)

    async def test_a_migration_that_fails_changes_nothing(self, file: Path) -> None:
        schema = tables(file)
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("CREATE TABLE changes_0001 (something TEXT)")
        failing = Database(f"sqlite:///{file}")
        with pytest.raises(StorageFailed):
            await Pauses(failing).in_force()
        await failing.close()
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("DROP TABLE changes_0001")
        assert tables(file) == schema
