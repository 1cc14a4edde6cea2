import time
from dataclasses import replace

import anyio
import pytest

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.question import question_about
from cio_mcp.gate.receipt import receipt_of
from cio_mcp.gate.retention import DAY_SECONDS, KEPT_DAYS, Retention
from cio_mcp.settings import Settings
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import REDUCED_AT_ONCE
from cio_mcp.storage.events import Events
from cio_mcp.storage.rows import ChangeRow, EventQuery, EventRow, StoredState
from tests.clock import FunctionClock
from tests.rows import change_row

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0
OLD = NOW - (KEPT_DAYS + 1) * DAY_SECONDS


async def at_once(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


@pytest.fixture
def database(settings: Settings) -> Database:
    return Database(settings.storage_url)


@pytest.fixture
def retention(database: Database) -> Retention:
    return Retention(database, FunctionClock(lambda: NOW, at_once))


def change(id_: str, state: StoredState, planned_at: float = OLD) -> ChangeRow:
    call = tracking.event(Reference("ada"), "x", {"secret": "body"}, ulid="01HZZZZZZZZZZZZZZZZZZZ0001", at=None)
    plan = Plan(risk="send", summary="Send “x”.", notes=("secret body",), calls=(call,), once=True)
    return change_row(
        id_,
        plan,
        workspace="sandbox",
        state=state,
        question=question_about(plan, id_).text,
        planned_at=planned_at,
        delivery_id="dgTe",
        outcome='{"message": null}',
        baseline='["dgTd"]',
        arguments_json='{"data": {"secret": "body"}}',
    )


@pytest.mark.parametrize("state", ["sent", "verified", "failed", "declined", "planned", "approved"])
async def test_a_change_settled_a_month_ago_is_reduced_to_digest_and_summary(
    state: StoredState, retention: Retention, database: Database
) -> None:
    journal, before = Journal(database, "sandbox"), change("aaaa0001", state)
    await journal.add(before)
    assert await retention.round() == 1
    after = await journal.get("aaaa0001")
    assert after
    assert after == replace(before, question="", plan=after.plan, baseline=None, arguments_json=None)
    assert "secret" not in after.plan
    assert after.summary == "Send “x”."
    assert receipt_of(Change.of(after), NOW).change == "aaaa0001"
    assert await retention.round() == 0


@pytest.mark.parametrize("state", ["sending", "unknown"])
async def test_an_unsettled_change_keeps_its_body_at_any_age(
    state: StoredState, retention: Retention, database: Database
) -> None:
    journal, before = Journal(database, "sandbox"), change("aaaa0001", state)
    await journal.add(before)
    assert await retention.round() == 0
    assert await journal.get("aaaa0001") == before


async def test_open_recent_and_scheduled_changes_keep_their_bodies(retention: Retention, database: Database) -> None:
    journal = Journal(database, "sandbox")
    kept = [
        replace(change("aaaa0001", "planned"), expires_at=NOW + 10),
        change("aaaa0002", "sent", NOW - (KEPT_DAYS - 1) * DAY_SECONDS),
        replace(change("aaaa0003", "sent"), due_at=NOW + 10),
    ]
    for row in kept:
        await journal.add(row)
    assert await retention.round() == 0
    assert [await journal.get(row.id) for row in kept] == kept


async def test_a_duplicate_of_a_reduced_change_is_still_recognized(retention: Retention, database: Database) -> None:
    journal, before = Journal(database, "sandbox"), replace(change("aaaa0001", "sent"), sending_at=NOW)
    await journal.add(before)
    await retention.round()
    assert before.effect
    assert (await journal.effects.same(before.effect, NOW - 600, NOW)) is not None


async def test_bodies_go_in_small_steps_and_a_round_ends(retention: Retention, database: Database) -> None:
    journal = Journal(database, "sandbox")
    for number in range(REDUCED_AT_ONCE + 5):
        await journal.add(change(f"{number:08}", "sent"))
    assert await retention.round(steps=1) == REDUCED_AT_ONCE
    assert await retention.round() == 5


async def test_an_event_still_names_a_reduced_change_that_caused_it(retention: Retention, database: Database) -> None:
    await Journal(database, "sandbox").add(change("aaaa0001", "sent"))
    log = Events(database, "sandbox")
    opened = EventRow("1", "email", "opened", int(NOW), time.time(), "{}")
    ulid = "01HZZZZZZZZZZZZZZZZZZZ0001"
    await log.add([replace(opened, delivery_id="dgTe"), replace(opened, event_id="2", trigger_event_id=ulid)])
    await retention.round()
    (found, _) = await log.recent(EventQuery(), 10, None)
    assert [event.change for event in found] == ["aaaa0001", "aaaa0001"]
