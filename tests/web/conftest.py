from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cio_mcp.clock import Clock
from cio_mcp.events.log import EventLog
from cio_mcp.storage.engine import Database


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[EventLog]:
    database = Database(f"sqlite:///{tmp_path / 'events.db'}")
    yield EventLog(database, "acme", Clock())
    await database.close()
