from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cio_mcp.events.log import EventLog
from cio_mcp.storage.engine import Database
from tests.clock import ManualClock


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'events.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def feed(database: Database) -> EventLog:
    return EventLog(database, "acme", ManualClock(skips=True))
