from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cio_mcp.events.feed import Feed
from cio_mcp.storage.database import Database
from tests.clock import ManualClock


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'events.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database, "acme", ManualClock(skips=True))
