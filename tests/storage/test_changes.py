from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import Engine, event

from cio_mcp.storage import change_queries
from cio_mcp.storage.change_queues import MAX_APPROVED_AT_ONCE, UnsettledChanges
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.claims import CLOCK_SKEW_SECONDS
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import PersonEraser, reduce_old_changes
from cio_mcp.storage.pauses import Pauses
from cio_mcp.storage.rows import ChangeRow, ChangeState, ClaimTerms, OpenLimits
from tests.rows import change_row

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0
PLAN = '{"risk": "send", "summary": "Send it."}'


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'cio-mcp.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database, "acme")


def change(number: int, **values: Any) -> ChangeRow:
    row = change_row(
        f"{number:08}",
        arguments_digest=f"{number:064}",
        question="Send it?",
        plan=PLAN,
        digest="d" * 64,
        planned_at=NOW + number,
        expires_at=NOW + 3600,
    )
    return replace(row, **values)


def terms(**values: Any) -> ClaimTerms:
    return replace(
        ClaimTerms(digest="d" * 64, decided_since=NOW - 600, effect_since=NOW - 600, now=NOW, until=NOW + 30), **values
    )


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that is carried out meanwhile."""
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", see)


class TestAnApprovedChange:
    async def approve(self, journal: Journal, number: int, **values: Any) -> ChangeRow:
        row = change(number, arguments_json="{}", **values)
        await journal.add(row)
        assert await journal.approve(row, by="person", how="on a terminal", now=NOW, until=NOW + 600)
        return row

    async def due(self, journal: Journal, now: float = NOW) -> list[str]:
        found = await journal.approved.due(["send_event"], since=now - 600, now=now, but_by="policy")
        return [row.id for row in found]

    async def test_is_taken_by_one_process_until_its_time_is_over(self, journal: Journal) -> None:
        row = await self.approve(journal, 1)
        assert await self.due(journal) == [row.id]
        taken = [await journal.approved.take(row.id, now=NOW, until=NOW + 60) for _ in range(2)]
        assert taken == [True, False]
        assert await self.due(journal) == []
        assert await self.due(journal, NOW + 60) == [row.id]
        assert await journal.approved.take(row.id, now=NOW + 60, until=NOW + 120)

    async def test_is_not_of_another_workspace(self, journal: Journal, database: Database) -> None:
        row = await self.approve(journal, 1)
        other = Journal(database, "other")
        assert await self.due(other) == []
        assert not await other.approved.take(row.id, now=NOW, until=NOW + 60)

    async def test_is_one_of_few_that_are_read_at_once_the_longest_approved_first(self, journal: Journal) -> None:
        rows = [await self.approve(journal, number) for number in range(MAX_APPROVED_AT_ONCE + 1)]
        assert len(await self.due(journal)) == MAX_APPROVED_AT_ONCE < len(rows)

    async def test_is_looked_for_through_an_index(self, journal: Journal, database: Database) -> None:
        with statements() as seen:
            await self.due(journal)
        (query,) = [each for each in seen if each.startswith("SELECT")]
        plan = await database.read(
            lambda db: db.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", (("",) * query.count("?"))).all()
        )
        assert "SEARCH changes USING INDEX changes_pending (state=? AND expires_at>?)" in str(plan)


class TestWhatMayWaitForADecision:
    async def test_is_limited_for_each_caller(self, journal: Journal) -> None:
        limits = OpenLimits(per_caller=2)
        assert [await journal.add(change(number), limits) for number in range(3)] == [
            "added", "added", "caller limit",
        ]  # fmt: skip
        assert await journal.add(change(3, principal="local:bob"), limits) == "added"

    async def test_is_limited_for_all_callers_of_a_workspace_together(
        self, journal: Journal, database: Database
    ) -> None:
        limits = OpenLimits(per_workspace=3)
        added = [await journal.add(change(n, principal=f"http:{n}"), limits) for n in range(4)]
        assert added == ["added", "added", "added", "workspace limit"]
        assert await Journal(database, "other").add(change(9, workspace="other"), limits) == "added"

    async def test_is_limited_by_the_bytes_of_plans_and_questions(self, journal: Journal) -> None:
        size = len(PLAN) + len("ä?".encode())
        limits = OpenLimits(caller_bytes=2 * size, workspace_bytes=3 * size)
        added = [
            await journal.add(change(n, question="ä?", principal=caller), limits)
            for n, caller in enumerate(("ada", "ada", "ada", "bob", "bob"))
        ]
        assert added == ["added", "added", "caller limit", "added", "workspace limit"]

    async def test_counts_the_arguments_of_its_call(self, journal: Journal) -> None:
        limits = OpenLimits(caller_bytes=2 * len(PLAN) + 1_000)
        assert await journal.add(change(1, arguments_json="x" * 1_000), limits) == "added"
        assert await journal.add(change(2), limits) == "caller limit"

    async def test_counts_a_replaced_plan_by_its_new_size(self, journal: Journal) -> None:
        limits = OpenLimits(caller_bytes=1_000)
        await journal.add(change(1), limits)
        await journal.replace_plan("00000001", change(1, question="x" * 950))
        assert await journal.add(change(2), limits) == "caller limit"

    async def test_does_not_count_what_was_decided_or_has_expired(self, journal: Journal) -> None:
        limits = OpenLimits(per_caller=1)
        await journal.add(change(1, expires_at=NOW + 1), limits)
        assert await journal.add(change(2), limits) == "added"
        assert await journal.withdraw("00000002", by="ada", how="denied in a terminal", now=NOW)
        assert await journal.add(change(3), limits) == "added"

    async def test_has_a_limit_that_callers_at_the_same_moment_cannot_pass(self, journal: Journal) -> None:
        added: list[str] = []

        async def add(number: int) -> None:
            added.append(await journal.add(change(number, principal=f"http:{number}"), OpenLimits(per_workspace=5)))

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(add, number)
        assert added.count("added") == 5


class TestAnApproval:
    @pytest.mark.parametrize(
        ("decided_at", "result"),
        [
            (NOW - 600, "claimed"),
            (NOW - 600.1, "too old"),
            (NOW, "claimed"),
            (NOW + CLOCK_SKEW_SECONDS, "claimed"),
            (NOW + CLOCK_SKEW_SECONDS + 0.1, "in the future"),
            (NOW + 7200, "in the future"),
        ],
    )
    async def test_counts_for_ten_minutes_also_where_the_clock_was_set_back(
        self, decided_at: float, result: str, journal: Journal
    ) -> None:
        await journal.add(change(1, state="approved", decided_at=decided_at))
        assert await journal.claim("00000001", terms()) == result
        row = await journal.get("00000001")
        assert row
        assert row.state == ("sending" if result == "claimed" else "approved")

    async def test_is_used_once(self, journal: Journal) -> None:
        await journal.add(change(1, state="approved", decided_at=NOW))
        results: list[str] = []

        async def claim() -> None:
            results.append(await journal.claim("00000001", terms()))

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(claim)
        assert sorted(results) == ["claimed"] + ["not approved"] * 7


class TestLists:
    async def test_are_newest_first_with_the_number_of_all(self, journal: Journal) -> None:
        for number in range(5):
            await journal.add(change(number))
        page = await journal.recent(limit=2, now=NOW)
        assert ([row.id for row in page.rows], page.total) == (["00000004", "00000003"], 5)

    async def test_of_pending_changes_span_workspaces(self, journal: Journal, database: Database) -> None:
        await journal.add(change(1))
        await journal.add(change(2, expires_at=NOW))
        await journal.add(change(3, state="approved"))
        await Journal(database, "other").add(change(4, workspace="other"))
        page = await change_queries.recent(database, state="planned", limit=200, now=NOW)
        assert ([row.id for row in page.rows], page.total) == (["00000004", "00000001"], 2)

    @pytest.mark.parametrize(
        ("state", "ids"),
        [
            ("planned", ["1"]), ("approved", ["3"]), ("expired", ["4", "2"]), ("sent", ["5"]), ("declined", []),
            (None, ["5", "4", "3", "2", "1"]),
        ],
    )  # fmt: skip
    async def test_of_a_state_know_which_changes_have_expired(
        self, state: ChangeState | None, ids: list[str], journal: Journal
    ) -> None:
        await journal.add(change(1))
        await journal.add(change(2, expires_at=NOW))
        await journal.add(change(3, state="approved"))
        await journal.add(change(4, state="approved", expires_at=NOW - 1))
        await journal.add(change(5, state="sent", expires_at=NOW - 1))
        page = await journal.recent(state=state, now=NOW)
        assert ([row.id[-1] for row in page.rows], page.total) == (ids, len(ids))
        assert all(state in (None, row.state_at(NOW)) for row in page.rows)

    async def test_never_read_a_plan_or_a_question(self, journal: Journal, database: Database) -> None:
        await journal.add(change(1))
        with statements() as seen:
            await journal.recent(state="planned", now=NOW)
            await journal.summary("00000001")
            await change_queries.recent(database, state="planned", limit=200, now=NOW)
        selects = [statement for statement in seen if statement.startswith("SELECT")]
        assert len(selects) == 5
        for statement in selects:
            assert "plan," not in statement.replace('"', "")
            assert "question" not in statement
            assert "baseline" not in statement

    @pytest.mark.parametrize(("workspace", "index"), [(None, "changes_pending"), ("acme", "changes_")])
    async def test_count_by_an_index(self, workspace: str | None, index: str, database: Database) -> None:
        with statements() as seen:
            await change_queries.recent(database, workspace=workspace, state="planned", limit=1, now=NOW)
        count = next(statement for statement in seen if "count(" in statement)
        given = ("planned", NOW, "acme")[: count.count("?")]
        steps = await database.read(lambda db: db.exec_driver_sql(f"EXPLAIN QUERY PLAN {count}", given).all())
        assert any(index in step[3] for step in steps), steps


def erase(database: Database) -> PersonEraser:
    return PersonEraser(database, "acme", lambda row: True, {"ada"})  # noqa: ARG005 - about everybody


ROW = change(1, state="approved", decided_at=NOW)
WRITES: dict[str, Callable[[Database], Awaitable[object]]] = {
    "add": lambda database: Journal(database, "acme").add(change(2)),
    "acknowledge": lambda database: Journal(database, "acme").acknowledge(ROW.id, now=NOW),
    "record_prompt": lambda database: Journal(database, "acme").record_prompt(ROW.id, now=NOW),
    "approve": lambda database: Journal(database, "acme").approve(ROW, by="ada", how="on a terminal", now=NOW),
    "withdraw": lambda database: Journal(database, "acme").withdraw(
        ROW.id, by="ada", how="denied in a terminal", now=NOW
    ),
    "replace_plan": lambda database: Journal(database, "acme").replace_plan(ROW.id, ROW),
    "claim": lambda database: Journal(database, "acme").claim(ROW.id, terms()),
    "finish": lambda database: Journal(database, "acme").finish(ROW.id, "sent", "{}", now=NOW),
    "fail": lambda database: Journal(database, "acme").fail(ROW.id, "{}", now=NOW),
    "verify": lambda database: Journal(database, "acme").verify(ROW.id),
    "take": lambda database: UnsettledChanges(database, "acme").take(ROW, until=NOW),
    "settle": lambda database: UnsettledChanges(database, "acme").settle(ROW, "sent", "{}", now=NOW, next_at=None),
    "pause": lambda database: Pauses(database, "acme").pause(by="ada", now=NOW),
    "resume": lambda database: Pauses(database, "acme").resume(),
    "reduce": lambda database: reduce_old_changes(database, before=NOW, now=NOW),
    "erase": lambda database: erase(database).erase(by="ada", now=NOW),
}


@pytest.mark.parametrize("write", WRITES)
async def test_every_write_holds_the_write_lock_before_it_reads_or_writes(write: str, database: Database) -> None:
    await Journal(database, "acme").add(ROW)
    with statements() as seen:
        await WRITES[write](database)
    assert len(seen) > 1
    locked = False
    for statement in seen:
        if statement == "BEGIN IMMEDIATE":
            locked = True
        else:
            assert locked or statement.startswith("PRAGMA"), statement


def test_every_method_that_changes_a_row_is_in_the_list_above() -> None:
    methods = {name for cls in (Journal, UnsettledChanges, Pauses) for name in vars(cls) if not name.startswith("_")}
    reads = {
        "get", "summary", "recent", "open_for", "unacknowledged", "requested_for", "applied", "applied_calls",
        "same_effect", "next_send_at", "due", "in_force", "created",
    }  # fmt: skip
    assert methods - reads == set(WRITES) - {"reduce", "erase"}
