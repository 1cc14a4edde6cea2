"""What the function of a job gets and returns: data, with neither engine nor driver."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from cio_mcp.storage.jobs import JobRow


class LeaseLost(Exception):
    """Another worker owns the job now, or may."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a job, from number `first`; iterating over them ends with `LeaseLost` once the lease may be over."""

    first: int
    rows: Sequence[JsonValue]
    is_owned: Callable[[], bool]

    def __iter__(self) -> Iterator[tuple[int, JsonValue]]:
        for number, row in enumerate(self.rows, self.first):
            self.check()
            yield number, row

    def check(self) -> None:
        """Make sure that the lease holds, right before something is sent.

        Raises:
            LeaseLost: it may not.
        """
        if not self.is_owned():
            raise LeaseLost


@dataclass(frozen=True, slots=True)
class Result:
    """How many rows of a batch, from its first, are behind the job, and by number why some of those were refused."""

    done: int
    problems: Mapping[int, str] = field(default_factory=dict)


JobFunction = Callable[[JobRow, Batch], Awaitable[Result]]
"""Carries out one batch; it may come again after a crash, so all that it sends must be repeatable.

It raises `CioError` if Customer.io could not be reached or refused everything; the batch is then tried again later.
"""
