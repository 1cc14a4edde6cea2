"""A series in one line of text."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int = 60) -> str:
    """Draw a bar per value, from zero (or the lowest, if negative) to the highest; a gap where there is none.

    A series longer than `width` is drawn as the means of neighbors.
    """
    points = [value if value is not None and isfinite(value) else None for value in values]
    if len(points) > width:
        edges = [round(step * len(points) / width) for step in range(width + 1)]
        points = [_mean(points[start:end]) for start, end in pairwise(edges)]
    known = [value for value in points if value is not None]
    low, high = min([0, *known]), max([0, *known])
    step = (high - low) / (len(BARS) - 1) or 1
    return "".join(" " if value is None else BARS[round((value - low) / step)] for value in points)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
