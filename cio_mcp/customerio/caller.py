"""The caller of a piece of work, and its deadline."""

from collections.abc import Callable
from dataclasses import dataclass, field

MAX_RETRIES = 8
"""Requests that all reads of one piece of work may repeat together, so that a service that is down is left alone.

Chosen: two reads may use up their own (see `retry`), and the rest of many are made once.
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity of a client, decided once per request by `identity`.

    `id` names it in the journal, in the limiter's queues and in the cache; several ids may have one `owner`, the
    person behind them. `scopes` decide which tools it can use. `may_be_asked` says whether its client is trusted to
    show a question to a person and to return that person's answer.
    """

    id: str
    owner: str
    scopes: frozenset[str] = frozenset()
    may_be_asked: bool = False


@dataclass(slots=True)
class RetryBudget:
    """How many more requests the reads of one piece of work may repeat."""

    left: int = MAX_RETRIES

    def take(self) -> bool:
        """Use one up; False if none is left."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Work:
    """Work for a caller that ends by `deadline`, in seconds of `anyio.current_time()`.

    With asyncio, the only backend that the server runs on, `Clock.steady` counts the same seconds.
    `bulk` work lets interactive work go first. `may_leave` is asked right before each request leaves, after its turn in
    the rate limit: a job may be another process's by then.
    """

    caller: Caller
    deadline: float
    bulk: bool = False
    may_leave: Callable[[], bool] = field(default=lambda: True, compare=False, repr=False)
    retries: RetryBudget = field(default_factory=RetryBudget, compare=False, repr=False)


def background_caller(id_: str) -> Caller:
    """The caller of work that the server does by itself: it can use no tool, and has no owner."""
    return Caller(id_, owner=id_)
