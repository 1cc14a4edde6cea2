import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from sqlalchemy import select

from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pauses
from cio_mcp.storage.schema import pauses
from cio_mcp.storage.sqlite import create_private_file

pytestmark = pytest.mark.anyio

OPENS = """
import sys, anyio
from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pauses
sys.stdin.readline()
async def main():
    for number in range(20):
        await Pauses(Database(sys.argv[1]), f"workspace {number}").pause(by="test", now=1.0)
anyio.run(main)
"""


async def test_threads_that_open_it_at_the_same_moment_all_get_in(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'cio-mcp.db'}")
    made: list[bool] = []

    async def pause() -> None:
        made.append(await Pauses(database, "one").pause(by="test", now=1.0))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(pause)
    assert sorted(made) == [False] * 19 + [True]
    await database.close()


@pytest.mark.slow
def test_processes_that_open_it_at_the_same_moment_all_get_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'cio-mcp.db'}"
    started = [
        subprocess.Popen([sys.executable, "-c", OPENS, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.communicate(timeout=100)[1] for process in started] == [b""] * 4


async def test_writes_are_stored_in_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    file = tmp_path / "new" / "cio-mcp.db"
    database = Database(f"sqlite:///{file}")
    assert await Pauses(database, "one").pause(by="test", now=1.0)
    rows = await database.read(lambda db: db.execute(select(pauses.c.workspace)).all())
    await database.close()
    assert [row.workspace for row in rows] == ["one"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_a_commit_is_on_disk_before_it_is_reported(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'cio-mcp.db'}")
    levels = await database.read(lambda db: db.exec_driver_sql("PRAGMA synchronous").scalar())
    mode = await database.read(lambda db: db.exec_driver_sql("PRAGMA journal_mode").scalar())
    await database.close()
    assert (levels, mode) == (2, "wal")  # FULL


def test_a_database_file_that_exists_is_made_private_through_a_link_too(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "cio-mcp.db"
    target.touch(mode=0o644)
    target.chmod(0o644)
    link.symlink_to(target)
    create_private_file(str(link))
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_directory_that_others_can_write_to_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o777)
    for _ in range(2):
        create_private_file(str(tmp_path / "cio-mcp.db"))
    assert [record.message.count("chmod 700") for record in caplog.records] == [1]
