"""Exports that are killed: the next run goes on, and the file is the same as without a kill."""

import multiprocessing
from pathlib import Path

import pytest

from tests.exports.exporting import export_and_die

KILLED = -9
NEVER = 0
SHARES = range(0, 100, 4)
"""Places in a run, in percent of its points."""
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.exports.exporting", "sqlalchemy.dialects.sqlite"])


def run(path: Path, data: Path, point: int) -> int | None:
    """Export in a process of its own, which dies at a point; its exit status."""
    process = _processes.Process(target=export_and_die, args=(str(path), str(data), point))
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
@pytest.mark.parametrize("share", [*SHARES, 100])
def test_an_export_that_was_killed_is_complete_and_identical_after_a_restart(
    share: int, whole: tuple[bytes, int], tmp_path: Path
) -> None:
    content, points = whole
    path = tmp_path / "out" / "metrics.csv"
    path.parent.mkdir()
    assert run(path, tmp_path / "data", max(1, points * share // 100)) == KILLED
    assert not path.exists() or path.read_bytes() == content
    assert run(path, tmp_path / "data", NEVER) == 0
    assert path.read_bytes() == content
    assert {each.name for each in path.parent.iterdir()} == {"metrics.csv", "metrics.csv.state"}
    assert int((tmp_path / "data" / "points").read_text()) <= points - points * share // 100 + LEFT_OVER


LEFT_OVER = 30
"""Points that a restart passes again: lists, what was in flight, and files that were not complete."""


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
