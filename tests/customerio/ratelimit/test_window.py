"""When a request may leave: never too many in a window, in turn, and soon."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.ratelimit.state import Budget
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE, penalize, release, settle
from tests.customerio.ratelimit.offices import APP, BUDGETS, COARSE, TRIGGER, Office, fullest, moments_of, offices, run

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


def test_a_call_whose_turn_comes_at_its_very_deadline_may_wait() -> None:
    (office,) = offices(Budget(1, 10.0, 0.5), 1)
    office.enter(INTERACTIVE)
    office.claim()
    office.enter(INTERACTIVE, patience=10.5)
    assert office.claim().refused == ()


def test_a_call_that_may_wait_is_not_refused_because_others_pass_it() -> None:
    job, person = offices(TRIGGER, 2)
    job.enter(INTERACTIVE)
    job.claim()
    job.enter(BULK, patience=12.0)
    job.claim()
    person.enter(INTERACTIVE)
    person.claim()
    assert job.claim().refused == ()


def test_bulk_is_refused_if_the_interactive_calls_of_its_process_make_it_too_late() -> None:
    (office,) = offices(TRIGGER, 1)
    office.enter(INTERACTIVE, 3)
    office.enter(BULK, patience=15.0)
    assert [(kind, round(seconds, 3)) for kind, _, seconds in office.claim().refused] == [(BULK, 30.036)]


def test_bulk_is_refused_if_the_interactive_calls_between_it_and_earlier_bulk_make_it_too_late() -> None:
    person, earlier, job = offices(TRIGGER, 3)
    person.enter(INTERACTIVE)
    person.claim()
    earlier.enter(BULK)
    earlier.claim()
    person.enter(INTERACTIVE, 40)
    person.claim()
    job.row.now += 0.001
    job.enter(BULK, patience=15.0)
    # Nine calls before the other's bulk call, that one, and nine more.
    assert [seconds for *_, seconds in job.claim().refused] == pytest.approx([20 * 10.012], abs=0.01)


def test_one_of_the_first_ten_permits_is_for_bulk() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 30)
    office.enter(BULK, 5)
    assert office.claim().granted == (9, 1)


def test_a_process_that_is_a_moment_late_keeps_its_place() -> None:
    first, late, hasty = offices(TRIGGER, 3)
    first.enter(INTERACTIVE)
    first.claim()
    late.enter(INTERACTIVE)
    late.row.now += 9.0
    late.claim()
    late.row.now += 1.1
    hasty.enter(INTERACTIVE)
    assert hasty.claim().granted == (0, 0)
    assert late.claim().granted == (1, 0)


def test_a_process_that_is_silent_for_three_seconds_is_forgotten() -> None:
    dead, alive = offices(TRIGGER, 2)
    dead.enter(INTERACTIVE, 2)
    dead.claim()
    for after, known in ((2.9, [dead.name]), (0.2, [])):
        alive.row.now += after
        alive.claim()
        assert alive.row.change(lambda state: list(state.queues)) == known


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


def test_permits_of_a_burst_are_returned_one_at_a_time() -> None:
    (office,) = offices(APP, 1)
    office.enter(INTERACTIVE, 10)
    stamp = office.claim().stamp
    office.row.change(lambda state: release(state, stamp))
    office.enter(INTERACTIVE, 10)
    assert office.claim().granted == (1, 0)


def test_a_permit_that_shares_a_later_stamp_can_be_given_back() -> None:
    (office,) = offices(APP, 1)
    office.row.change(lambda state: state.grants.append([office.row.clock + 0.5, 1]))
    office.enter(INTERACTIVE)
    stamp = office.claim().stamp
    assert office.row.change(lambda state: release(state, stamp))
    assert office.row.change(lambda state: state.used(APP, office.row.clock)) == 1


def test_a_permit_that_left_late_and_was_reported_later_counts_in_its_order() -> None:
    (office,) = offices(Budget(2, 10.0, 0.012), 1)
    office.enter(INTERACTIVE)
    first = office.claim().stamp
    left = office.row.now = first + 3.0
    office.row.now += 1.0
    office.enter(INTERACTIVE)
    office.claim()
    office.row.change(lambda state: settle(state, first, left))
    office.enter(INTERACTIVE)
    assert run([office], 20.0)[0][0] - left == pytest.approx(10.012, abs=0.003)


def test_a_grant_counts_for_window_and_guard() -> None:
    (office,) = offices(COARSE, 1)
    office.enter(INTERACTIVE)
    stamp = office.claim().stamp
    used = [office.row.change(lambda state, at=stamp + after: state.used(COARSE, at)) for after in (3.04, 3.05)]  # type: ignore[misc] # bound now
    assert used == [1, 0]


def test_a_grant_of_a_quota_counts_for_window_and_guard_whatever_is_claimed_meanwhile() -> None:
    quota = Budget.of(LANES["archived_message"], share=1.0, guard=0.012)
    (office,) = offices(quota, 1)
    office.enter(INTERACTIVE, 100)
    stamp = office.claim().stamp
    office.row.now = stamp + quota.window + quota.guard - 1.0
    office.enter(INTERACTIVE)
    assert office.claim().granted == (0, 0)
    assert run([office], 300.0)


def test_the_row_of_a_lane_with_many_requests_stays_small() -> None:
    (office,) = offices(Budget.of(LANES["track"], share=1.0, guard=0.012), 1)
    for _ in range(1500):
        office.row.now += 0.002
        office.enter(INTERACTIVE)
        assert office.claim().granted == (1, 0)
    stamps = office.row.change(lambda state: [stamp for stamp, _ in state.grants])
    assert len(stamps) == len(set(stamps)) <= 302
