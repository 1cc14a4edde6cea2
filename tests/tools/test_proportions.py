"""Intervals equal those of statsmodels, whose results for 200 random inputs are recorded in `reference/`.

statsmodels and what it needs take 400 MB, so the tests do not install it; where it is there, the record is checked too.
"""

import csv
import random
from pathlib import Path
from typing import NamedTuple

import pytest

from cio_mcp.tools.common.proportions import Interval, Proportion, bonferroni, newcombe, wilson

RECORD = Path(__file__).parent / "reference" / "intervals.csv"
"""Computed by statsmodels 0.15.0: `proportion_confint(method="wilson")`, and
`confint_proportions_2indep(method="newcomb", compare="diff")`."""
INPUTS = 200
CONFIDENCES = (0.9, 0.95, 0.99, 0.999)


class Row(NamedTuple):
    one_count: int
    one_of: int
    other_count: int
    other_of: int
    confidence: float

    @property
    def one(self) -> Proportion:
        return Proportion(self.one_count, self.one_of)

    @property
    def other(self) -> Proportion:
        return Proportion(self.other_count, self.other_of)


def inputs() -> list[Row]:
    """Random counts, from a handful to a million, rare, common, none, and all."""
    rng = random.Random(20260901)
    rows = []
    for _ in range(INPUTS):
        sizes = [round(10 ** rng.uniform(0, 6)) for _ in range(2)]
        counts = [rng.choice((0, size, rng.randint(0, size), round(size * rng.betavariate(1, 30)))) for size in sizes]
        rows.append(Row(counts[0], sizes[0], counts[1], sizes[1], rng.choice(CONFIDENCES)))
    return rows


def record() -> list[tuple[Row, Interval, Interval]]:
    with RECORD.open(encoding="utf-8", newline="") as file:
        return [
            (
                Row(int(cells[0]), int(cells[1]), int(cells[2]), int(cells[3]), float(cells[4])),
                Interval(float(cells[5]), float(cells[6])),
                Interval(float(cells[7]), float(cells[8])),
            )
            for cells in list(csv.reader(file))[1:]
        ]


def test_intervals_equal_those_of_the_reference() -> None:
    rows = record()
    assert [row for row, _, _ in rows] == inputs()
    for row, rate, difference in rows:
        assert wilson(row.one, row.confidence) == pytest.approx(rate, abs=1e-12), row
        assert newcombe(row.one, row.other, row.confidence) == pytest.approx(difference, abs=1e-12), row


def test_the_record_is_what_statsmodels_computes() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is not installed")
    for row, rate, difference in record():
        alpha = 1 - row.confidence
        assert proportion.proportion_confint(row.one_count, row.one_of, alpha, "wilson") == pytest.approx(
            rate, abs=1e-12
        )
        assert proportion.confint_proportions_2indep(*row[:4], method="newcomb", alpha=alpha) == pytest.approx(
            difference, abs=1e-12
        )


def test_an_interval_stays_between_none_and_all_and_contains_its_share() -> None:
    for row in inputs():
        interval = wilson(row.one, row.confidence)
        assert 0 <= interval.low <= row.one.share + 1e-12
        assert row.one.share - 1e-12 <= interval.high <= 1


def test_a_difference_in_the_other_direction_has_the_mirrored_interval() -> None:
    for row in inputs():
        there, back = newcombe(row.one, row.other), newcombe(row.other, row.one)
        assert there == pytest.approx((-back.high, -back.low))


def test_equal_counts_leave_no_difference_open_to_doubt_and_far_ones_do_not() -> None:
    assert newcombe(Proportion(50, 1000), Proportion(50, 1000)).includes_zero
    assert not newcombe(Proportion(150, 1000), Proportion(50, 1000)).includes_zero


def test_more_comparisons_make_each_interval_wider() -> None:
    assert bonferroni(1) == 0.95
    assert bonferroni(10) == pytest.approx(0.995)
    one, other = Proportion(60, 1000), Proportion(90, 1000)
    assert not newcombe(one, other, bonferroni(1)).includes_zero
    assert newcombe(one, other, bonferroni(10)).includes_zero
