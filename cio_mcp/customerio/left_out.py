"""The records of Customer.io's answers that could not be read and were left out, counted for one call of a tool."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_counting: ContextVar["LeftOut | None"] = ContextVar("left_out", default=None)


@dataclass(slots=True)
class LeftOut:
    """How many records were left out of each list; a list that is read twice counts once."""

    by_list: dict[int, int] = field(default_factory=dict)

    @property
    def note(self) -> str | None:
        """The sentence to add to an answer that may lack something."""
        count = sum(self.by_list.values())
        if not count:
            return None
        records, are = ("record", "is") if count == 1 else ("records", "are")
        return f"Incomplete: {count:,} {records} of Customer.io's answers could not be read and {are} left out."


@contextmanager
def count_left_out() -> Iterator[LeftOut]:
    """Count what the reads in this block leave out, in its tasks too."""
    counted = LeftOut()
    token = _counting.set(counted)
    try:
        yield counted
    finally:
        _counting.reset(token)


def leave_out(records: list[object], count: int) -> None:
    """Note that so many of the records of an answer could not be read."""
    if count and (counting := _counting.get()):
        counting.by_list[id(records)] = count
