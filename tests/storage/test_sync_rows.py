"""What syncs remember of the rows that they sent."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from cio_mcp.storage.engine import Database
from cio_mcp.storage.sync_rows import SyncRow, SyncRows

pytestmark = pytest.mark.anyio


def row(email: str, plan: JsonValue) -> SyncRow:
    return SyncRow.of({"action": "identify", "identifiers": {"email": email}, "attributes": {"plan": plan}})


@pytest.fixture
def rows(tmp_path: Path) -> SyncRows:
    return SyncRows(Database(f"sqlite:///{tmp_path / 'cio-mcp.db'}"), "w")


async def test_a_row_is_known_as_it_was_recorded_last(rows: SyncRows) -> None:
    await rows.record("a", [row("ada@x", 1), row("bob@x", 1), row("ADA@x", 2)])
    known = await rows.known("a")
    assert len(known) == 2
    assert known.has(row("ADA@x", 2))
    assert not known.has(row("ADA@x", 1))
    assert not known.has(row("eve@x", 1))
    assert not known.has(row("bob@x", "1"))
    assert len(await rows.known("b")) == 0


async def test_rows_that_vanished_are_forgotten(rows: SyncRows) -> None:
    many = [row(f"{number}@x", number) for number in range(2500)]
    await rows.record("a", many)
    await rows.record("a", [row("0@x", "new")])
    known = await rows.known("a")
    assert [known.has(each) for each in many[:3]] == [False, True, True]
    await rows.forget("a", known.unseen())
    known = await rows.known("a")
    assert (len(known), known.has(row("0@x", "new")), known.has(many[5])) == (3, True, False)
