"""When a request may leave: the pure decision over what all processes of a workspace know about a lane.

A lane is a sliding window: of any `window` seconds, at most `requests` grants lie in it. A grant counts
until its request has arrived and the window has passed since, so every period is `window + guard`, the
guard being the spread of arrivals that is to be survived. Grants are made when they are due, never ahead:
that alone gives a burst after idleness, nearly the whole rate under demand, and lets a person's call pass
a bulk job's at the next slot. No clock and no I/O here: `now` is handed in, the ledger goes in and out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from cio_mcp.customerio.ratelimit.guard import GUARD_MAX
from cio_mcp.customerio.ratelimit.state import FLOOR, LONG_AGO, Budget, Queue, WindowState

INTERACTIVE, BULK = 0, 1

SPACING = 0.9  # of an even rate: what a late dispatcher lost can be made up, a burst cannot form
YIELD = 9  # grants in a row that bulk calls give way for; the tenth is theirs, so none starves
STALL = 0.25  # seconds overdue after which a process's queue is no longer waited for
DEAD = 3.0  # seconds of silence after which a process's queue is forgotten
BEAT = 1.0  # seconds after which a process with a queue is heard from at the latest
NUDGE = 0.002  # seconds until the next look when a slot is open but somebody ahead has not taken it
QUOTA_PAUSE = 3600.0  # seconds that a used-up quota is left alone
MAX_PAUSE_SECONDS = 120.0  # a longer pause of a lane that is no quota is a mistake somewhere; no source
MAX_QUOTA_PAUSE_SECONDS = 86_400.0  # the documented quota is one of a day


@dataclass(frozen=True, slots=True)
class Waiter:
    """Somebody who queues in this process: since when, and until when at the latest."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a claim came to: per class how many of the queue's first may leave, and who is refused.

    `refused` holds `(class, index in the queue as handed in, seconds until there is room)`.
    `wake` is in how many seconds to claim again, None when nobody is left.
    """

    granted: tuple[int, int]
    stamp: float
    refused: tuple[tuple[int, int, float], ...]
    wake: float | None


Queues = tuple[Sequence[Waiter], Sequence[Waiter]]


def claim(budget: Budget, ledger: WindowState, me: str, queues: Queues, unchecked: tuple[int, int] = (0, 0)) -> Verdict:
    """Take the permits that are due for this process, and tell the others who still waits here.

    `queues` are this process's callers, first come first, interactive and bulk; from index `unchecked` on
    they are refused if their turn would come too late. The ledger is at the moment of the claim, and is changed.
    """
    now = ledger.seen
    _forget_implausible_pause(budget, ledger)
    kept = max(budget.guard, GUARD_MAX) + budget.window * max(1.0, 1 / (budget.requests * FLOOR))
    ledger.grants = [grant for grant in ledger.grants if grant[0] + kept > now]
    ledger.queues = {name: queue for name, queue in ledger.queues.items() if now - queue.seen <= DEAD}
    crowded = any(now <= queue.due + STALL for queue in ledger.queues.values())
    ledger.queues.pop(me, None)
    others = [queue for queue in ledger.queues.values() if now <= queue.due + STALL]

    granted = _deal(ledger, _Pace.of(budget, ledger, crowded=crowded), others, queues)
    stamp = _stamp(budget, ledger, sum(granted))
    pace = _Pace.of(budget, ledger, crowded=True)  # for those who are left there is a queue
    refused: list[tuple[int, int, float]] = []
    left: list[list[Waiter]] = [[], []]
    wake = BEAT
    for kind in (INTERACTIVE, BULK):
        for index, caller in enumerate(queues[kind][granted[kind] :], granted[kind]):
            if left[kind] and index < unchecked[kind]:
                left[kind].append(caller)
                continue
            rank = _ahead(ledger, others, kind, caller, len(left[INTERACTIVE])) + len(left[kind])
            opens = pace.opens(rank)
            if index >= unchecked[kind] and opens > caller.until:
                refused.append((kind, index, opens - now))
                continue
            if not left[kind]:
                wake = min(wake, max(opens - now, NUDGE))
            left[kind].append(caller)
    if not any(left):
        return Verdict(granted, stamp, tuple(refused), None)
    oldest = [callers[0].since if callers else 0.0 for callers in left]
    ledger.queues[me] = Queue(now, now + wake, [len(callers) for callers in left], oldest)
    return Verdict(granted, stamp, tuple(refused), wake)


def penalize(budget: Budget, ledger: WindowState, stamp: float, retry_after: float | None) -> None:
    """Answer a 429 to the grant stamped `stamp`: pause the lane for everybody and lower its rate.

    Grants made before the last penalty do not lower the rate again: they left at the same speed.
    Without `retry_after` (seconds) the pause doubles with each penalty; a quota is left alone for an hour.
    """
    now = ledger.seen
    _forget_implausible_pause(budget, ledger)
    fast = not budget.quota and stamp >= ledger.eased
    if fast:
        ledger.factor = max(FLOOR, ledger.rate(budget, now) / 2)
    if retry_after is not None and retry_after >= 0:
        pause = min(retry_after, _longest_pause(budget))
    else:
        pause = QUOTA_PAUSE if budget.quota else max(1.0, budget.window) / (2 * ledger.factor)
    if fast or retry_after is not None or budget.quota:
        ledger.paused = max(ledger.paused, now + pause)
    if not budget.quota:
        ledger.eased = max(ledger.eased, ledger.paused)


def _longest_pause(budget: Budget) -> float:
    return MAX_QUOTA_PAUSE_SECONDS if budget.quota else MAX_PAUSE_SECONDS


def _forget_implausible_pause(budget: Budget, ledger: WindowState) -> None:
    """Let a stored pause that no penalty of this version would set not outlive a restart."""
    if ledger.paused > ledger.seen + _longest_pause(budget):
        ledger.paused = ledger.seen
    if ledger.eased > ledger.seen + _longest_pause(budget):
        ledger.eased = ledger.seen


def give_back(ledger: WindowState, stamp: float) -> bool:
    """Return a permit with which nothing was sent; False when it is no longer known."""
    for grant in ledger.grants:
        if grant[0] == stamp:
            grant[1] -= 1
            if not grant[1]:
                ledger.grants.remove(grant)
            return True
    return False


def settle(ledger: WindowState, stamp: float, anew: float) -> None:
    """Stamp a permit anew, because its request left later than it was granted."""
    give_back(ledger, stamp)
    ledger.grants = sorted([*ledger.grants, [anew, 1]])


@dataclass(frozen=True, slots=True)
class _Pace:
    """How fast a lane may go at a moment; `spacing` 0 means that bursts are fine."""

    ledger: WindowState
    requests: int
    period: float
    spacing: float

    @classmethod
    def of(cls, budget: Budget, ledger: WindowState, *, crowded: bool) -> Self:
        factor = ledger.rate(budget, ledger.seen)
        requests = max(1, int(budget.requests * factor + 1e-9))
        period = budget.guard + budget.window * max(1.0, 1 / (budget.requests * factor))
        even = SPACING * period / requests
        if ledger.paused + period > ledger.seen and not budget.quota:
            return cls(ledger, requests, period, max(even, budget.quantum))
        return cls(ledger, requests, period, even if budget.paced and (crowded or factor < 1) else 0.0)

    def opens(self, rank: int) -> float:
        """When the permit after the next `rank` ones is due, if nobody gives one back."""
        turns, slot = divmod(rank, self.requests)
        at = max(self._free_at(slot), self._free_at(0) + slot * self.spacing) + turns * self.period
        if not self.spacing:
            return max(at, self.ledger.paused)
        last = self.ledger.grants[-1][0] if self.ledger.grants else -LONG_AGO
        return max(at, max(last + self.spacing, self.ledger.paused, self.ledger.seen) + rank * self.spacing)

    def _free_at(self, slot: int) -> float:
        now = self.ledger.seen
        live = [grant for grant in self.ledger.grants if grant[0] + self.period > now]
        needed = slot + 1 - self.requests + sum(count for _, count in live)
        if needed <= 0:
            return now
        for stamp, count in live:
            needed -= count
            if needed <= 0:
                return stamp + self.period
        return now + self.period


def _deal(ledger: WindowState, pace: _Pace, others: list[Queue], queues: Queues) -> tuple[int, int]:
    granted = [0, 0]
    bulk_elsewhere = any(queue.counts[BULK] for queue in others)

    def due() -> Iterator[int]:
        for kind in (BULK, INTERACTIVE) if ledger.passed >= YIELD else (INTERACTIVE, BULK):
            if granted[kind] < len(queues[kind]):
                rank = _ahead(ledger, others, kind, queues[kind][granted[kind]], 0) + sum(granted)
                if pace.opens(rank) <= ledger.seen:
                    yield kind

    while (kind := next(due(), None)) is not None:
        granted[kind] += 1
        bulk_waits = bulk_elsewhere or granted[BULK] < len(queues[BULK])
        ledger.passed = ledger.passed + 1 if kind == INTERACTIVE and bulk_waits else 0
    return granted[INTERACTIVE], granted[BULK]


def _ahead(ledger: WindowState, others: list[Queue], kind: int, caller: Waiter, mine: int) -> int:
    """How many permits go to others before this caller (and to `mine` interactive callers, if it is bulk)."""
    earlier = sum(1 for queue in others if queue.counts[kind] and queue.oldest[kind] < caller.since)
    turn = ledger.passed >= YIELD
    if kind == INTERACTIVE:
        return earlier + (turn and any(queue.counts[BULK] for queue in others))
    preferred = mine + sum(queue.counts[INTERACTIVE] for queue in others)
    return earlier + min(preferred, max(0, YIELD - ledger.passed) + YIELD * earlier)


def _stamp(budget: Budget, ledger: WindowState, count: int) -> float:
    at = budget.stamp(ledger.seen)
    if count:
        if ledger.grants and ledger.grants[-1][0] >= at:
            at = ledger.grants[-1][0]
            ledger.grants[-1][1] += count
        else:
            ledger.grants.append([at, count])
    return at
