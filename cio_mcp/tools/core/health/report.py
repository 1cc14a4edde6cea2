"""The health of the workspace: findings, webhooks, deliveries, changes, limits, and keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cio_mcp.errors import StorageFailed
from cio_mcp.events.models import EventQuery
from cio_mcp.gate.pause_note import pause_note
from cio_mcp.storage.rows import UNSETTLED, ChangeState
from cio_mcp.storage.webhook_stats import WebhookStats
from cio_mcp.text.sanitize import word
from cio_mcp.text.timestamps import ago, from_unix, moment
from cio_mcp.text.untrusted import Prose
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.core.health.coverage import NOT_VISIBLE, coverage_of, incomplete_checks
from cio_mcp.tools.core.health.finding import CHECKS, Finding
from cio_mcp.tools.core.health.messages import message_findings
from cio_mcp.tools.core.health.reads import UNSENT, read_all
from cio_mcp.tools.core.health.setup import setup_findings, silence
from cio_mcp.tools.core.limits import LaneNow
from cio_mcp.workspace import CallContext

RATE_PERIOD = timedelta(days=7)
"""The time that rates are of: as long as Customer.io retries a webhook, so that they rest on all that came."""
MIN_MESSAGES = 20
"""Messages below which a rate says little. Chosen."""
COUNTED = ("sent", "delivered", "bounced", "spammed", *UNSENT)
"""Metrics counted for the rates."""
WAITING: ChangeState = "planned"
"""The state of changes that wait for a decision."""
MAX_REFUSAL_REASONS = 10
"""Reasons of refused requests in an answer. Chosen: there are fewer."""
MAX_FINDINGS = 30
"""Findings in an answer. Chosen: more than a person works through at once."""


@dataclass(frozen=True)
class Deliverability:
    """Counts of messages in the last 7 days, from received events; rates are 0 to 1, absent where nothing was sent."""

    counts: dict[str, int]
    bounce_rate: float | None = None
    failure_rate: float | None = None

    def lines(self) -> Iterable[str]:
        """The rates, then the counts that are not 0."""
        if not any(self.counts.values()):
            yield "Messages, last 7 days: no events received"
            return
        counts = ", ".join(f"{name} {count:,}" for name, count in self.counts.items() if count)
        if self.failure_rate is None:
            yield f"Messages, last 7 days: {counts}; no rate, since no event says that one was sent or was not"
            return
        bounced = "" if self.bounce_rate is None else f"{self.bounce_rate:.1%} of sent messages bounced, "
        few = "" if sum(map(self.counts.__getitem__, ("sent", *UNSENT))) >= MIN_MESSAGES else "; too few to judge"
        yield f"Messages, last 7 days: {bounced}{self.failure_rate:.1%} were not sent ({counts}{few})"


class Health(AnswerPart):
    """The first place to look when something seems wrong; rates are of the last 7 days, from received events.

    `status` is how things are, whether good or bad, and `coverage` what the findings rest on and what is not visible.
    Unless it is `complete`, something was not checked, so that there may be more findings.
    """

    bounce_rate: float | None = None
    failure_rate: float | None = None
    findings: tuple[Finding, ...]
    complete: bool
    omitted: int | None = None
    status: tuple[Prose, ...]
    coverage: tuple[Prose, ...]

    def lines(self) -> Iterable[str]:
        """The findings, how things are, and what that rests on."""
        count = len(self.findings) + (self.omitted or 0)
        found = f"{count} finding{'' if count == 1 else 's'}" if count else "No findings"
        rest = "" if self.complete else ", but not everything was checked (see below)"
        yield f"{found}{rest}{':' if count else '.'}"
        yield from (f"- {finding}" for finding in self.findings)
        if self.omitted:
            yield f"… {self.omitted} more of {count}, of the same kinds"
        yield from self.status
        yield from self.coverage


async def health(ws: CallContext, lanes: Iterable[LaneNow]) -> Health:
    """Look at everything, with at most `MAX_REQUESTS` requests to Customer.io.

    Raises:
        StorageFailed: the database cannot be read.
    """
    week = EventQuery(since=ws.now - RATE_PERIOD)
    read = await together(
        {
            "stats": ws.events.stats,
            "since": ws.events.received_since,
            "week": partial(ws.events.summary, week),
            "paused": partial(pause_in_force, ws),
            **{
                state: partial(ws.gate.journal.recent, state=state, limit=1, now=ws.now.timestamp())
                for state in (WAITING, *UNSETTLED)
            },
        }
    )
    messages = deliverability(read["week"].by_metric)
    unsettled = sum(read[state].total for state in UNSETTLED)
    outcomes = f"{unsettled} with an unknown outcome (see list_changes)" if unsettled else "all outcomes are known"
    waiting = f"{read[WAITING].total} waiting for a decision, " if read[WAITING].total else ""
    slowed = "; ".join(lane.slowed for lane in lanes if lane.slowed)
    findings, coverage, complete = await _look(ws, read["stats"])
    return Health(
        bounce_rate=messages.bounce_rate,
        failure_rate=messages.failure_rate,
        findings=tuple(findings[:MAX_FINDINGS]),
        complete=complete,
        omitted=len(findings[MAX_FINDINGS:]) or None,
        status=(
            *_webhooks(read["stats"], read["since"], ws.now, simulated=ws.simulated),
            *messages.lines(),
            read["paused"] or "Writes: not paused",
            f"Changes: {waiting}{outcomes}",
            f"Rate limits: {slowed or 'none slowed by a 429'}",
            *(ws.keys.lines().values() or ("Keys: not checked yet",)),
        ),
        coverage=coverage,
    )


async def _look(ws: CallContext, stats: WebhookStats) -> tuple[list[Finding], tuple[str, ...], bool]:
    """The findings, what they rest on, and whether everything was checked."""
    if not ws.settings.has_app:
        return [], ("Not checked, for want of an App API key: " + ", ".join(CHECKS.values()) + ".", NOT_VISIBLE), False
    # The simulated workspace has sent messages before its start, which nobody was there to receive.
    receives = ws.settings.webhook_signing_keys is not None and not ws.simulated
    silent_since = silence(stats, ws.now, receives=receives)
    readings = await read_all(ws, silent_since=silent_since)
    findings = [*message_findings(readings), *setup_findings(readings, silent_since=silent_since)]
    return findings, tuple(coverage_of(readings)), not incomplete_checks(readings)


def deliverability(by_metric: Mapping[str, int]) -> Deliverability:
    """The rates of a time's events by metric."""
    counts = {name: by_metric.get(name, 0) for name in COUNTED}
    sent, unsent = counts["sent"], sum(counts[name] for name in UNSENT)
    return Deliverability(
        counts=counts,
        bounce_rate=round(counts["bounced"] / sent, 4) if sent else None,
        failure_rate=round(unsent / (sent + unsent), 4) if sent + unsent else None,
    )


async def pause_in_force(ws: CallContext) -> str | None:
    """Since when and why writes are paused; an unreadable database does not prevent the rest of the answer."""
    try:
        pause = await ws.gate.pauses.in_force()
    except StorageFailed:
        return "Whether writes are paused could not be read"
    return pause_note(pause) if pause else None


def _webhooks(stats: WebhookStats, since: datetime | None, now: datetime, *, simulated: bool) -> Iterable[str]:
    """The webhook receiver's last event and refusals."""
    if (last := stats.last) is None or since is None:
        setup = "" if simulated else " The operator must run and register a receiver."
        yield f"Webhooks: no events have been received yet.{setup}"
    else:
        at = from_unix(last.received_at)
        yield (
            f"Webhooks: last event {word(last.object_type)} {word(last.metric)} at {moment(at)} ({ago(at, now)}); "
            f"{stats.stored:,} stored since {moment(since)}, "
            f"{stats.day:,} in the last 24 hours, {stats.late:,} of them over a minute late"
        )
    refused = [
        f"{each.count} ({word(each.reason)}), last {moment(from_unix(each.last_at))}"
        for each in stats.refused[:MAX_REFUSAL_REASONS]
    ]
    if refused:
        yield f"Webhook requests refused: {'; '.join(refused)}"
