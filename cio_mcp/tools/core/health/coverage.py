"""What the findings about a workspace's health rest on, what was left out, and what the API does not show."""

from collections.abc import Iterable, Sequence

from cio_mcp.tools.core.health.finding import CHECKS
from cio_mcp.tools.core.health.messages import silent_since_start
from cio_mcp.tools.core.health.reads import (
    MAX_MESSAGES,
    MAX_REQUESTS,
    MAX_SEGMENTS,
    MAX_SOURCES,
    SERIES_DAYS,
    WEEK_DAYS,
    Readings,
)
from cio_mcp.tools.core.health.setup import unknown_suppressions

MAX_NAMED = 10
"""Sources or faults that one line names; no source."""
NOT_VISIBLE = (
    "Not visible through the API: whether a sender or its domain is verified, when Customer.io last reached a "
    "reporting webhook, when a campaign was stopped, and message limits."
)


def coverage_of(readings: Readings) -> Iterable[str]:
    """What was checked, what was not, and why."""
    yield f"Checked: {', '.join(CHECKS.values())}."
    yield (
        f"Read: sources {len(readings.sources)}, segments {len(readings.segments)} (with their size: "
        f"{len(readings.sizes)}), reporting webhooks {len(readings.webhooks)}. Limits of one check: {MAX_REQUESTS} "
        f"requests, {MAX_SOURCES} sources, {MAX_SEGMENTS} sizes, {MAX_MESSAGES} messages of each failure. Series have "
        f"{SERIES_DAYS} days; rises are of {WEEK_DAYS} days against the four weeks before, in Eastern time."
    )
    if readings.unread:
        yield f"Not read, beyond the limit: {_some(readings.unread)}. get_metrics and compare_metrics read them."
    if silent := silent_since_start(readings):
        yield f"Nothing sent in {SERIES_DAYS} days, so no usual gap is known: {_some(silent)}."
    for name, reason in list(readings.faults.items())[:MAX_NAMED]:
        yield f"Not checked, since {name} could not be read: {reason}"
    if (unread := len(readings.faults) - MAX_NAMED) > 0:
        yield f"{unread} other reads failed."
    if unknown := unknown_suppressions(readings):
        yield f"Not known, since one answer doesn't hold all addresses: growth of suppression by {_some(unknown)}."
    yield NOT_VISIBLE


def _some(names: Sequence[str]) -> str:
    others = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f", and {others} others" if others > 0 else "")
