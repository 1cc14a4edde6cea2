"""What the function of a job gets and returns: data, with neither engine nor driver."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import anyio
from pydantic import JsonValue

from cio_mcp.customerio.caller import Work, background_caller
from cio_mcp.storage.jobs import JobRow

REQUEST_SECONDS = 30.0
"""Seconds that one request may take, its turn in the rate limit included. Chosen."""


class LeaseLost(Exception):
    """Another worker owns the job now, or may."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a job, from number `first`; iterating over them ends with `LeaseLost` once the lease may be over.

    `texts` are the same rows as they are stored.
    """

    first: int
    rows: Sequence[JsonValue]
    is_owned: Callable[[], bool]
    texts: Sequence[str] = ()

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

    def work(self, job: JobRow) -> Work:
        """Work for one request of the job, which leaves only while the lease holds."""
        until = anyio.current_time() + REQUEST_SECONDS
        return Work(background_caller(job.principal), until, bulk=True, may_leave=self.is_owned)


@dataclass(frozen=True, slots=True)
class Result:
    """How many rows of a batch, from its first, are behind the job, and by number why some of those were refused."""

    done: int
    problems: Mapping[int, str] = field(default_factory=dict)


class JobFunction(Protocol):
    """Carries out one batch; it may come again after a crash, so all that it sends must be repeatable."""

    def __call__(self, job: JobRow, batch: Batch, /) -> Awaitable[Result]:
        """Carry out as many rows of a batch as it likes, from the first.

        Raises:
            CioError: Customer.io could not be reached or refused everything; the batch is tried again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What is left to do for the first `rows` rows of a batch; 0 if only its result says how many they are."""

    rows: int
    carry_out: Callable[[], Awaitable[Result]]


@runtime_checkable
class PreparedFunction(JobFunction, Protocol):
    """A function that prepares what it sends, in a worker thread, while the step before is carried out."""

    def prepare(self, job: JobRow, batch: Batch) -> Step:
        """Prepare as many rows of a batch as one step takes; nothing is sent."""
        ...
