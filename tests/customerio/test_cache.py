from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from cio_mcp.customerio import batches
from cio_mcp.customerio import cache as module
from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.cache import Cache, Fetched, Key
from cio_mcp.customerio.call import Call
from cio_mcp.errors import NotFound, RateLimited, Unavailable
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

KEY = Key("local:ada", bulk=False, family="segments", request="/v1/segments")


class Source:
    """Fetches a numbered answer once released; counts the fetches."""

    def __init__(self) -> None:
        self.fetches = 0
        self.go = anyio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> Fetched:
        self.fetches += 1
        number = self.fetches
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return Fetched({"number": number}, 100)


@pytest.fixture
def cache(clock: ManualClock) -> Cache:
    return Cache(clock)


@pytest.fixture
def source() -> Source:
    return Source()


async def settle() -> None:
    for _ in range(10):
        await anyio.lowlevel.checkpoint()


async def test_when_the_first_caller_is_cancelled_another_takes_over(
    cache: Cache, source: Source, clock: ManualClock
) -> None:
    answers: list[object] = []

    async def ask() -> None:
        answers.append(await cache.get(KEY, source, seconds=5, deadline=clock.steady() + 20))

    async with anyio.create_task_group() as tasks:
        first = anyio.CancelScope()
        tasks.start_soon(_within, first, ask)
        await settle()
        tasks.start_soon(ask)
        tasks.start_soon(ask)
        await settle()
        first.cancel()
        await settle()
        source.go.set()
    assert answers == [{"number": 2}] * 2
    assert source.fetches == 2


async def _within(scope: anyio.CancelScope, ask: Callable[[], Awaitable[None]]) -> None:
    with scope:
        await ask()


async def test_a_failure_is_everybodys_and_is_not_kept(cache: Cache, source: Source, clock: ManualClock) -> None:
    source.error = NotFound("nothing there")
    failures: list[NotFound] = []

    async def ask() -> None:
        with pytest.raises(NotFound) as caught:
            await cache.get(KEY, source, seconds=5, deadline=clock.steady() + 20)
        failures.append(caught.value)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask)
        await settle()
        source.go.set()
    assert (len(failures), source.fetches) == (3, 1)
    source.error = None
    assert await cache.get(KEY, source, seconds=5, deadline=clock.steady() + 20) == {"number": 2}


async def test_a_caller_with_more_time_than_the_first_retries_by_itself(
    cache: Cache, source: Source, clock: ManualClock
) -> None:
    source.error = RateLimited(30)

    async def hurried() -> None:
        with pytest.raises(RateLimited):
            await cache.get(KEY, source, seconds=0, deadline=clock.steady() + 5)
        source.error = None

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hurried)
        await settle()
        tasks.start_soon(_go, source)
        assert await cache.get(KEY, source, seconds=0, deadline=clock.steady() + 60) == {"number": 2}


async def _go(source: Source) -> None:
    await settle()
    source.go.set()


async def test_a_follower_waits_no_longer_than_its_own_deadline(
    cache: Cache, source: Source, clock: ManualClock
) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: cache.get(KEY, source, seconds=0, deadline=clock.steady() + 60))
        await settle()
        tasks.start_soon(clock.advance, 5)
        with pytest.raises(Unavailable, match="in time"):
            await cache.get(KEY, source, seconds=0, deadline=clock.steady() + 5)
        source.go.set()


async def test_a_read_that_began_before_a_write_is_neither_kept_nor_joined(
    cache: Cache, source: Source, clock: ManualClock
) -> None:
    answers: list[object] = []

    async def ask() -> None:
        answers.append(await cache.get(KEY, source, seconds=60, deadline=clock.steady() + 20))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await settle()
        cache.drop({"segments", "customers"})
        tasks.start_soon(ask)
        await settle()
        source.go.set()
    assert answers == [{"number": 1}, {"number": 2}]
    assert await cache.get(KEY, source, seconds=60, deadline=clock.steady() + 20) == {"number": 2}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (Call(operation="delete_segment", path={"segment_id": "7"}), False),
        (tracking.identify(Reference("ada"), {"plan": "pro"}, at=1, create=False), False),
        (tracking.event(Reference("ada@example.com"), "x", {}, ulid="1", at=None), False),
        (batches.batch([{"type": "person", "action": "suppress", "identifiers": {"id": "ada"}}]), False),
        (batches.batch([{"type": "person", "action": "unknown"}]), False),
        (sends.email(2, {"id": "ada"}, "ada@example.com", {}, send_at=None, options={}), True),
        (Call(operation="delete_snippet", path={"snippet_name": "footer"}), True),
    ],
)
async def test_a_write_drops_the_families_that_it_may_change(
    cache: Cache, source: Source, clock: ManualClock, written: Call, kept: bool
) -> None:
    source.go.set()
    await cache.get(KEY, source, seconds=60, deadline=clock.steady() + 20)
    cache.drop(written.families)
    await cache.get(KEY, source, seconds=60, deadline=clock.steady() + 20)
    assert source.fetches == (1 if kept else 2)


@pytest.mark.parametrize(("bound", "value"), [("MAX_ENTRIES", 10), ("MAX_BYTES", 1000)])
async def test_the_oldest_answers_make_room(
    cache: Cache, source: Source, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(module, bound, value)
    source.go.set()
    for number in range(11):
        key = Key("local:ada", bulk=False, family="segments", request=str(number))
        await cache.get(key, source, seconds=60, deadline=clock.steady() + 20)
    for number in (10, 1):
        key = Key("local:ada", bulk=False, family="segments", request=str(number))
        await cache.get(key, source, seconds=60, deadline=clock.steady() + 20)
    assert source.fetches == 11
    await cache.get(
        Key("local:ada", bulk=False, family="segments", request="0"), source, seconds=60, deadline=clock.steady() + 20
    )
    assert source.fetches == 12
