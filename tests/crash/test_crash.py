"""SIGKILL at each transition of the journal, in each kind of write, once; `make crash` does it by the thousand."""

from collections.abc import Iterator

import pytest

from tests.crash.arena import WRITES
from tests.crash.deaths import Stage, stage
from tests.crash.dying import POINTS, Point


@pytest.fixture(scope="module")
def on_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("deaths")) as set_up:
        yield set_up


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_leaves_one_effect_at_most_and_a_truthful_record(
    point: Point, write: str, on_stage: Stage
) -> None:
    answered = on_stage.death(point, write)
    assert answered["killed"] or point == "after it was read back"
