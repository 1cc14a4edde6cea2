"""The first sentence of a comparison: who is ahead, or that nobody clearly is."""

from collections.abc import Sequence

from cio_mcp.text.sanitize import quoted_name
from cio_mcp.tools.core.comparison.answer import TOO_SMALL, Side, words
from cio_mcp.tools.core.comparison.sides import BEST_IS_LOWEST, MIN_BASIS


def headline(sides: Sequence[Side], metric: str) -> str:
    """The answer in a sentence or two; `so far` where the last messages are recent."""
    if sides[0].period:
        return _change(sides[0], sides[1], metric)
    measured = [side for side in sides if side.rank]
    extreme = "lowest" if metric in BEST_IS_LOWEST else "highest"
    if not measured:
        few = any(metric in side.rates for side in sides)
        return f"No winner: none has the {MIN_BASIS} messages that a rank needs." if few else "No winner: no messages."
    if len(measured) == 1:
        return f"No winner: only {_named(measured[0], metric)} has the {MIN_BASIS} messages that a rank needs."
    best, *others = measured
    so_far = " so far" if any(side.unfinished == "recent" for side in measured) else ""
    clear = [side for side in others if _verdict(side, metric) not in {None, TOO_SMALL}]
    if len(clear) == len(others):
        rate = f"{best.rates[metric].value:.1%} against {others[0].rates[metric].value:.1%}"
        lead = "clearly ahead" if extreme == "highest" else "clearly lowest"
        return f"{quoted_name(best.name)} is {lead}{so_far}: {rate}{' for the next' if len(others) > 1 else ''}."
    leaders = [side for side in measured if side.rank == 1]
    names = " and ".join(quoted_name(side.name) for side in leaders[:2])
    more = f" and {len(leaders) - 2} more" if len(leaders) > 2 else ""  # noqa: PLR2004 - two are named
    ahead = f" Clearly ahead of only {len(clear)} of the other {len(others)}." if clear else ""
    verb = "is" if len(leaders) == 1 else "are"
    return f"No clear winner{so_far}; {extreme} {verb} {names}{more}, {best.rates[metric].value:.1%}.{ahead}"


def _change(previous: Side, current: Side, metric: str) -> str:
    before, after = previous.rates.get(metric), current.rates.get(metric)
    if before is None or after is None:
        return f"No comparison: no messages in the {'previous' if before is None else 'current'} period."
    rates = f"{after.value:.1%} against {before.value:.1%}"
    so_far = " so far" if current.unfinished == "recent" else ""
    verdict = _verdict(current, metric)
    if verdict in {None, TOO_SMALL}:
        few = min(before.of, after.of) < MIN_BASIS
        why = f"; a period has fewer than {MIN_BASIS} messages" if few else ""
        return f"No clear change of {words(metric)}{so_far}: {rates} in the previous period{why}."
    return f"{words(metric).capitalize()} is clearly {verdict}{so_far}: {rates} in the previous period."


def _named(side: Side, metric: str) -> str:
    return f"{quoted_name(side.name)} ({side.rates[metric].value:.1%})"


def _verdict(side: Side, metric: str) -> str | None:
    difference = (side.differences or {}).get(metric)
    return difference.verdict if difference else None
