"""The receipt: what became of a write, in one of six words."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Literal

from cio_mcp.text.render import Answer
from cio_mcp.text.untrusted import Prose

Status = Literal["done", "already_done", "approval_required", "declined", "failed", "unknown"]


class Receipt(Answer):
    """What became of a write; `failed` and `unknown` are errors, with the full receipt all the same."""

    personal: ClassVar[bool] = True

    status: Status
    message: Prose
    change: str | None = None
    at: datetime | None = None
    delivery_id: str | None = None
    verified: bool | None = None
    find_out: Prose | None = None

    @property
    def is_error(self) -> bool:
        """Whether a client should treat this as an error."""
        return self.status in ("failed", "unknown")

    def lines(self) -> Iterable[str]:
        """The message, then what to look for."""
        yield self.message
        if self.delivery_id:
            yield f"Delivery {self.delivery_id}"
        if self.find_out:
            yield self.find_out
        if self.change:
            yield f"Change {self.change}"
