"""The callers that wait for a lane in this process: first come, first served for each, and callers take turns."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

import anyio

from cio_mcp.customerio.operations import Lane as LaneName
from cio_mcp.customerio.ratelimit.window import Waiter


@dataclass(eq=False, slots=True)
class Ticket:
    """One call that waits for a permit; answered with a stamp or an error.

    `checked` is true once the store has found that its turn comes in time.
    """

    lane: LaneName
    caller: str
    waiter: Waiter
    answered: anyio.Event = field(default_factory=anyio.Event)
    stamp: float | None = None
    error: Exception | None = None
    checked: bool = False

    def answer(self, *, stamp: float | None = None, error: Exception | None = None) -> None:
        """End the wait."""
        self.stamp, self.error = stamp, error
        self.answered.set()


class TurnQueue:
    """Tickets in the order in which they are served: one per caller in turn, so that none starves another."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, deque[Ticket]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket in self._callers.get(ticket.caller, ())

    def __iter__(self) -> Iterator[Ticket]:
        for turn in zip_longest(*self._callers.values()):
            yield from (ticket for ticket in turn if ticket is not None)

    def append(self, ticket: Ticket) -> None:
        """Add a ticket behind the others of its caller."""
        self._callers.setdefault(ticket.caller, deque()).append(ticket)
        self._length += 1

    def popleft(self) -> Ticket:
        """Take the ticket that is served next."""
        caller, tickets = self._callers.popitem(last=False)
        ticket = tickets.popleft()
        if tickets:
            self._callers[caller] = tickets
        self._length -= 1
        return ticket

    def remove(self, ticket: Ticket) -> None:
        """Take out a ticket wherever it stands."""
        tickets = self._callers[ticket.caller]
        tickets.remove(ticket)
        if not tickets:
            del self._callers[ticket.caller]
        self._length -= 1

    def clear(self) -> None:
        """Take out all tickets."""
        self._callers.clear()
        self._length = 0
