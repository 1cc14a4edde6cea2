"""The current rate limits, shared by all processes of the workspace."""

from collections.abc import Iterable

from cio_mcp.customerio.ratelimit.lane import LaneState
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.workspace import CallContext


class LaneNow(AnswerPart):
    """A lane: `used` of `requests` lie in the last `window` seconds, and `available` may leave at once.

    `rate` is the share of the limit that a 429 left; `shared` is False while this process cannot see the others.
    """

    lane: str
    requests: int
    window: float
    used: int
    available: int
    waiting: int
    paused_for: float | None = None
    rate: float | None = None
    shared: bool = True
    source: str

    @property
    def slowed(self) -> str | None:
        """How Customer.io's last 429 slows the lane; None where it does not."""
        if self.paused_for:
            return f"{self.lane}: paused for {self.paused_for:.0f} s"
        return f"{self.lane}: at {self.rate:.0%} of its limit" if self.rate else None

    def lines(self) -> Iterable[str]:
        """One line."""
        paused = f", paused for {self.paused_for:.0f} s" if self.paused_for else ""
        slowed = f", slowed to {self.rate:.0%} after a 429" if self.rate else ""
        alone = "" if self.shared else "; the database is unavailable, so this is the process's own small share"
        yield (
            f"{self.lane}: {self.used} of {self.requests} used in the last {self.window:g} s, "
            f"{self.available} available now, {self.waiting} waiting{paused}{slowed}{alone}"
        )


async def lanes_now(ws: CallContext) -> tuple[LaneNow, ...]:
    """Every lane, as all processes of the workspace share it."""
    return tuple(map(_lane, await ws.reader.client.limiter.current_state()))


def _lane(now: LaneState) -> LaneNow:
    return LaneNow(
        lane=now.lane,
        requests=now.requests,
        window=now.window,
        used=now.used,
        available=0 if now.paused else max(0, int(now.requests * now.rate) - now.used),
        waiting=now.waiting + now.elsewhere,
        paused_for=now.paused or None,
        rate=now.rate if now.rate < 1 else None,
        shared=now.shared,
        source=LANES[now.lane].source,
    )
