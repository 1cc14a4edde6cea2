import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

from cio_mcp.customerio.operations import Lane as LaneName
from cio_mcp.customerio.ratelimit.guard import guard_for
from cio_mcp.customerio.ratelimit.limiter import LaneState, Limiter, Permit
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.ratelimit.state import Queue, WindowState
from cio_mcp.errors import RateLimited, Unavailable
from cio_mcp.storage.limiter_state import SqliteLimiterStore
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

PERIOD = 1.012


@dataclass
class Process:
    """A limiter as one process has it, and what its callers came to."""

    limiter: Limiter
    store: SqliteLimiterStore
    clock: ManualClock
    tasks: anyio.abc.TaskGroup
    permits: list[tuple[float, str, Permit]] = field(default_factory=list)
    refused: list[tuple[float, RateLimited]] = field(default_factory=list)

    def call(
        self,
        name: str = "",
        *,
        lane: LaneName = "app",
        caller: str = "",
        bulk: bool = False,
        max_wait: float = 20.0,
    ) -> anyio.CancelScope:
        scope = anyio.CancelScope()

        async def call() -> None:
            with scope:
                try:
                    permit = await self.limiter.acquire(lane, caller=caller, bulk=bulk, max_wait=max_wait)
                except RateLimited as refusal:
                    self.refused.append((self.clock.time, refusal))
                else:
                    self.permits.append((self.clock.time, name, permit))

        self.tasks.start_soon(call)
        return scope

    @property
    def moments(self) -> list[float]:
        return [at for at, *_ in self.permits]

    @property
    def names(self) -> str:
        return "".join(name for _, name, _ in self.permits)

    def lane(self, name: LaneName = "app") -> LaneState:
        return next(state for state in self.limiter.state() if state.lane == name)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    return tmp_path / "claims.db"


@pytest.fixture
async def processes(clock: ManualClock, claims: Path) -> AsyncIterator[list[Process]]:
    """Two processes of one workspace."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            store = SqliteLimiterStore(claims)
            stack.callback(store.close)
            limiter = Limiter(store, LANES, workspace="acme", clock=clock, threads=clock.threads, random=lambda: 0.5)
            await stack.enter_async_context(limiter)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            made.append(Process(limiter, store, clock, tasks))
        yield made
        for process in made:
            process.tasks.cancel_scope.cancel()


@pytest.fixture
def one(processes: list[Process]) -> Process:
    return processes[0]


@pytest.fixture
def other(processes: list[Process]) -> Process:
    return processes[1]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock that every claim needs."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.close()


def queues(file: Path, clock: ManualClock) -> dict[str, Queue]:
    """Who queues for the `broadcast` lane, as all processes know it."""
    store = SqliteLimiterStore(file)
    text = store.change("acme", "broadcast", lambda text, _: (text or "", text), clock.steady)
    store.close()
    return WindowState.load(text, clock.time).queues


def damage(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}-wal")):
        path.write_bytes(b"this is no database" * 2000)


def repair(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}-wal")):
        path.unlink(missing_ok=True)


async def test_ten_idle_calls_leave_at_once_and_the_eleventh_after_the_window(clock: ManualClock, one: Process) -> None:
    began = clock.time
    for _ in range(11):
        one.call()
    await clock.advance(2.0)
    assert one.moments[:10] == [began] * 10
    assert one.moments[10] == pytest.approx(began + PERIOD, abs=0.005)
    assert one.permits[10][2].waited == pytest.approx(PERIOD, abs=0.005)


async def test_callers_of_a_process_are_served_in_the_order_they_came(clock: ManualClock, one: Process) -> None:
    for name in "abcdefghijklmnopqrstuvwxyz":
        one.call(name)
    await clock.advance(3.0)
    assert one.names == "abcdefghijklmnopqrstuvwxyz"


async def test_two_processes_together_stay_within_the_window(clock: ManualClock, one: Process, other: Process) -> None:
    for _ in range(60):
        one.call(max_wait=60)
        other.call(max_wait=60)
    await clock.advance(15.0)
    moments = sorted(one.moments + other.moments)
    assert len(moments) == 120
    assert all(later - earlier >= PERIOD - 1e-6 for earlier, later in zip(moments, moments[10:], strict=False))
    assert moments[-1] - moments[0] <= 120 * PERIOD / 10


async def test_a_person_s_call_passes_another_process_s_bulk_at_the_next_slot(
    clock: ManualClock, one: Process, other: Process
) -> None:
    for _ in range(100):
        other.call(bulk=True, max_wait=60)
    await clock.advance(3.0)
    start = clock.time
    one.call()
    await clock.advance(1.0)
    assert one.moments[0] - start < 0.2


async def test_a_person_s_call_passes_bulk_of_the_same_process(clock: ManualClock, one: Process) -> None:
    for _ in range(20):
        one.call("b", bulk=True)
    await clock.calm()
    one.call("p")
    await clock.advance(PERIOD + 0.01)
    assert one.names == "b" * 10 + "p"


async def test_a_call_that_would_wait_too_long_is_refused_at_once_and_takes_no_slot(
    clock: ManualClock, one: Process, other: Process
) -> None:
    one.call(lane="broadcast")
    await clock.calm()
    other.call(lane="broadcast", max_wait=5.0)
    await clock.calm()
    at, refusal = other.refused[0]
    assert at == clock.time
    assert refusal.retry_after == pytest.approx(10.012)
    assert refusal.lane == "broadcast"
    one.call(lane="broadcast", max_wait=11.0)
    await clock.advance(10.1)
    assert len(one.permits) == 2


async def test_a_cancelled_caller_in_the_queue_leaves_no_trace(
    claims: Path, clock: ManualClock, one: Process, other: Process
) -> None:
    one.call(lane="broadcast")
    await clock.calm()
    leaving = one.call(lane="broadcast")
    await clock.calm()
    other.call("next", lane="broadcast", max_wait=25.0)
    await clock.calm()
    assert other.lane("broadcast").elsewhere == 1
    leaving.cancel()
    await clock.calm()
    assert len(queues(claims, clock)) == 1
    await clock.advance(10.1)
    assert other.names == "next"
    assert other.lane("broadcast").elsewhere == one.lane("broadcast").waiting == 0


async def test_a_permit_granted_to_a_caller_who_has_gone_is_given_back(
    claims: Path, clock: ManualClock, one: Process, other: Process
) -> None:
    await one.limiter.acquire("app", max_wait=1)
    with locked(claims):
        leaving = one.call(lane="broadcast")
        # Something is posted, so the dispatcher comes and takes the caller with it.
        one.limiter.release(Permit("broadcast", 0.0, 0.0))
        while not clock.threads.borrowed_tokens:
            await anyio.lowlevel.checkpoint()
        leaving.cancel()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
    await clock.calm()
    assert not one.permits
    other.call(lane="broadcast", max_wait=0.0)
    await clock.calm()
    assert other.moments == [clock.time]


async def test_a_permit_given_back_is_another_process_s_at_once(
    clock: ManualClock, one: Process, other: Process
) -> None:
    one.call(lane="broadcast")
    await clock.calm()
    one.limiter.release(one.permits[0][2])
    await clock.calm()
    other.call(lane="broadcast", max_wait=0.0)
    await clock.calm()
    assert other.moments == [clock.time]


async def test_a_request_that_left_late_is_counted_from_then(clock: ManualClock, one: Process, other: Process) -> None:
    one.call(lane="broadcast")
    await clock.advance(3.0)
    await one.limiter.settle(one.permits[0][2])
    await clock.calm()
    other.call(lane="broadcast")
    await clock.advance(15.0)
    assert other.moments[0] - one.moments[0] == pytest.approx(13.012, abs=0.005)


async def test_a_grant_that_its_caller_heard_of_late_is_counted_from_then(clock: ManualClock, one: Process) -> None:
    async def busy() -> None:
        await one.limiter.acquire("track", max_wait=1.0)
        clock.time += 0.5

    began = clock.time
    one.limiter.release(Permit("track", 0.0, 0.0))
    one.tasks.start_soon(busy)
    one.call(lane="track")
    await clock.calm()
    permit = one.permits[0][2]
    assert permit.waited == 0.5
    clock.time = began + 3.1
    assert one.lane("track").used == 1
    one.limiter.release(permit)
    await clock.calm()
    assert one.lane("track").used == 0


async def test_a_429_pauses_every_process_and_requests_resume_one_by_one(
    clock: ManualClock, one: Process, other: Process
) -> None:
    one.call()
    await clock.calm()
    began = clock.time
    await one.limiter.penalize(one.permits.pop()[2], 4.0)
    await clock.calm()
    for _ in range(6):
        one.call()
        other.call()
    await clock.advance(10.0)
    moments = sorted(one.moments + other.moments)
    assert moments[0] - began == pytest.approx(4.0, abs=0.005)
    assert all(later - earlier > 0.15 for earlier, later in pairwise(moments))
    assert len(moments) == 12


async def test_callers_who_would_miss_their_deadline_in_a_pause_are_refused_at_once(
    clock: ManualClock, one: Process, other: Process
) -> None:
    for _ in range(12):
        one.call(max_wait=20.0)
        other.call(max_wait=20.0)
    await clock.calm()
    permit = (one.permits or other.permits)[0][2]
    await (one if one.permits else other).limiter.penalize(permit, 60.0)
    await clock.advance(1.5)
    assert len(one.permits) + len(other.permits) == 10
    assert len(one.refused) + len(other.refused) == 14
    assert all(50 < refusal.retry_after <= 62 for _, refusal in one.refused + other.refused)
    assert one.lane().paused == pytest.approx(58.5)
    assert one.lane().rate == 0.5


async def test_a_used_up_daily_quota_is_not_tried_again(clock: ManualClock, one: Process) -> None:
    one.call(lane="archived_message")
    await clock.calm()
    await one.limiter.penalize(one.permits[0][2], None)
    one.call(lane="archived_message")
    await clock.calm()
    assert one.refused[0][1].retry_after == pytest.approx(3600)


async def test_a_hundred_archived_messages_a_day_and_no_more(clock: ManualClock, one: Process, other: Process) -> None:
    for _ in range(60):
        one.call(lane="archived_message")
        other.call(lane="archived_message")
    await clock.calm()
    assert len(one.permits) + len(other.permits) == 100
    assert len(one.refused) + len(other.refused) == 20


async def test_sends_draw_on_the_track_budget(clock: ManualClock, one: Process) -> None:
    one.call(lane="transactional")
    one.call(lane="track")
    await clock.calm()
    assert one.lane("track").used == one.lane("transactional").used == 2
    assert one.lane("app").used == 0


async def test_a_clock_set_back_neither_stops_nor_floods_the_lane(clock: ManualClock, one: Process) -> None:
    for _ in range(10):
        one.call()
    await clock.calm()
    clock.time -= 500.0
    began = clock.time
    for _ in range(10):
        one.call()
    await clock.advance(3.0)
    later = one.moments[10:]
    assert len(later) == 10
    assert all(at - began >= 1.0 for at in later)


def test_the_guard_is_fixed_or_follows_the_round_trips_to_a_remote_host(clock: ManualClock, claims: Path) -> None:
    store = SqliteLimiterStore(claims)
    fixed = Limiter(store, LANES, workspace="acme", guard=0.03, clock=clock)
    remote = Limiter(store, LANES, workspace="acme", guard=guard_for("https://api.customer.io"), clock=clock)
    assert {state.guard for state in fixed.state() if state.lane == "app"} == {0.03}
    assert {state.guard for state in remote.state() if state.lane == "app"} == {0.1}
    for _ in range(200):
        fixed.note_round_trip(0.2)
        remote.note_round_trip(0.2)
    assert {state.guard for state in fixed.state() if state.lane == "app"} == {0.03}
    assert {state.guard for state in remote.state() if state.lane == "app"} == {0.012}
    store.close()


async def test_a_process_leaves_a_share_of_each_lane_to_other_systems(clock: ManualClock, claims: Path) -> None:
    store = SqliteLimiterStore(claims)
    async with (
        Limiter(store, LANES, workspace="acme", headroom=0.5, clock=clock, threads=clock.threads) as limiter,
        anyio.create_task_group() as tasks,
    ):
        process = Process(limiter, store, clock, tasks)
        for _ in range(10):
            process.call(max_wait=0.0)
        await clock.calm()
        assert (len(process.permits), len(process.refused)) == (5, 5)
        assert process.lane().requests == 5
    store.close()


class RebootedClock(ManualClock):
    """The clock of a machine that has just started, at some Unix time."""

    def __init__(self, calendar: float) -> None:
        super().__init__()
        self.time = 10.0
        self._started = calendar - self.time

    def now(self) -> float:
        return self.time + self._started


@pytest.mark.parametrize(("hours", "permits"), [(23, 0), (25, 1)])
async def test_a_daily_quota_is_counted_across_a_reboot(
    hours: int, permits: int, clock: ManualClock, claims: Path, one: Process
) -> None:
    for _ in range(100):
        one.call(lane="archived_message")
    await clock.calm()
    assert len(one.permits) == 100
    rebooted = RebootedClock(clock.now() + hours * 3600)
    store = SqliteLimiterStore(claims)
    async with (
        Limiter(store, LANES, workspace="acme", clock=rebooted, threads=rebooted.threads) as limiter,
        anyio.create_task_group() as tasks,
    ):
        process = Process(limiter, store, rebooted, tasks)
        process.call(lane="archived_message", max_wait=0.0)
        await rebooted.calm()
    store.close()
    assert (len(process.permits), len(process.refused)) == (permits, 1 - permits)


class TestWhenTheStoreFails:
    @pytest.fixture
    def broken(self, claims: Path) -> Path:
        damage(claims)
        return claims

    async def test_a_process_closes_the_lane_and_then_keeps_to_a_small_share(
        self, broken: Path, clock: ManualClock, one: Process, caplog: pytest.LogCaptureFixture
    ) -> None:
        began = clock.time
        for _ in range(4):
            one.call()
        with caplog.at_level(logging.WARNING):
            await clock.advance(6.0)
        assert len(caplog.records) == 1
        assert str(broken) not in caplog.text
        assert not one.limiter.shared
        assert not one.lane().shared
        assert one.lane().requests == 1
        # Closed for a window and, at random, half of another; then an eighth of ten a second, rounded down.
        assert one.moments == pytest.approx([began + 1.5 + number * PERIOD for number in range(4)], abs=0.01)

    async def test_below_one_request_a_window_it_stretches_the_window(
        self, claims: Path, clock: ManualClock, one: Process
    ) -> None:
        store = SqliteLimiterStore(claims)
        state = WindowState.load(None, clock.time)
        for number in range(16):
            state.hear(f"process-{number}")
        store.change("acme", "app", lambda *_: (state.dump(), None), clock.steady)
        store.close()
        await one.limiter.acquire("app", max_wait=1)
        one.store.close()
        damage(claims)
        for _ in range(3):
            one.call(max_wait=100.0)
        await clock.advance(20.0)
        # Of 17 processes, each may use a 34th of ten a second.
        assert [later - earlier for earlier, later in pairwise(one.moments)] == pytest.approx([3.412, 3.412], abs=0.01)

    async def test_it_tries_the_store_again_after_a_second_and_closes_the_lane_on_its_return(
        self, broken: Path, clock: ManualClock, one: Process, other: Process, caplog: pytest.LogCaptureFixture
    ) -> None:
        one.call()
        await clock.advance(2.0)
        assert len(one.permits) == 1
        repair(broken)
        back = clock.time
        with caplog.at_level(logging.WARNING):
            one.call()
            other.call()
            await clock.advance(5.0)
        assert one.limiter.shared
        assert "is available again" in caplog.text
        assert one.moments[1] >= back + 1.0
        assert other.lane().used == 0
        assert other.moments[0] >= back

    async def test_a_pause_that_began_meanwhile_holds_for_everybody_when_the_store_is_back(
        self, broken: Path, clock: ManualClock, one: Process, other: Process
    ) -> None:
        one.call()
        await clock.advance(2.0)
        assert not one.lane().shared
        await one.limiter.penalize(one.permits[0][2], 60.0)
        await clock.calm()
        repair(broken)
        await clock.advance(10.0)
        one.call(max_wait=100.0)
        await clock.calm()
        assert one.limiter.shared
        other.call(max_wait=20.0)
        await clock.calm()
        assert not other.permits
        assert [refusal.retry_after for _, refusal in other.refused] == [pytest.approx(50.0, abs=0.5)]
        assert other.lane().rate == 0.5
        await clock.advance(51.0)
        assert len(one.permits) == 2

    async def test_earlier_grants_still_count(self, claims: Path, clock: ManualClock, one: Process) -> None:
        for _ in range(10):
            one.call()
        await clock.calm()
        assert len(one.permits) == 10
        one.store.close()
        damage(claims)
        one.call()
        await clock.advance(0.9)
        assert not one.limiter.shared
        assert len(one.permits) == 10
        await clock.advance(3.0)
        assert len(one.permits) == 11

    @pytest.mark.usefixtures("broken")
    async def test_a_quota_is_not_closed_for_its_window(self, clock: ManualClock, one: Process) -> None:
        one.call(lane="archived_message")
        await clock.advance(1.0)
        assert len(one.permits) == 1


@pytest.mark.parametrize("count", [2, 6])
async def test_an_outage_that_begins_and_ends_for_each_process_at_another_moment_exceeds_no_limit(
    count: int, clock: ManualClock, claims: Path
) -> None:
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(anyio.create_task_group())
        crowd = []
        for number in range(count):
            store = SqliteLimiterStore(claims)
            stack.callback(store.close)
            random = Random(number).random
            limiter = Limiter(store, LANES, workspace="acme", clock=clock, threads=clock.threads, random=random)
            await stack.enter_async_context(limiter)
            crowd.append(Process(limiter, store, clock, tasks))
        for process in crowd:
            for _ in range(60):
                process.call(max_wait=1e6)
        await clock.advance(3.0)
        for process in crowd:
            process.store.close()
        damage(claims)
        await clock.advance(6.3)
        repair(claims)
        await clock.advance(6.0)
        tasks.cancel_scope.cancel()
    moments = sorted(moment for process in crowd for moment in process.moments)
    assert len(moments) > 40
    assert all(later - earlier > 1.0 for earlier, later in zip(moments, moments[10:], strict=False))


async def test_callers_of_a_process_take_turns(clock: ManualClock, one: Process) -> None:
    for name in "aaaaaaaaaaaaaaaaaaaaaaaa":
        one.call(name, caller="many")
    await clock.calm()
    one.call("b", caller="few")
    one.call("b", caller="few")
    await clock.advance(2.0)
    assert one.names[10:16] == "ababaa"


async def test_a_caller_that_is_passed_in_turn_is_checked_against_its_time_again(
    clock: ManualClock, one: Process
) -> None:
    one.call(lane="broadcast", caller="first")
    await clock.calm()
    one.call(lane="broadcast", caller="first", max_wait=11.0)
    one.call(lane="broadcast", caller="first", max_wait=21.0)
    await clock.calm()
    one.call(lane="broadcast", caller="second", max_wait=25.0)
    await clock.calm()
    assert [round(refusal.retry_after) for _, refusal in one.refused] == [30]


async def test_a_limiter_that_closes_turns_its_callers_away(clock: ManualClock, claims: Path) -> None:
    ended: list[str] = []

    async def call(limiter: Limiter) -> None:
        try:
            await limiter.acquire("broadcast", max_wait=60)
        except Unavailable:
            ended.append("turned away")

    store = SqliteLimiterStore(claims)
    async with anyio.create_task_group() as tasks:
        limiter = Limiter(store, LANES, workspace="acme", clock=clock, threads=clock.threads)
        async with limiter:
            await limiter.acquire("broadcast", max_wait=60)
            tasks.start_soon(call, limiter)
            await clock.calm()
        with pytest.raises(Unavailable):
            await limiter.acquire("app", max_wait=60)
    assert ended == ["turned away"]
    store.close()
    assert queues(claims, clock) == {}


@pytest.mark.parametrize("moments", range(5))
async def test_a_permit_given_back_just_before_closing_is_not_lost(
    clock: ManualClock, claims: Path, one: Process, moments: int
) -> None:
    store = SqliteLimiterStore(claims)
    async with Limiter(store, LANES, workspace="acme", clock=clock, threads=clock.threads) as closing:
        permit = await closing.acquire("broadcast", max_wait=1.0)
        closing.release(permit)
        for _ in range(moments):
            await anyio.lowlevel.checkpoint()
    store.close()
    await one.limiter.acquire("broadcast", max_wait=0.0)
