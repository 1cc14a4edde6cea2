"""Reads that do not wait for one another."""

import anyio
import pytest

from cio_mcp.clock import Clock
from cio_mcp.errors import NotFound, RateLimited
from cio_mcp.tools.common.gather import in_time, together

pytestmark = pytest.mark.anyio


async def test_reads_are_made_at_once() -> None:
    left, right = anyio.Event(), anyio.Event()

    async def meet(mine: anyio.Event, theirs: anyio.Event) -> str:
        mine.set()
        await theirs.wait()
        return "met"

    found = await together({"left": lambda: meet(left, right), "right": lambda: meet(right, left)})
    assert found == {"left": "met", "right": "met"}


async def test_the_first_error_is_raised_as_it_is_and_the_rest_is_given_up() -> None:
    async def fail() -> None:
        raise NotFound("customer: no customer has this id")

    with pytest.raises(NotFound, match="no customer has this id"):
        await together({"fails": fail, "waits": anyio.Event().wait})


async def test_errors_of_reads_within_reads_come_out_as_they_are() -> None:
    async def fail() -> None:
        raise RateLimited(3)

    with pytest.raises(RateLimited):
        await together({"outer": lambda: together({"inner": fail})})


async def test_nothing_to_read_is_nothing_read() -> None:
    assert await together({}) == {}


async def test_a_late_read_is_left_out_and_continues() -> None:
    released, ended = anyio.Event(), anyio.Event()

    async def late() -> None:
        await released.wait()
        ended.set()

    async def soon() -> str:
        return "there"

    async with anyio.create_task_group() as tasks:
        assert await in_time(tasks, Clock(), {"soon": soon}, 60) == {"soon": "there"}
        assert await in_time(tasks, Clock(), {"late": late}, 0) == {}
        released.set()
    assert ended.is_set()


async def test_a_failed_read_is_left_out_whatever_it_raises() -> None:
    async def fail() -> None:
        raise ValueError("unexpected")

    async with anyio.create_task_group() as tasks:
        assert await in_time(tasks, Clock(), {"fails": fail}, 60) == {}
