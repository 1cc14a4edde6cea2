"""Rows and queries as plain data, so that modules above need not load the database driver."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from cio_mcp.storage.decisions import REJECTIONS

StoredState = Literal["planned", "approved", "declined", "sending", "sent", "failed", "unknown", "verified"]
"""The states that a change is stored in."""
ChangeState = Literal[StoredState, "expired"]
"""The nine states of a change. `expired` is never stored: the clock alone turns an open change into one."""

OPEN: tuple[StoredState, ...] = ("planned", "approved")
"""States in which nothing was sent yet and something still may be."""
EFFECTIVE: tuple[StoredState, ...] = ("sent", "verified")
"""States in which Customer.io accepted the change."""
UNSETTLED: tuple[StoredState, ...] = ("sending", "unknown")
"""States in which a request left and its outcome is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSummary:
    """A change as lists show it: every column but the large ones. Times are Unix seconds.

    `outcome` is JSON; `event_id` and `delivery_id` name what the change caused; `next_step` says how to check on it,
    `reads_back` whether the new values are read back after the write.
    `settle_at` is from when another process may take up the change; by its state, as the table `changes` states.
    """

    id: str
    workspace: str
    principal: str
    tool: str
    state: StoredState
    risk: str
    summary: str
    planned_at: float
    expires_at: float
    asked_at: float | None = None
    drifts: int = 0
    decided_at: float | None = None
    decided_by: str | None = None
    decided_how: str | None = None
    sending_at: float | None = None
    due_at: float | None = None
    finished_at: float | None = None
    settle_at: float | None = None
    looks: int = 0
    event_id: str | None = None
    delivery_id: str | None = None
    next_step: str | None = None
    reads_back: bool = False
    outcome: str | None = None

    def state_at(self, now: float) -> ChangeState:
        """The state at a time: an open change is expired once `expires_at` has come."""
        return "expired" if self.state in OPEN and self.expires_at <= now else self.state

    @property
    def rejected(self) -> bool:
        """Whether a person decided against it."""
        return self.state == "declined" and self.decided_how in REJECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow(ChangeSummary):
    """A change with its whole plan and question; `plan` and `baseline` are JSON.

    `arguments_digest`, `effect`, `target` and `digest` are SHA-256 in hex: of the call's arguments, of the effect, of
    whom and what it is about, and of the requests; `form` is the version of the form in which `effect` and `target`
    were computed. `arguments_json` are the call's arguments themselves, where a server may carry out the change without
    a further call. `unread` says that it was carried out so, and that its caller does not know of it yet.
    """

    arguments_digest: str
    effect: str | None
    target: str | None = None
    form: int = 0
    arguments_json: str | None = None
    unread: bool = False
    repeat: bool
    question: str
    plan: str
    digest: str
    baseline: str | None = None


class Digests(NamedTuple):
    """The two digests of a change by which it is compared."""

    effect: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier change that is like a plan; `equal` if its effect is the same, and not only its target."""

    row: ChangeSummary
    equal: bool


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes newest first, how many match in all, and whether older ones follow."""

    rows: tuple[ChangeSummary, ...]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class OpenLimits:
    """How much may wait for a decision: changes, and bytes of their plans and questions. Chosen: no limit is published.

    A caller of an HTTP server without tokens may call itself anything, so a limit per caller alone stops no flood.
    """

    per_caller: int = 100
    per_workspace: int = 500
    caller_bytes: int = 16 * 2**20
    workspace_bytes: int = 64 * 2**20


AddResult = Literal["added", "caller limit", "workspace limit"]
"""Whether a planned change was written, or which of `OpenLimits` stands against it."""


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """What an approval is used for: times in Unix seconds, `baseline` what was there before (JSON).

    After `until` the change counts as abandoned by the process that claimed it. `sends_an_hour` caps the people whom
    sends reach, `people` are those of this one. `near_since` is where nobody may have sent a nearly equal one since.
    `unread` is as in `ChangeRow`.
    """

    digest: str
    decided_since: float
    effect_since: float
    now: float
    until: float
    baseline: str | None = None
    sends_an_hour: int | None = None
    people: int = 1
    near_since: float | None = None
    unread: bool = False


ClaimResult = Literal[
    "claimed", "paused", "not approved", "too old", "in the future", "same effect", "same target", "cap reached"
]
"""What came of claiming an approved change."""

HUMAN_METRICS = ("opened", "clicked")
"""Metrics of what a person does with a message, or a machine in their place."""
MACHINE_MARKS = ("machine", "prefetched", "synthetic")
"""Keys in an event's data that say a machine did it."""
MAX_METRICS = 50
"""Metrics that a summary of events names; the rest is one count. Chosen: no limit is published."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One reporting webhook; `at` (when it happened) and `received_at` are Unix seconds, `data` is JSON text.

    `sequence` is the order of storing, 0 before it is stored; `change` is the id of the change that caused it.
    """

    event_id: str
    object_type: str
    metric: str
    at: int
    received_at: float
    data: str
    delivery_id: str | None = None
    trigger_event_id: str | None = None
    cio_id: str | None = None
    person_id: str | None = None
    email: str | None = None
    kind: str | None = None
    parent_id: str | None = None
    sequence: int = 0
    change: str | None = None


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Conditions on events: each that is not None must hold.

    `also` are metrics that count beside `metric`; `person` is `cio_…`, an email, or an id; `delivery` is what it
    happened to, `trigger_event` the event that started it; `kind` and `id` name the campaign, broadcast, newsletter or
    transactional message; `since` (inclusive) and `until` (exclusive) are aware times of happening.
    """

    object_type: str | None = None
    metric: str | None = None
    also: tuple[str, ...] = ()
    person: str | None = None
    delivery: str | None = None
    trigger_event: str | None = None
    kind: str | None = None
    id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MetricCount:
    """How many events have a metric, counted apart where a machine caused them."""

    metric: str
    by_machine: bool
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the events, newest first: what follows is older."""

    at: int
    sequence: int
