"""Long lists in answers: the first entries, then how many more there are."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Entry = TypeVar("Entry")


def join_first(
    entries: Sequence[Entry], most: int, show: Callable[[Entry], str] = str, *, separator: str = ", "
) -> str:
    """At most so many entries in one phrase, such as "a, b, and 3 more"; empty without entries."""
    left = len(entries) - most
    return separator.join([*map(show, entries[:most]), *([f"and {left:,} more"] if left > 0 else [])])


def list_first(entries: Sequence[Entry], most: int, show: Callable[[Entry], str] = str) -> Iterator[str]:
    """At most so many entries, a line each, and a line such as "and 3 more"."""
    yield from map(show, entries[:most])
    if (left := len(entries) - most) > 0:
        yield f"and {left:,} more"
