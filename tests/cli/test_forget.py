import sqlite3
import time
from collections.abc import Iterator

import pytest
from pydantic import JsonValue

from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import Events
from cio_mcp.storage.jobs import Jobs
from cio_mcp.storage.rows import ClaimTerms, EventQuery, EventRow
from tests.cli.command_line import CommandLine
from tests.jobs.staged import source_of

CODE = r"To erase, type ([A-Z2-9]{4}):"
HERE = {"CIO_WORKSPACE": "acme", "COLUMNS": "300"}


@pytest.fixture
def sandbox() -> Iterator[str]:
    with serve_in_background(Sandbox(people=5)) as where:
        yield where.url


def event(event_id: str, *, person_id: str | None = None, email: str | None = None) -> EventRow:
    return EventRow(event_id, "email", "delivered", 1_800_000_000, time.time(), "{}", person_id=person_id, email=email)


def logged(cio_mcp: CommandLine, *rows: EventRow) -> None:
    cio_mcp.journal(lambda database: Events(database, "acme").add(rows))


def number_of_events(cio_mcp: CommandLine) -> int:
    counts, _ = cio_mcp.journal(lambda database: Events(database, "acme").summary(EventQuery()))
    return sum(each.count for each in counts)


def run_forget(cio_mcp: CommandLine, person: str, **settings: str) -> str:
    with cio_mcp.on_a_terminal("forget", person, **HERE, **settings) as session:
        session.type(session.wait_for(CODE)[1])
        session.wait_for("Erased")
        session.ends_with(0)
        return session.seen


def test_a_person_is_erased_from_changes_and_events_and_what_keeps_us_from_repeating_stays(
    cio_mcp: CommandLine,
) -> None:
    cio_mcp.propose("aaaa0001")
    logged(cio_mcp, event("1", email="ada@example.com"), event("2", email="bob@example.com"))
    before = cio_mcp.change("aaaa0001")
    seen = run_forget(cio_mcp, "ada@example.com")
    assert "Found changes: 1 (open, to be withdrawn: 1). Events: 1." in seen
    after = cio_mcp.change("aaaa0001")
    assert (after.summary, after.question) == ("(erased)", "(erased)")
    assert (after.state, after.decided_how) == ("declined", "the data of its person was erased")
    assert (after.digest, after.arguments_digest, after.effect) == (
        before.digest,
        before.arguments_digest,
        before.effect,
    )
    assert Plan.model_validate_json(after.plan).calls == ()
    assert number_of_events(cio_mcp) == 1
    shown = cio_mcp.run("changes", "aaaa0001", **HERE)
    assert "(erased)" in shown.stdout


def test_nothing_of_a_person_is_left_in_the_files(cio_mcp: CommandLine) -> None:
    for number in range(30):
        cio_mcp.propose(f"aaaa{number:04}")
    run_forget(cio_mcp, "ada@example.com")
    for file in cio_mcp.data_dir.iterdir():
        assert b"ada@example.com" not in file.read_bytes(), file.name
    with sqlite3.connect(cio_mcp.data_dir / "cio-mcp.db") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)


def test_all_identifiers_that_customer_io_knows_are_looked_for(cio_mcp: CommandLine, sandbox: str) -> None:
    cio_mcp.propose("aaaa0001")
    logged(cio_mcp, event("1", person_id="ada"))
    seen = run_forget(cio_mcp, "ada", CIO_APP_API_KEY="sandbox-app-key", CIO_APP_URL=sandbox)
    assert "“ada”, “ada@example.com”" in seen
    assert cio_mcp.change("aaaa0001").summary == "(erased)"
    assert number_of_events(cio_mcp) == 0


def test_a_person_deleted_in_customer_io_is_forgotten_by_the_given_identifier(
    cio_mcp: CommandLine, sandbox: str
) -> None:
    logged(cio_mcp, event("1", person_id="gone-for-good"))
    seen = run_forget(cio_mcp, "gone-for-good", CIO_APP_API_KEY="sandbox-app-key", CIO_APP_URL=sandbox)
    assert "Only entries with it" in seen
    assert number_of_events(cio_mcp) == 0


def test_nothing_about_anybody_else_is_touched(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    cio_mcp.propose("aaaa0002", edits=(ValueEdit(name="friend", before=None, after="eve@example.com"),))
    before = cio_mcp.change("aaaa0001")
    run_forget(cio_mcp, "eve@example.com")
    assert cio_mcp.change("aaaa0001") == before
    assert cio_mcp.change("aaaa0002").summary == "(erased)"


def test_another_workspace_is_left_alone(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("forget", "ada@example.com", CIO_WORKSPACE="other") as session:
        session.wait_for("Nothing is stored about this person")
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_rows_of_jobs_are_erased_and_a_job_that_waits_with_one_is_canceled(cio_mcp: CommandLine) -> None:
    rows: list[JsonValue] = [{"identifiers": {"email": f"{name}@example.com"}} for name in ("ada", "bob")]

    async def stage(database: Database) -> None:
        source = source_of(rows)
        await Jobs(database, "acme").stage(
            "j", principal="p", kind="import", key="", options={}, source=source, now=time.time()
        )

    cio_mcp.journal(stage)
    seen = run_forget(cio_mcp, "ada@example.com")
    assert "Rows of jobs: 1 (jobs to be canceled: 1)." in seen
    assert "1 rows of jobs (1 jobs canceled)" in seen
    assert cio_mcp.journal(lambda database: Jobs(database, "acme").rows("j", 0, 9)) == rows[1:]
    for file in cio_mcp.data_dir.iterdir():
        assert b"ada@example.com" not in file.read_bytes(), file.name


def test_anything_else_typed_erases_nothing(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("forget", "ada@example.com", **HERE) as session:
        session.wait_for(CODE)
        session.type("yes")
        session.wait_for("Nothing was erased")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_without_a_terminal_nothing_is_erased(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    answered = cio_mcp.run("forget", "ada@example.com", **HERE)
    assert (answered.returncode, answered.stdout) == (2, "")
    assert "requires a terminal" in answered.stderr
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_a_request_in_progress_is_not_repeated_and_stays_unknown(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")

    async def send(database: Database) -> None:
        journal = Journal(database, "acme")
        row = await journal.get("aaaa0001")
        assert row
        assert await journal.approve(row, by="local:ada", how="on a terminal", now=time.time())
        spending = ClaimTerms(row.digest, 0.0, 0.0, time.time(), time.time())
        assert await journal.claim(row.id, spending) == "claimed"

    cio_mcp.journal(send)
    run_forget(cio_mcp, "ada@example.com")
    after = cio_mcp.change("aaaa0001")
    assert (after.state, after.settle_at) == ("unknown", None)
