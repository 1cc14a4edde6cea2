"""SIGKILL at each transition of the journal, in each kind of write, once; `make crash` does it by the thousand."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import whole_server
from tests.crash.arena import BY, By
from tests.crash.deaths import Forks, forks, stage
from tests.crash.dying import POINTS, Point
from tests.crash.job_arena import WAYS, Way
from tests.crash.job_deaths import workers
from tests.examples import WRITES


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with stage(tmp_path_factory.mktemp("deaths")) as on_stage, forks(on_stage) as set_up:
        yield set_up


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.sampled(7)
@pytest.mark.slow
def test_a_killed_process_leaves_one_effect_at_most_and_a_truthful_record(
    point: Point, write: str, by: By, forked: Forks
) -> None:
    answered = forked.death(point, write, by)
    assert answered["killed"] or point == "after it was read back"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
def test_a_job_whose_worker_ended_is_done_by_another_and_each_row_takes_effect_once(way: Way, tmp_path: Path) -> None:
    with stage(tmp_path) as on_stage, workers(on_stage) as at_work:
        assert at_work.death("under way", 2, way)["effects"] == 1


@pytest.mark.anyio
@pytest.mark.sampled(1)
@pytest.mark.parametrize(("moment", "write"), [("prompted", "send_transactional"), ("under way", "send_event")])
async def test_a_killed_server_leaves_one_effect_at_most_and_a_truthful_record(
    moment: whole_server.Moment, write: str, tmp_path: Path
) -> None:
    # A new moment in each run would find more, and make a failure hard to repeat.
    after = random.Random(7).uniform(0, whole_server.WITHIN[moment])
    with stage(tmp_path) as on_stage:
        await whole_server.death(on_stage, write, whole_server.Death(moment, after))
