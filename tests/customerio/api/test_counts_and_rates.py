"""What counts mean together: totals, rates, names, and odd series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.account import WorkspaceRecord
from cio_mcp.customerio.api.metrics import CORE, JourneyMetric, LinkMetric, Metric, rates
from cio_mcp.errors import BadAnswer

COUNTS = st.integers(0, 10_000)
NAMES = st.sampled_from([*CORE, "deferred", "2xx"])


@given(st.dictionaries(NAMES, st.lists(COUNTS, max_size=50)))
def test_totals_hold_every_counted_metric_and_always_the_core_ones(series: dict[str, list[int]]) -> None:
    totals = Metric(series=series).totals
    assert tuple(totals)[: len(CORE)] == CORE
    assert sum(totals.values()) == sum(map(sum, series.values()))


@given(st.dictionaries(NAMES, COUNTS))
def test_a_rate_is_reported_exactly_where_it_has_a_basis(totals: dict[str, int]) -> None:
    for rate in rates(totals):
        basis = totals.get(rate.of, 0)
        assert basis > 0
        assert abs(rate.value * basis - totals.get(rate.name, 0)) <= basis * 0.00005 + 1e-9
    sent = totals.get("sent", 0)
    assert bool(rates(totals)) == bool(sent or totals.get("delivered", 0))


@given(st.lists(COUNTS, max_size=60), st.integers(1, 60))
def test_too_many_periods_lose_the_oldest_and_too_few_are_filled_up_with_none(counts: list[int], wanted: int) -> None:
    kept = Metric(series={"sent": counts}).last(wanted).series["sent"]
    assert len(kept) == wanted
    assert kept[-len(counts) :][-wanted:] == counts[-wanted:] if counts else not any(kept)


def test_actions_of_people_are_shares_of_delivered_and_arrivals_are_shares_of_sent() -> None:
    found = {rate.name: rate for rate in rates({"sent": 200, "delivered": 100, "opened": 50, "bounced": 20})}
    assert (found["opened"].value, found["opened"].of) == (0.5, "delivered")
    assert (found["bounced"].value, found["bounced"].of) == (0.1, "sent")
    assert (found["delivered"].value, found["delivered"].of) == (0.5, "sent")


def test_actions_of_people_are_shares_of_sent_where_delivery_is_not_reported() -> None:
    found = {rate.name: rate for rate in rates({"sent": 10, "clicked": 5})}
    assert (found["clicked"].value, found["clicked"].of) == (0.5, "sent")
    assert "delivered" not in found


def test_old_names_of_machine_opens_and_odd_values_are_read() -> None:
    metric = Metric.of({"series": {"prefetch_opened": [1, None, 2], "sent": None, "prefetch_clicked": [1]}})
    assert metric.totals["machine_opened"] == 3
    assert metric.totals["machine_clicked"] == 1
    assert metric.totals["sent"] == 0
    assert Metric.of({"series": None}).periods == 0


@pytest.mark.parametrize(
    "answer", [{}, {"series": "x"}, {"series": []}, {"series": {"sent": "x"}}, {"series": {"sent": 3}}]
)
def test_counts_that_are_missing_or_of_another_shape_are_not_0(answer: object) -> None:
    with pytest.raises(BadAnswer, match="series"):
        Metric.of(answer)
    with pytest.raises(BadAnswer):
        LinkMetric.of({"link": {"href": "https://acme.example"}})


@pytest.mark.parametrize("odd", ["9" * 400, 10**30, 1e300, "1e9", -1, 2**53 + 1], ids=lambda odd: repr(odd)[:12])
def test_a_number_that_counts_nothing_is_an_error_and_neither_shown_nor_computed_with(odd: object) -> None:
    with pytest.raises(BadAnswer, match="series"):
        Metric.of({"series": {"sent": [1, odd]}})
    assert Metric.of({"series": {"sent": [2**53]}}).totals["sent"] == 2**53
    assert WorkspaceRecord.of({"id": 1, "people": odd}).people is None


def test_counts_are_read_however_they_are_spelled() -> None:
    assert Metric.of({"series": {"sent": [1, 2.0, "3", None]}}).series == {"sent": [1, 2, 3, 0]}


JOURNEYS = {name: [1] for name in ("started", "finished", "exited_early", "never_activated", "converted")}


@pytest.mark.parametrize("odd", [-1, 0.5, "many", "-2", True, {}, [1], 1e400])
def test_what_is_no_count_is_an_error_and_not_0(odd: object) -> None:
    with pytest.raises(BadAnswer, match="series"):
        Metric.of({"series": {"sent": [5, odd]}})
    with pytest.raises(BadAnswer, match="finished"):
        JourneyMetric.of(JOURNEYS | {"finished": [1, odd]})


@pytest.mark.parametrize("name", JOURNEYS)
def test_journeys_without_one_of_their_outcomes_are_not_known(name: str) -> None:
    assert getattr(JourneyMetric.of(JOURNEYS | {name: None}), name) == ()
    with pytest.raises(BadAnswer, match=name):
        JourneyMetric.of({other: counts for other, counts in JOURNEYS.items() if other != name})


@pytest.mark.parametrize("odd", ["x", {}, 3])
def test_counts_of_journeys_of_another_shape_are_not_0(odd: object) -> None:
    names = ("started", "exited_early", "finished", "never_activated", "converted")
    with pytest.raises(BadAnswer, match="finished"):
        JourneyMetric.of({**{name: [1] for name in names}, "finished": odd})
