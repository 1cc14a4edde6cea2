"""Exports that are killed: the next run goes on, and the file is the same as without a kill."""

import itertools
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from cio_mcp.errors import Refused
from cio_mcp.storage.engine import Database
from cio_mcp.storage.events import Events
from cio_mcp.storage.metric_state import MetricState
from tests.exports.exporting import export_and_die, export_events_and_die
from tests.exports.test_events import event, read

KILLED = -9
NEVER = 0
DEATHS = int(os.environ.get("EXPORT_DEATHS", "20"))
"""Places in a run at which it is killed, evenly spaced among its points."""
LEFT_OVER = 30
"""Points that a restart passes again: lists, what was in flight, and files that were not complete."""
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.exports.exporting", "sqlalchemy.dialects.sqlite"])


def run(path: Path, data: Path, point: int, export: Callable[..., None] = export_and_die) -> int | None:
    """Export in a process of its own, which dies at a point; its exit status."""
    process = _processes.Process(target=export, args=(str(path), str(data), point))
    process.start()
    process.join()
    return process.exitcode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int]:
    """The file of a run that was left alone, and how many points it has passed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "out").mkdir()
    assert run(folder / "out" / "metrics.csv", folder / "data", NEVER) == 0
    return (folder / "out" / "metrics.csv").read_bytes(), int((folder / "data" / "points").read_text())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("place", range(DEATHS))
def test_an_export_that_was_killed_is_complete_and_identical_after_a_restart(
    place: int, whole: tuple[bytes, int], tmp_path: Path
) -> None:
    content, points = whole
    path = tmp_path / "out" / "metrics.csv"
    path.parent.mkdir()
    point = 1 + (points - 1) * place // max(1, DEATHS - 1)
    assert run(path, tmp_path / "data", point) == KILLED
    assert not path.exists() or path.read_bytes() == content
    assert run(path, tmp_path / "data", NEVER) == 0
    assert path.read_bytes() == content
    assert {each.name for each in path.parent.iterdir()} == {"metrics.csv", "metrics.csv.state"}
    assert int((tmp_path / "data" / "points").read_text()) <= points - point + LEFT_OVER


@pytest.mark.slow
def test_an_export_that_is_killed_again_and_again_gets_done(whole: tuple[bytes, int], tmp_path: Path) -> None:
    content, _ = whole
    path = tmp_path / "out" / "metrics.csv"
    path.parent.mkdir()
    kills = 0
    while run(path, tmp_path / "data", 30) == KILLED:
        kills += 1
        assert kills < 20
    assert kills > 1
    assert path.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "duckdb"])
def test_events_come_once_however_often_their_export_is_killed(ending: str, tmp_path: Path) -> None:
    path, data = tmp_path / "out" / f"events.{ending}", tmp_path / "data"
    path.parent.mkdir()

    async def receive(numbers: range) -> None:
        database = Database(f"sqlite:///{data}/cio-mcp.db")
        await Events(database, "acme").add([event(number) for number in numbers])
        await database.close()

    received = kills = 0
    for point in itertools.count(1):
        anyio.run(receive, range(received, received := received + 7))
        if run(path, data, point, export_events_and_die) == 0:
            break
        kills += 1
    assert kills > 5
    assert [name for _, name, _ in read(path)] == [f"e{number}" for number in range(received)]
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.slow
def test_a_frozen_export_keeps_others_out_of_its_file_and_ends_when_it_thaws(
    whole: tuple[bytes, int], tmp_path: Path
) -> None:
    content, points = whole
    path, data = tmp_path / "out" / "metrics.csv", tmp_path / "data"
    path.parent.mkdir()
    arguments = (str(path), str(data), points // 2, signal.SIGSTOP)
    process = _processes.Process(target=export_and_die, args=arguments)
    process.start()
    assert process.pid
    _wait_until_stopped(process.pid)
    with pytest.raises(Refused, match="is running"), closing(MetricState.open(path)):
        pass
    os.kill(process.pid, signal.SIGCONT)
    process.join()
    assert process.exitcode == 0
    assert path.read_bytes() == content


def _wait_until_stopped(process: int) -> None:
    """Wait for a process that is no child of this one."""
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.01)
