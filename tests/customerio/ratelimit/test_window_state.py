"""The row that all processes share, also when its clock is set back, the budget of a lane, and its guard."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.ratelimit.guard import Guard, guard_for
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.ratelimit.state import Budget, WindowState
from cio_mcp.customerio.ratelimit.window import INTERACTIVE, Waiter, acquire, penalize
from tests.customerio.ratelimit.offices import (
    APP,
    TRIGGER,
    moments_of,
    offices,
    run,
)


def test_merged_states_keep_all_grants_the_longer_pause_and_the_later_rate() -> None:
    shared = WindowState(seen=100.0, grants=[[90.0, 1], [96.0, 2]], paused=110.0, factor=0.5, eased=95.0)
    own = WindowState(seen=100.0, grants=[[94.0, 1], [96.0, 2]], paused=105.0, factor=0.25, eased=92.0)
    one = replace(shared)
    one.take_over(own)
    other = replace(own)
    other.take_over(shared)
    for state in (one, other):
        assert state.grants == [[90.0, 1], [94.0, 1], [96.0, 2]]
        assert (state.paused, state.factor, state.eased) == (110.0, 0.5, 95.0)


def test_merged_states_count_the_processes_of_both_at_the_times_of_the_remaining_one() -> None:
    shared = WindowState(seen=100.0, processes={"a": 99.0, "b": 98.0})
    shared.take_over(WindowState(seen=100.0, processes={"a": 20.0, "c": 30.0}))
    assert shared.processes == {"a": 99.0, "b": 98.0, "c": 30.0}


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{}",
        "[]",
        "[99]",
        '[1,0,"x"]',
        "[2,0,[],0,1,0,0,{}]",
        "[0,0,[],0,1,0,0,{}]",
        "[3,0,[],0,1,0,0,{},{}]",
        "\x00",
        "null",
    ],
)
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
    assert Budget.of(LANES["archived_message"], share=0.29, guard=0.0).requests == 29


def test_a_window_that_a_small_share_stretches_makes_no_quota() -> None:
    assert not Budget.of(LANES["broadcast"], share=0.001, guard=0.0).quota
    assert Budget.of(LANES["archived_message"], share=1.0, guard=0.0).quota


def test_the_rate_recovers_by_a_step_in_each_window_that_is_longer_than_ten_seconds() -> None:
    state, budget = WindowState(factor=0.5, eased=1000.0), Budget(1, 100.0, 0.012)
    assert [state.rate(budget, 1000.0 + after) for after in (99.0, 101.0)] == [0.5, 0.625]


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


def test_processes_are_forgotten_in_a_minute_although_the_clock_is_set_back() -> None:
    state = WindowState.load(None, 5000.0)
    state.hear("a")
    state.hear("b")
    state.move_to(1000.0)
    state.move_to(1061.0)
    state.hear("a")
    assert state.share_alone == 1 / 2


def test_the_row_counts_a_bounded_number_of_processes_the_latest() -> None:
    state = WindowState.load(None, 1000.0)
    for number in range(200):
        state.hear(f"process-{number}")
    assert list(state.processes) == [f"process-{number}" for number in range(136, 200)]


def test_the_process_silent_longest_is_forgotten_if_there_are_too_many() -> None:
    state = WindowState.load(None, 1000.0)
    for number in (*range(63), 0, 63, 64):
        state.hear(f"process-{number}")
    assert len(state.processes) == 64
    assert "process-0" in state.processes
    assert "process-1" not in state.processes


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


@pytest.mark.parametrize("seconds", [1.0, 4000.0])
def test_a_clock_set_back_delays_by_no_more_than_a_window(seconds: float) -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 10)
    office.claim()
    office.row.now += 0.5
    began, office.row.set_back = office.row.now, seconds
    office.enter(INTERACTIVE, 10)
    moments = moments_of(run([office], 2.5))
    assert len(moments) == 10
    assert moments[0] - began <= 1.02


def test_after_a_clock_was_set_back_nobody_passes_who_came_before() -> None:
    first, second, third = offices(TRIGGER, 3)
    first.enter(INTERACTIVE)
    first.claim()
    second.enter(INTERACTIVE)
    second.claim()
    second.row.now += 0.5
    second.claim()
    second.row.set_back = 4000.0
    second.row.now += 0.01
    third.enter(INTERACTIVE, patience=11.0)
    assert [round(seconds) for *_, seconds in third.claim().refused] == [20]


def test_a_process_that_died_before_the_clock_was_set_back_is_neither_waited_for_nor_known_for_long() -> None:
    dead, alive = offices(APP, 2)
    dead.enter(INTERACTIVE, 30)
    dead.claim()
    dead.row.now += 0.5
    dead.claim()
    dead.row.set_back = 4000.0
    dead.row.now += 0.01
    alive.enter(INTERACTIVE, 5)
    assert len(moments_of(run([alive], 2.0))) == 5
    alive.row.now += 1.1
    alive.claim()
    assert alive.row.change(lambda state: state.queues) == {}


@pytest.mark.parametrize("seconds", [60.0, 4000.0])
def test_a_clock_set_back_neither_prolongs_a_pause_nor_keeps_the_rate_low(seconds: float) -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE)
    stamp = office.claim().stamp
    office.row.change(lambda state: penalize(APP, state, stamp, 7.0))
    office.row.now += 1.0
    began = office.row.now
    office.row.set_back = seconds
    office.enter(INTERACTIVE)
    [(at, *_)] = run([office], 10.0)
    assert at - began == pytest.approx(7.0, abs=0.003)
    office.row.now += 60.0
    assert office.row.change(lambda state: state.rate(APP, office.row.clock)) == 1.0
