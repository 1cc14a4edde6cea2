"""What a lane does after a 429."""

from itertools import pairwise

import pytest

from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.ratelimit.state import Budget, WindowState
from cio_mcp.customerio.ratelimit.window import BULK, INTERACTIVE, penalize
from tests.customerio.ratelimit.offices import APP, COARSE, QUOTA, TRIGGER, moments_of, offices, run


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
        assert office.row.change(lambda state: state.paused) == pytest.approx(stamp + 1.01)

    def test_a_used_up_quota_is_left_alone_and_every_caller_is_refused_at_once(self) -> None:
        quota = Budget.of(LANES["archived_message"], share=1.0, guard=0.012)
        (office,) = offices(quota, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(quota, state, stamp, None))
        office.enter(INTERACTIVE, patience=20.0)
        assert [seconds for *_, seconds in office.claim().refused] == pytest.approx([3600.0])

    def test_a_quota_that_is_free_again_has_its_whole_rate_at_once(self) -> None:
        (office,) = offices(QUOTA, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(QUOTA, state, stamp, 60.0))
        office.row.now += 60.1
        assert office.row.change(lambda state: state.rate(QUOTA, office.row.clock)) == 1.0
        office.enter(INTERACTIVE, 5)
        assert office.claim().granted == (5, 0)

    def test_calls_are_spaced_while_the_rate_is_low_although_nobody_queues(self) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(APP, state, stamp, 1.0))
        office.row.now += 5.0
        office.enter(INTERACTIVE, 3)
        assert office.claim().granted == (1, 0)

    def test_a_caller_too_late_for_the_slower_start_is_refused(self) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(APP, state, stamp, 7.0))
        office.enter(INTERACTIVE, 4, patience=7.4)
        spacing = 0.9 * 1.012 / 5
        assert [seconds for *_, seconds in office.claim().refused] == pytest.approx([7.0 + 3 * spacing])

    def test_below_one_request_a_window_the_window_is_stretched_for_all_that_were_granted(self) -> None:
        (office,) = offices(TRIGGER, 1)
        office.enter(INTERACTIVE)
        began = office.claim().stamp
        for _ in range(4):
            office.row.change(lambda state: penalize(TRIGGER, state, max(office.row.clock, state.eased), 0.0))
        assert office.row.change(lambda state: state.rate(TRIGGER, office.row.clock)) == 1 / 16
        office.enter(INTERACTIVE)
        # At the third step of the recovery, 7/16 of a request in ten seconds are one in 22.9.
        assert run([office], 60.0)[0][0] - began == pytest.approx(30.0, abs=0.1)

    def test_a_second_penalty_halves_what_the_rate_has_recovered_to(self) -> None:
        (office,) = offices(APP, 1)
        for after, rate in ((0.0, 0.5), (21.0, 0.375)):
            office.row.now += after
            office.enter(INTERACTIVE)
            stamp = office.claim().stamp
            office.row.change(lambda state, s=stamp: penalize(APP, state, s, 0.5))  # type: ignore[misc] # bound now
            assert office.row.change(lambda state: state.factor) == rate

    @pytest.mark.parametrize("waits", [(2.0, 7.0), (7.0, 2.0), (7.0, None)])
    def test_the_longest_wait_of_several_answers_to_a_burst_counts(self, waits: tuple[float | None, ...]) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE, 2)
        stamp = office.claim().stamp
        for wait in waits:
            office.row.change(lambda state, w=wait: penalize(APP, state, stamp, w))  # type: ignore[misc] # bound now
        assert office.row.change(lambda state: state.paused) == office.row.clock + 7.0

    def test_an_answer_that_allows_the_next_request_at_once_lowers_the_rate_alone(self) -> None:
        (office,) = offices(APP, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(APP, state, stamp, 0.0))
        assert office.row.change(lambda state: (state.paused, state.factor)) == (office.row.clock, 0.5)

    def test_the_pause_of_a_short_window_is_a_second_at_first(self) -> None:
        short = Budget(5, 0.1, 0.012)
        (office,) = offices(short, 1)
        office.enter(INTERACTIVE)
        stamp = office.claim().stamp
        office.row.change(lambda state: penalize(short, state, stamp, None))
        assert office.row.change(lambda state: state.paused) == office.row.clock + 1.0

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
