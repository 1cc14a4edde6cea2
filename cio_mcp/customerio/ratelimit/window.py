"""When a request may leave: the pure decision over what all processes of a workspace know about a lane.

A lane is a sliding window: of any `window` seconds, at most `requests` grants lie in it. A grant counts
until its request has arrived and the window has passed since, so every period is `window + guard`, the
guard being the spread of arrivals that is to be survived. Grants are made when they are due, never ahead:
that alone gives a burst after idleness, nearly the whole rate under demand, and lets a person's call pass
a bulk job's at the next slot. No clock and no I/O here: `now` is handed in, the state goes in and out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from cio_mcp.customerio.ratelimit.guard import GUARD_MAX
from cio_mcp.customerio.ratelimit.state import LONG_AGO_SECONDS, MIN_RATE_SHARE, Budget, Queue, WindowState

INTERACTIVE, BULK = 0, 1

SPACING_SHARE = 0.9  # of an even rate: lets a late dispatcher catch up without a burst
MAX_INTERACTIVE_GRANTS = 9  # grants in a row that bulk calls give way for; the tenth is theirs, so none starves
STALLED_QUEUE_SECONDS = 0.25  # seconds overdue after which a process's queue is no longer waited for
DEAD_QUEUE_SECONDS = 3.0  # seconds of silence after which a process's queue is forgotten
HEARTBEAT_SECONDS = 1.0  # seconds after which a process with a queue is heard from at the latest
RECHECK_SECONDS = 0.002  # seconds until the next look when a slot is open but a request ahead has not taken it
QUOTA_PAUSE_SECONDS = 3600.0  # seconds that a used-up quota is left alone
MAX_PAUSE_SECONDS = 120.0  # a longer pause of a lane that is no quota is a mistake somewhere; chosen
MAX_QUOTA_PAUSE_SECONDS = 86_400.0  # the documented quota is one of a day


@dataclass(frozen=True, slots=True)
class Waiter:
    """A request that queues in this process, with the time it joined and its deadline."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a claim: per class, how many of the queue's first may leave, and which are refused.

    `refused` holds `(class, index in the queue as handed in, seconds until there is room)`.
    `wake` is in how many seconds to claim again, None when nobody is left.
    """

    granted: tuple[int, int]
    stamp: float
    refused: tuple[tuple[int, int, float], ...]
    wake: float | None


Queues = tuple[Sequence[Waiter], Sequence[Waiter]]


def acquire(
    budget: Budget, state: WindowState, me: str, queues: Queues, unchecked: tuple[int, int] = (0, 0)
) -> Verdict:
    """Take the permits that are due for this process, and tell the others who still waits here.

    `queues` are this process's callers, first come first, interactive and bulk; from index `unchecked` on
    they are refused if their turn would come too late. The state is at the moment of the claim, and is changed.
    """
    now = state.seen
    _forget_implausible_pause(budget, state)
    kept = max(budget.guard, GUARD_MAX) + budget.window * max(1.0, 1 / (budget.requests * MIN_RATE_SHARE))
    state.grants = [grant for grant in state.grants if grant[0] + kept > now]
    state.queues = {name: queue for name, queue in state.queues.items() if now - queue.seen <= DEAD_QUEUE_SECONDS}
    crowded = any(now <= queue.due + STALLED_QUEUE_SECONDS for queue in state.queues.values())
    state.queues.pop(me, None)
    others = [queue for queue in state.queues.values() if now <= queue.due + STALLED_QUEUE_SECONDS]

    granted = _deal(state, _Pace.of(budget, state, crowded=crowded), others, queues)
    stamp = _stamp(budget, state, sum(granted))
    pace = _Pace.of(budget, state, crowded=True)  # for those who are left there is a queue
    refused: list[tuple[int, int, float]] = []
    left: list[list[Waiter]] = [[], []]
    wake = HEARTBEAT_SECONDS
    for kind in (INTERACTIVE, BULK):
        for index, caller in enumerate(queues[kind][granted[kind] :], granted[kind]):
            if left[kind] and index < unchecked[kind]:
                left[kind].append(caller)
                continue
            rank = _ahead(state, others, kind, caller, len(left[INTERACTIVE])) + len(left[kind])
            opens = pace.opens(rank)
            if index >= unchecked[kind] and opens > caller.until:
                refused.append((kind, index, opens - now))
                continue
            if not left[kind]:
                wake = min(wake, max(opens - now, RECHECK_SECONDS))
            left[kind].append(caller)
    if not any(left):
        return Verdict(granted, stamp, tuple(refused), None)
    oldest = [callers[0].since if callers else 0.0 for callers in left]
    state.queues[me] = Queue(now, now + wake, [len(callers) for callers in left], oldest)
    return Verdict(granted, stamp, tuple(refused), wake)


def penalize(budget: Budget, state: WindowState, stamp: float, retry_after: float | None) -> None:
    """Answer a 429 to the grant stamped `stamp`: pause the lane for all processes and lower its rate.

    Grants made before the last penalty do not lower the rate again: they left at the same speed.
    Without `retry_after` (seconds) the pause doubles with each penalty; a quota is left alone for an hour.
    """
    now = state.seen
    _forget_implausible_pause(budget, state)
    fast = not budget.quota and stamp >= state.eased
    if fast:
        state.factor = max(MIN_RATE_SHARE, state.rate(budget, now) / 2)
    if retry_after is not None and retry_after >= 0:
        pause = min(retry_after, _longest_pause(budget))
    else:
        pause = QUOTA_PAUSE_SECONDS if budget.quota else max(1.0, budget.window) / (2 * state.factor)
    if fast or retry_after is not None or budget.quota:
        state.paused = max(state.paused, now + pause)
    if not budget.quota:
        state.eased = max(state.eased, state.paused)


def _longest_pause(budget: Budget) -> float:
    return MAX_QUOTA_PAUSE_SECONDS if budget.quota else MAX_PAUSE_SECONDS


def _forget_implausible_pause(budget: Budget, state: WindowState) -> None:
    """Let a stored pause that no penalty of this version would set not outlive a restart."""
    if state.paused > state.seen + _longest_pause(budget):
        state.paused = state.seen
    if state.eased > state.seen + _longest_pause(budget):
        state.eased = state.seen


def release(state: WindowState, stamp: float) -> bool:
    """Return a permit with which nothing was sent; False when it is no longer known."""
    for grant in state.grants:
        if grant[0] == stamp:
            grant[1] -= 1
            if not grant[1]:
                state.grants.remove(grant)
            return True
    return False


def settle(state: WindowState, stamp: float, departure: float) -> None:
    """Update the time of a permit whose request left later than granted."""
    release(state, stamp)
    state.grants = sorted([*state.grants, [departure, 1]])


@dataclass(frozen=True, slots=True)
class _Pace:
    """How fast a lane may go at a moment; `spacing` 0 means that bursts are fine."""

    state: WindowState
    requests: int
    period: float
    spacing: float

    @classmethod
    def of(cls, budget: Budget, state: WindowState, *, crowded: bool) -> Self:
        factor = state.rate(budget, state.seen)
        requests = max(1, int(budget.requests * factor + 1e-9))
        period = budget.guard + budget.window * max(1.0, 1 / (budget.requests * factor))
        even = SPACING_SHARE * period / requests
        if state.paused + period > state.seen and not budget.quota:
            return cls(state, requests, period, max(even, budget.quantum))
        return cls(state, requests, period, even if budget.paced and (crowded or factor < 1) else 0.0)

    def opens(self, rank: int) -> float:
        """When the permit after the next `rank` ones is due, if nobody gives one back."""
        turns, slot = divmod(rank, self.requests)
        at = max(self._free_at(slot), self._free_at(0) + slot * self.spacing) + turns * self.period
        if not self.spacing:
            return max(at, self.state.paused)
        last = self.state.grants[-1][0] if self.state.grants else -LONG_AGO_SECONDS
        return max(at, max(last + self.spacing, self.state.paused, self.state.seen) + rank * self.spacing)

    def _free_at(self, slot: int) -> float:
        now = self.state.seen
        live = [grant for grant in self.state.grants if grant[0] + self.period > now]
        needed = slot + 1 - self.requests + sum(count for _, count in live)
        if needed <= 0:
            return now
        for stamp, count in live:
            needed -= count
            if needed <= 0:
                return stamp + self.period
        return now + self.period


def _deal(state: WindowState, pace: _Pace, others: list[Queue], queues: Queues) -> tuple[int, int]:
    granted = [0, 0]
    bulk_elsewhere = any(queue.counts[BULK] for queue in others)

    def due() -> Iterator[int]:
        for kind in (BULK, INTERACTIVE) if state.passed >= MAX_INTERACTIVE_GRANTS else (INTERACTIVE, BULK):
            if granted[kind] < len(queues[kind]):
                rank = _ahead(state, others, kind, queues[kind][granted[kind]], 0) + sum(granted)
                if pace.opens(rank) <= state.seen:
                    yield kind

    while (kind := next(due(), None)) is not None:
        granted[kind] += 1
        bulk_waits = bulk_elsewhere or granted[BULK] < len(queues[BULK])
        state.passed = state.passed + 1 if kind == INTERACTIVE and bulk_waits else 0
    return granted[INTERACTIVE], granted[BULK]


def _ahead(state: WindowState, others: list[Queue], kind: int, caller: Waiter, mine: int) -> int:
    """How many permits go to others before this caller (and to `mine` interactive callers, if it is bulk)."""
    earlier = sum(1 for queue in others if queue.counts[kind] and queue.oldest[kind] < caller.since)
    turn = state.passed >= MAX_INTERACTIVE_GRANTS
    if kind == INTERACTIVE:
        return earlier + (turn and any(queue.counts[BULK] for queue in others))
    preferred = mine + sum(queue.counts[INTERACTIVE] for queue in others)
    return earlier + min(preferred, max(0, MAX_INTERACTIVE_GRANTS - state.passed) + MAX_INTERACTIVE_GRANTS * earlier)


def _stamp(budget: Budget, state: WindowState, count: int) -> float:
    at = budget.stamp(state.seen)
    if count:
        if state.grants and state.grants[-1][0] >= at:
            at = state.grants[-1][0]
            state.grants[-1][1] += count
        else:
            state.grants.append([at, count])
    return at
