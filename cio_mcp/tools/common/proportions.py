"""Confidence intervals of proportions, and of the difference of two independent ones."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.95
"""The confidence of all intervals in answers. Chosen: the convention."""


class Interval(NamedTuple):
    """Both ends of an interval, as shares."""

    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether no difference is among the values that the counts leave open."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many of a number; `count` is at most `of`, and `of` is at least 1."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """The share, 0 to 1."""
        return self.count / self.of


def wilson(proportion: Proportion, confidence: float = CONFIDENCE) -> Interval:
    """The score interval of Wilson (1927), which is sound for few messages and for rates near 0 and 1."""
    z, n, share = _z(confidence), proportion.of, proportion.share
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(max(0.0, center - half), min(1.0, center + half))


def newcombe(one: Proportion, other: Proportion, confidence: float = CONFIDENCE) -> Interval:
    """The interval of `one` minus `other` by Newcombe (1998, method 10), from the Wilson interval of each."""
    difference = one.share - other.share
    mine, theirs = wilson(one, confidence), wilson(other, confidence)
    below = sqrt((one.share - mine.low) ** 2 + (theirs.high - other.share) ** 2)
    above = sqrt((mine.high - one.share) ** 2 + (other.share - theirs.low) ** 2)
    return Interval(difference - below, difference + above)


def bonferroni(comparisons: int, confidence: float = CONFIDENCE) -> float:
    """The confidence of each of several intervals with which all of them hold together with `confidence`."""
    return 1 - (1 - confidence) / max(1, comparisons)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
