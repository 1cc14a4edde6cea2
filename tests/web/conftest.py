from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cio_mcp.events.feed import Feed
from cio_mcp.storage.engine import Database


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    database = Database(f"sqlite:///{tmp_path / 'events.db'}")
    yield Feed(database, "acme")
    await database.close()
