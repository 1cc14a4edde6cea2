from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cio_mcp.customerio.ratelimit.guard import Guard, guard_for
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.ratelimit.state import Budget, WindowState
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE, Verdict, Waiter, acquire, penalize, release, settle

APP = Budget(10, 1.0, 0.012)
TRIGGER = Budget(1, 10.0, 0.012)
COARSE = Budget(30, 3.0, 0.045, paced=False)
QUOTA = Budget(100, 86_400.0, 0.5, paced=False, quota=True)
BUDGETS = (APP, Budget(3, 1.0, 0.05), TRIGGER, COARSE)
FOREVER = 1e9
T = TypeVar("T")


@dataclass
class Row:
    """The shared row, and a clock that may be set back while real time goes on."""

    budget: Budget
    now: float = 5000.0
    set_back: float = 0.0
    text: str | None = None

    @property
    def clock(self) -> float:
        return self.now - self.set_back

    def change(self, decide: Callable[[WindowState], T]) -> T:
        state = WindowState.load(self.text, self.clock)
        result = decide(state)
        self.text = state.dump()
        return result


@dataclass
class Office:
    """One process as the decision sees it: two queues of names, and when it will claim again."""

    row: Row
    name: str
    queues: tuple[list[Waiter], list[Waiter]] = field(default_factory=lambda: ([], []))
    unchecked: tuple[int, int] = (0, 0)
    wake: float | None = None

    def enter(self, kind: int, count: int = 1, patience: float = FOREVER) -> None:
        now = self.row.clock
        self.queues[kind].extend(Waiter(now + number * 1e-6, now + patience) for number in range(count))

    def claim(self) -> Verdict:
        verdict = self.row.change(lambda state: acquire(self.row.budget, state, self.name, self.queues, self.unchecked))
        for kind, index, _ in reversed(verdict.refused):
            del self.queues[kind][index]
        for kind, granted in enumerate(verdict.granted):
            del self.queues[kind][:granted]
        self.unchecked = len(self.queues[INTERACTIVE]), len(self.queues[BULK])
        self.wake = None if verdict.wake is None else self.row.now + verdict.wake
        return verdict


def offices(budget: Budget, count: int) -> list[Office]:
    row = Row(budget)
    return [Office(row, f"process-{number}") for number in range(count)]


def run(crowd: list[Office], seconds: float) -> list[tuple[float, str, tuple[int, int]]]:
    """Let every process claim when it is due, for so long; returns `(moment, process, granted)`."""
    row, grants = crowd[0].row, []
    end = row.now + seconds
    for office in crowd:
        office.wake = row.now if office.wake is None and any(office.queues) else office.wake
    while awake := [office for office in crowd if office.wake is not None and office.wake <= end]:
        office = min(awake, key=lambda office: office.wake or 0)
        row.now = max(row.now, office.wake or 0)
        if any(granted := office.claim().granted):
            grants.append((row.now, office.name, granted))
    row.now = end
    return grants


def fullest(moments: list[float], window: float) -> int:
    """The most moments that lie in any window."""
    return max((index + 1 - bisect_left(moments, at - window + 1e-9) for index, at in enumerate(moments)), default=0)


def moments_of(grants: list[tuple[float, str, tuple[int, int]]]) -> list[float]:
    return [at for at, _, granted in grants for _ in range(sum(granted))]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0.0, 0.3)),
        st.tuples(st.just("pass"), st.floats(0.0, 15.0) | st.sampled_from([1.0, 1.006, 1.012, 1.05, 3.0, 10.006])),
        st.tuples(st.just("enter"), st.integers(0, 2), st.sampled_from([INTERACTIVE, BULK]), st.integers(1, 25)),
        st.tuples(st.just("claim"), st.integers(0, 2)),
        st.tuples(st.just("cancel"), st.integers(0, 2), st.sampled_from([INTERACTIVE, BULK])),
        st.tuples(st.just("unused"), st.integers(0, 50)),
        st.tuples(st.just("penalise"), st.integers(0, 50), st.none() | st.floats(-1.0, 30.0)),
        st.tuples(st.just("set back"), st.floats(0.0, 10_000.0)),
        st.tuples(st.just("crash"), st.integers(0, 2)),
    ),
    max_size=120,
)


@settings(max_examples=200)
@given(st.sampled_from(BUDGETS), STEPS)
def test_no_window_ever_holds_more_than_the_limit(budget: Budget, steps: list[tuple[object, ...]]) -> None:
    crowd = offices(budget, 3)
    row = crowd[0].row
    made: list[tuple[float, float]] = []  # moment, stamp
    for step in steps:
        match step:
            case ("pass", float(seconds)):
                row.now += seconds
            case ("enter", int(who), int(kind), int(count)):
                crowd[who].enter(kind, count)
            case ("claim", int(who)):
                verdict = crowd[who].claim()
                made += [(row.now, verdict.stamp)] * sum(verdict.granted)
            case ("cancel", int(who), int(kind)) if crowd[who].queues[kind]:
                crowd[who].queues[kind].pop(len(crowd[who].queues[kind]) // 2)
                crowd[who].unchecked = (0, 0)
            case ("unused", int(which)) if made:
                at = made.pop(which % len(made))
                row.change(lambda state, stamp=at[1]: release(state, stamp))  # type: ignore[misc] # bound now
            case ("penalise", int(which), float() | None as after) if made:
                stamp = made[which % len(made)][1]
                row.change(lambda state, s=stamp, a=after: penalize(budget, state, s, a))  # type: ignore[misc] # bound now
            case ("set back", float(seconds)):
                row.set_back += seconds
            case ("crash", int(who)):
                crowd[who] = Office(row, f"{crowd[who].name}'")
    assert fullest([at for at, _ in made], budget.window + budget.guard) <= budget.requests


@settings(max_examples=30)
@given(
    budget=st.sampled_from((APP, Budget(3, 1.0, 0.05), COARSE)),
    queues=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=5),
    arrivals=st.lists(st.tuples(st.floats(0, 0.4), st.integers(0, 4)), max_size=60),
)
def test_no_caller_starves_those_behind_it(
    budget: Budget, queues: list[tuple[int, int]], arrivals: list[tuple[float, int]]
) -> None:
    crowd = offices(budget, len(queues))
    for office, counts in zip(crowd, queues, strict=True):
        office.enter(INTERACTIVE, counts[0])
        office.enter(BULK, counts[1])
    came = sum(map(sum, queues))
    first = crowd[0].row.now
    for pause, who in arrivals:
        run(crowd, pause)
        crowd[who % len(crowd)].enter(INTERACTIVE)
        crowd[who % len(crowd)].claim()
        came += 1
    left = sum(len(queue) for office in crowd for queue in office.queues)
    run(crowd, (left / budget.requests + 4) * (budget.window + budget.guard) * 1.05)
    assert not any(any(office.queues) for office in crowd), f"of {came} since {first}"


def test_bulk_gets_its_tenth_under_ever_more_interactive_demand() -> None:
    person, job = offices(APP, 2)
    job.enter(BULK, 50)
    grants = []
    for _ in range(300):
        person.enter(INTERACTIVE, 2)
        grants += run([person, job], 0.1)
    bulk = sum(granted[BULK] for _, _, granted in grants)
    assert bulk >= 25
    assert sum(sum(granted) for *_, granted in grants) >= 290


def test_bulk_gets_its_tenth_within_a_process_too() -> None:
    (office,) = offices(APP, 1)
    office.enter(BULK, 50)
    grants = []
    for _ in range(300):
        office.enter(INTERACTIVE, 2)
        grants += run([office], 0.1)
    assert sum(granted[BULK] for _, _, granted in grants) >= 25


def test_ten_idle_calls_leave_at_once_and_the_eleventh_when_the_window_has_passed() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 11)
    verdict = office.claim()
    assert verdict.granted == (10, 0)
    assert verdict.wake == pytest.approx(1.0)  # a beat; then what is left of window and guard
    assert run([office], 2.0)[-1][0] - verdict.stamp == pytest.approx(1.012, abs=0.003)


@pytest.mark.parametrize("processes", [1, 4, 16])
def test_under_demand_nearly_all_of_the_window_is_used(processes: int) -> None:
    crowd = offices(APP, processes)
    for office in crowd:
        office.row.now += 0.001
        office.enter(INTERACTIVE, 320 // processes)
    moments = moments_of(run(crowd, 30.0))
    assert len(moments) >= 0.98 * 300
    assert fullest(moments, 1.012) <= 10


def test_under_demand_grants_are_spaced() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 60)
    moments = [at for at, _, granted in run([office], 5.0) for _ in range(sum(granted))][10:]
    assert min(later - earlier for earlier, later in pairwise(moments)) > 0.09


def test_a_coarse_lane_gives_its_whole_budget_within_a_few_per_cent() -> None:
    crowd = offices(Budget.of(LANES["track"], share=1.0, guard=0.012), 2)
    for office in crowd:
        office.enter(INTERACTIVE, 17_000)
    assert len(moments_of(run(crowd, 30.0))) >= 0.97 * 30_000


def test_an_interactive_call_takes_the_next_slot_before_another_process_s_bulk() -> None:
    person, job = offices(APP, 2)
    job.enter(BULK, 100)
    run([job], 3.0)
    start = person.row.now
    person.enter(INTERACTIVE)
    grants = run([person, job], 2.0)
    assert [name for _, name, _ in grants].index(person.name) == 0
    assert grants[0][0] - start < 0.2


def test_processes_are_served_in_the_order_in_which_their_callers_came() -> None:
    crowd = offices(TRIGGER, 4)
    for office in crowd:
        office.enter(INTERACTIVE)
        office.claim()
        office.row.now += 0.01
    assert [name for _, name, _ in run(crowd, 35.0)] == [office.name for office in crowd[1:]]


def test_a_process_that_died_in_the_queue_holds_nobody_up_for_long() -> None:
    dead, alive = offices(APP, 2)
    dead.enter(INTERACTIVE, 30)
    dead.claim()
    dead.row.now += 0.01
    alive.enter(INTERACTIVE, 5)
    alive.claim()
    assert len(moments_of(run([alive], 1.0 + 1.012 + 0.3))) == 5


def test_a_call_whose_turn_comes_too_late_is_refused_at_once_and_takes_no_slot() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 40, patience=2.5)
    verdict = office.claim()
    assert verdict.granted == (10, 0)
    assert [index for _, index, _ in verdict.refused] == list(range(26, 40))
    assert all(2.5 < seconds < 4.0 for _, _, seconds in verdict.refused)
    assert len(moments_of(run([office], 2.5))) == 16


def test_a_refused_caller_leaves_no_trace() -> None:
    office, other = offices(TRIGGER, 2)
    office.enter(INTERACTIVE)
    office.claim()
    other.enter(INTERACTIVE, patience=1.0)
    verdict = other.claim()
    assert [seconds for *_, seconds in verdict.refused] == pytest.approx([10.012])
    assert verdict.wake is None
    assert office.row.change(lambda state: state.queues) == {}


def test_a_permit_given_back_can_be_used_at_once() -> None:
    (office,) = offices(TRIGGER, 1)
    office.enter(INTERACTIVE)
    stamp = office.claim().stamp
    assert office.row.change(lambda state: release(state, stamp))
    assert not office.row.change(lambda state: release(state, stamp))
    office.enter(INTERACTIVE)
    assert office.claim().granted == (1, 0)


def test_a_permit_that_left_late_counts_from_when_it_left() -> None:
    (office,) = offices(TRIGGER, 1)
    office.enter(INTERACTIVE)
    stamp = office.claim().stamp
    office.row.now += 4.0
    office.row.change(lambda state: settle(state, stamp, office.row.clock))
    office.enter(INTERACTIVE)
    assert run([office], 20.0)[0][0] - stamp == pytest.approx(14.012, abs=0.003)


def test_a_permit_of_a_burst_that_left_late_takes_no_other_s_stamp_away() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 10)
    stamp = office.claim().stamp
    office.row.now += 0.5
    office.row.change(lambda state: settle(state, stamp, office.row.clock))
    office.row.now += 0.52
    assert office.row.change(lambda state: state.used(APP, office.row.clock)) == 1


class TestAfterA429:
    def test_all_processes_pause_for_as_long_as_customer_io_says(self) -> None:
        guilty, other = offices(APP, 2)
        guilty.enter(INTERACTIVE)
        stamp = guilty.claim().stamp
        guilty.row.change(lambda state: penalize(APP, state, stamp, 7.0))
        other.enter(INTERACTIVE)
        assert run([other], 10.0)[0][0] - stamp == pytest.approx(7.0, abs=0.003)

    @pytest.mark.parametrize("budget", [APP, COARSE])
    def test_requests_resume_one_by_one(self, budget: Budget) -> None:
        crowd = offices(budget, 4)
        crowd[0].enter(INTERACTIVE)
        stamp = crowd[0].claim().stamp
        crowd[0].row.change(lambda state: penalize(budget, state, stamp, 5.0))
        for office in crowd:
            office.enter(INTERACTIVE, 20)
            office.enter(BULK, 20)
        grants = run(crowd, 5.0 + budget.window)
        assert {sum(granted) for _, _, granted in grants} == {1}
        moments = moments_of(grants)
        even = 0.9 * budget.window / (budget.requests / 2)
        assert min(later - earlier for earlier, later in pairwise(moments)) >= even
        assert len(moments) >= budget.requests / 2

    def test_a_slower_rate_recovers_step_by_step(self) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(APP, state, stamp, 1.0))
        office.enter(INTERACTIVE, 600)
        run([office], 1.0)
        per_step = [len(moments_of(run([office], 10.0))) for _ in range(6)]
        assert per_step == sorted(per_step)
        assert 48 <= per_step[0] <= 52
        assert per_step[-1] >= 98

    def test_without_retry_after_the_pause_doubles_with_each_penalty(self) -> None:
        (office,) = offices(APP, 1)
        pauses = []
        for _ in range(6):
            office.enter(INTERACTIVE)
            while not (grants := run([office], 0.1)):
                pass
            stamp = grants[0][0]
            office.row.change(lambda state, s=stamp: penalize(APP, state, s, None))  # type: ignore[misc] # bound now
            pauses.append(office.row.change(lambda state: state.paused) - office.row.clock)
        assert pauses == pytest.approx([1.0, 2.0, 4.0, 8.0, 8.0, 8.0])

    def test_the_other_nine_of_a_burst_do_not_lower_the_rate_again(self) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE, 10)
        stamp = office.claim().stamp
        for _ in range(10):
            office.row.now += 0.01
            office.row.change(lambda state: penalize(APP, state, stamp, None))
        assert office.row.change(lambda state: state.rate(APP, office.row.clock)) == 0.5

    def test_a_used_up_quota_is_left_alone_and_every_caller_is_refused_at_once(self) -> None:
        quota = Budget.of(LANES["archived_message"], share=1.0, guard=0.012)
        (office,) = offices(quota, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(quota, state, stamp, None))
        office.enter(INTERACTIVE, patience=20.0)
        assert [seconds for *_, seconds in office.claim().refused] == pytest.approx([3600.0])

    @pytest.mark.parametrize("nonsense", [-5.0, 1e12, float("nan"), float("inf")])
    def test_a_nonsensical_retry_after_does_not_close_the_lane_for_good(self, nonsense: float) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(APP, state, stamp, nonsense))
        assert 0 < office.row.change(lambda state: state.paused) - office.row.clock <= 120


@pytest.mark.parametrize(
    ("budget", "ahead", "lasts"),
    [(APP, 119.0, True), (APP, 86_000.0, False), (QUOTA, 86_000.0, True), (QUOTA, 1e9, False)],
    ids=["two minutes", "a day", "a day of a quota", "a day of a quota, and more"],
)
def test_a_stored_pause_that_no_penalty_sets_is_ignored_after_a_restart(
    budget: Budget, ahead: float, lasts: bool
) -> None:
    (office,) = offices(budget, 1)
    row = office.row
    row.text = WindowState(seen=row.now, paused=row.now + ahead, factor=0.5, eased=row.now + ahead).dump()
    office.enter(INTERACTIVE)
    office.claim()
    assert (sum(map(len, office.queues)) == 1) is lasts
    if budget is APP and not lasts:
        row.now += 120
        assert row.change(lambda state: state.rate(APP, row.now)) == 1.0


def test_a_clock_set_back_delays_by_no_more_than_a_window() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 10)
    office.claim()
    office.row.now += 0.5
    office.row.set_back = 4000.0
    office.enter(INTERACTIVE, 10)
    moments = moments_of(run([office], 2.5))
    assert len(moments) == 10


def test_a_clock_set_back_neither_prolongs_a_pause_nor_keeps_the_rate_low() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE)
    stamp = office.claim().stamp
    office.row.change(lambda state: penalize(APP, state, stamp, 7.0))
    office.row.now += 1.0
    began = office.row.now
    office.row.set_back = 4000.0
    office.enter(INTERACTIVE)
    [(at, *_)] = run([office], 10.0)
    assert at - began == pytest.approx(7.0, abs=0.003)
    office.row.now += 60.0
    assert office.row.change(lambda state: state.rate(APP, office.row.clock)) == 1.0


def test_of_two_ledgers_all_grants_the_longer_pause_and_the_later_rate_count() -> None:
    shared = WindowState(seen=100.0, grants=[[90.0, 1], [96.0, 2]], paused=110.0, factor=0.5, eased=95.0)
    own = WindowState(seen=100.0, grants=[[94.0, 1], [96.0, 2]], paused=105.0, factor=0.25, eased=92.0)
    one = replace(shared)
    one.take_over(own)
    other = replace(own)
    other.take_over(shared)
    for state in (one, other):
        assert state.grants == [[90.0, 1], [94.0, 1], [96.0, 2]]
        assert (state.paused, state.factor, state.eased) == (110.0, 0.5, 95.0)


@pytest.mark.parametrize("damage", ["", "{}", "[]", "[99]", '[1,0,"x"]', "[2,0,[],0,1,0,0,{}]", "\x00", "null"])
def test_a_row_that_cannot_be_read_closes_the_lane_briefly_and_heals(damage: str) -> None:
    (office,) = offices(APP, 1)
    office.row.text = damage
    office.enter(INTERACTIVE, 2)
    assert office.claim().granted == (0, 0)
    assert office.row.change(lambda state: state.rate(APP, office.row.clock)) == 1 / 16
    assert run([office], 1.5)


@given(st.floats(0, 2e9), st.integers(1, 30))
def test_a_ledger_survives_being_written_down(now: float, count: int) -> None:
    state = WindowState.load(None, now)
    acquire(APP, state, "me", ([Waiter(now, now + 100)] * count, []))
    assert WindowState.load(state.dump(), now) == state


def test_a_share_scales_the_requests_of_a_lane_and_below_one_request_stretches_its_window() -> None:
    app, broadcast = LANES["app"], LANES["broadcast"]
    assert (Budget.of(app, share=0.7, guard=0.0).requests, Budget.of(app, share=0.7, guard=0.0).window) == (7, 1.0)
    assert Budget.of(broadcast, share=0.1, guard=0.0).requests == 1
    assert Budget.of(broadcast, share=0.1, guard=0.0).window == pytest.approx(100.0)


def test_a_row_of_the_version_before_processes_were_counted_is_read() -> None:
    state = WindowState.load('[1,5.0,[[4.5,2]],4.0,0.5,4.0,3,{"p":[4.9,5.2,[1,0],[4.8,0.0]]}]', 6.0)
    assert (state.grants, state.factor, state.passed, list(state.queues)) == ([[4.5, 2]], 0.5, 3, ["p"])
    assert state.processes == {}


def test_a_process_alone_takes_half_of_an_even_share_of_those_that_claimed_in_the_last_minute() -> None:
    state = WindowState.load(None, 1000.0)
    assert state.share_alone == 1 / 8
    for name in "abc":
        state.hear(name)
    state.move_to(1059.0)
    state.hear("a")
    assert state.share_alone == 1 / 6
    state.move_to(1061.0)
    state.hear("a")
    assert state.share_alone == 1 / 2


def test_the_row_counts_a_bounded_number_of_processes() -> None:
    state = WindowState.load(None, 1000.0)
    for number in range(200):
        state.hear(f"process-{number}")
    assert len(state.processes) == 64
    assert "process-199" in state.processes


def test_a_coarse_lane_is_guarded_by_a_share_of_its_window_and_a_quota_by_one_of_an_hour() -> None:
    assert Budget.of(LANES["track"], share=1.0, guard=0.012).guard == pytest.approx(0.045)
    assert Budget.of(LANES["track"], share=1.0, guard=0.2).guard == 0.2
    assert Budget.of(LANES["archived_message"], share=1.0, guard=0.012).guard == pytest.approx(54.0)
    assert Budget.of(LANES["app"], share=1.0, guard=0.012).guard == 0.012


def test_the_guard_follows_the_spread_of_round_trips_within_bounds() -> None:
    guard = guard_for("https://api.customer.io")
    assert guard.seconds == 0.1
    for _ in range(200):
        guard.note(0.2)
    assert guard.seconds == 0.012
    for _ in range(4):
        guard.note(0.26)
    assert guard.seconds == pytest.approx(0.06)
    for _ in range(4):
        guard.note(9.0)
    assert guard.seconds == 0.25


@pytest.mark.parametrize("url", ["http://127.0.0.1:8900", "http://localhost:1", "https://[::1]:8900"])
def test_on_loopback_the_guard_is_fixed(url: str) -> None:
    guard = guard_for(url)
    for _ in range(50):
        guard.note(3.0)
    assert guard.seconds == 0.012
    assert Guard(0.03).seconds == 0.03
