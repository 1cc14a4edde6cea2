"""Who asks, and until when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request is made.

    `deadline` is in `anyio.current_time()` seconds; `bulk` work lets interactive calls go first.
    """

    principal: str
    deadline: float
    bulk: bool = False
