"""What came of one request, as data: all that the retry table and the sentences need."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """Customer.io answered; `flaw` says why the body is of no use (too large, garbled), `retry_after` is in seconds."""

    status: int
    body: bytes = b""
    retry_after: float | None = None
    flaw: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the range is what 2xx means

    @property
    def refused(self) -> bool:
        """Whether the status is a 4xx: nothing was done."""
        return 400 <= self.status < 500  # noqa: PLR2004 - the range is what 4xx means


@dataclass(frozen=True, slots=True)
class Unsent:
    """Not a byte of the request left; `why` completes "Customer.io …"."""

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, wholly or in part, and no answer came; `why` completes "Customer.io …"."""

    why: str


Outcome = Answered | Unsent | Lost


def doubtful(outcome: Outcome) -> bool:
    """Whether a write may have been carried out although no 2xx says so."""
    match outcome:
        case Answered():
            return not (outcome.accepted or outcome.refused)
        case Unsent():
            return False
        case Lost():
            return True
