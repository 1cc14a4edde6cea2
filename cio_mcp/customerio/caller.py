"""The caller of a piece of work, and its deadline."""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Work:
    """Work for a caller that ends by `deadline`, in seconds of `anyio.current_time()`.

    With asyncio, the only backend that the server runs on, `Clock.steady` counts the same seconds.
    `bulk` work lets interactive work go first.
    """

    caller: Caller
    deadline: float
    bulk: bool = False


def background_caller(id_: str) -> Caller:
    """The caller of work that the server does by itself: it can use no tool, and has no owner."""
    return Caller(id_, owner=id_)
