from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.erasure import ErasureCounts, PersonEraser, reduce_old_changes
from cio_mcp.storage.rows import ChangeRow

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0
ADA = ChangeRow(
    id="00000001",
    workspace="acme",
    principal="local:bob",
    tool="send_event",
    arguments_digest="a" * 64,
    effect="e" * 64,
    repeat=False,
    state="sent",
    risk="send",
    summary="Send “x” to “ada”.",
    question="Send “x” to “ada”?",
    plan='{"risk": "send", "summary": "Send “x” to “ada”."}',
    digest="d" * 64,
    planned_at=NOW - 100,
    expires_at=NOW + 3600,
    event_id="01HZZZZZZZZZZZZZZZZZZZ0001",
    delivery_id="ada-1",
    next_step="list_messages(customer=“ada”)",
    reads_back=True,
    outcome='{"message": "Sent to “ada”.", "delivery_id": "ada-1"}',
    baseline='["ada-0"]',
    target="t" * 64,
    form=1,
    arguments_json='{"customer":"ada"}',
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'cio-mcp.db'}")
    yield opened
    await opened.close()


def about_ada(row: ChangeRow) -> bool:
    return "ada" in row.plan


async def test_an_erased_change_names_the_person_in_no_column_and_keeps_what_prevents_a_repeat(
    database: Database,
) -> None:
    journal = Journal(database, "acme")
    await journal.add(ADA)
    eraser = PersonEraser(database, "acme", about_ada, {"ada"})
    assert await eraser.count(NOW) == await eraser.erase(by="local:bob", now=NOW) == ErasureCounts(changes=1)
    row = await journal.get(ADA.id)
    assert row
    assert not [name for name, value in asdict(row).items() if "ada" in str(value)]
    assert (row.state, row.digest, row.effect, row.arguments_digest) == (
        "sent",
        ADA.digest,
        ADA.effect,
        ADA.arguments_digest,
    )
    assert row.target == ADA.target


async def test_a_reduced_change_keeps_the_ids_of_what_it_caused(database: Database) -> None:
    journal = Journal(database, "acme")
    await journal.add(ADA)
    assert await reduce_old_changes(database, before=NOW, now=NOW) == 1
    row = await journal.get(ADA.id)
    assert row
    assert row == replace(ADA, question="", plan=row.plan, baseline=None, arguments_json=None, next_step=None)


async def test_changes_of_more_than_one_page_are_erased(database: Database) -> None:
    journal = Journal(database, "acme")
    for number in range(120):
        plan = ADA.plan if number % 2 else "{}"
        await journal.add(replace(ADA, id=f"{number:08}", state="planned", plan=plan, principal=str(number)))
    gone = await PersonEraser(database, "acme", about_ada, {"ada"}).erase(by="local:bob", now=NOW)
    assert gone == ErasureCounts(changes=60, open=60)
