"""Rejections: how often a person rejected the same in the last hour, and when it may be proposed again."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from cio_mcp.gate.policy import BY_POLICY
from cio_mcp.storage.decisions import REJECTED_IN_CLIENT
from cio_mcp.storage.rows import Precedent
from cio_mcp.text.timestamps import from_unix, moment

REJECTION_SECONDS = 3600.0
"""How long after a rejection the next question about the same states it. Chosen."""
MAX_REJECTIONS = 3
"""Rejections of the same in that time after which it is not proposed again, in a client or outside it. Chosen."""


class Rejections(BaseModel):
    """The rejections of equal or nearly equal changes in the last hour, since the last approval.

    Times are Unix seconds: the latest rejection, until when no client is prompted again, and until when it is
    not proposed outside either; 0 where it may be.
    """

    model_config = ConfigDict(frozen=True)

    count: int
    equal: bool
    last: float
    client_until: float
    outside_until: float

    @property
    def statement(self) -> str:
        """What a question says of them."""
        what = "this" if self.equal else "this or a similar change"
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"You rejected {what} {times} in the last hour, last at {_time(self.last)}."

    def refusal(self, now: float) -> str | None:
        """Why no client is prompted for the change now; None where one may be."""
        if max(self.client_until, self.outside_until) <= now:
            return None
        what = "this" if self.equal else "this or a similar change"
        history = f"A person rejected {what} {self.count} times in the last hour, last at {_time(self.last)}."
        if self.outside_until > now:
            return f"{history} Nothing was sent. It can be proposed again at {_time(self.outside_until)}."
        return (
            f"{history} Nothing was sent, and the client is not prompted again before {_time(self.client_until)}. "
            "It can be decided in cio-mcp on the user's computer."
        )


def rejections_in(decided: Sequence[Precedent]) -> Rejections | None:
    """The rejections among the decided changes of the last hour, newest first; None where there are none."""
    counted: list[Precedent] = []
    for precedent in decided:
        row = precedent.row
        if row.rejected:
            counted.append(precedent)
        elif row.state != "declined" and row.decided_by != BY_POLICY:
            break  # a person approved it since
    if not counted:
        return None
    times = [each.row.decided_at or 0.0 for each in counted]
    outside = [each.row.decided_at or 0.0 for each in counted if each.row.decided_how != REJECTED_IN_CLIENT]
    return Rejections(
        count=len(counted),
        equal=all(each.equal for each in counted),
        last=times[0],
        client_until=_until(times),
        outside_until=_until(outside),
    )


def _until(times: Sequence[float]) -> float:
    """When fewer than `MAX_REJECTIONS` times, given newest first, lie in the last hour."""
    return times[MAX_REJECTIONS - 1] + REJECTION_SECONDS if len(times) >= MAX_REJECTIONS else 0.0


def _time(seconds: float) -> str:
    return moment(from_unix(int(seconds)))
