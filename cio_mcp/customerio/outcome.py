"""The outcome of one request, as data for the retry table and the error sentences."""

from dataclasses import dataclass

REFUSALS = frozenset({400, 401, 403, 404, 413, 422, 429})
"""Statuses with which Customer.io itself declines a request: nothing changed. Any other 4xx may come from a box in
between, after Customer.io took the request. Source: the responses published for each operation of its APIs."""
PASSING = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request may succeed."""


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
        """Whether Customer.io itself declined the request: nothing changed."""
        return self.status in REFUSALS

    @property
    def redirects(self) -> bool:
        """Whether the host points elsewhere; an account of the other region is answered so."""
        return 300 <= self.status < 400  # noqa: PLR2004 - the range is what 3xx means

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later without a change."""
        return self.status >= 500 or self.status in PASSING  # noqa: PLR2004 - the range is what 5xx means


@dataclass(frozen=True, slots=True)
class Unsent:
    """Not a byte of the request left; `why` completes "Customer.io …".

    `setting` names what the operator must change first; None where it may work later as it is.
    """

    why: str
    setting: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, wholly or in part, and no answer came; `why` completes "Customer.io …"."""

    why: str


Outcome = Answered | Unsent | Lost


def doubtful(outcome: Outcome) -> bool:
    """Whether a write may have been carried out although no 2xx confirms it."""
    match outcome:
        case Answered():
            return not (outcome.accepted or outcome.refused)
        case Unsent():
            return False
        case Lost():
            return True
