"""Rate limits so wide that nothing waits for its turn, at Customer.io and here; other tests are about the limits."""

from dataclasses import replace

import pytest

from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.sandbox import limits

WIDE = 10_000
"""Requests of a window that no test makes."""


def widen_limits(patch: pytest.MonkeyPatch) -> None:
    """Widen the limits of the App API and of broadcasts until the patch is undone."""
    for lane in ("app", "broadcast"):
        patch.setitem(LANES, lane, replace(LANES[lane], requests=WIDE, paced=False))
    for name in ("APP", "TRIGGER"):
        patch.setattr(limits, name, replace(getattr(limits, name), requests=WIDE))
