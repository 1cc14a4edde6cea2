"""What the findings about a workspace's health rest on, what was left out, and what the API does not show."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cio_mcp.text.sanitize import word
from cio_mcp.tools.core.health.finding import CHECKS, Check
from cio_mcp.tools.core.health.messages import silent_since_start
from cio_mcp.tools.core.health.reads import (
    MAX_MESSAGES,
    MAX_REQUESTS,
    MAX_SEGMENTS,
    MAX_SOURCES,
    SERIES_DAYS,
    UNSENT,
    WEEK_DAYS,
    Readings,
)
from cio_mcp.tools.core.health.setup import unknown_suppressions

MAX_NAMED = 10
"""Sources or faults that one line names. Chosen."""
NOT_VISIBLE = (
    "Not visible through the API: whether a sender or its domain is verified, when Customer.io last reached a "
    "reporting webhook, when a campaign was stopped, and message limits."
)
FAILURES = tuple(f"{metric} messages" for metric in UNSENT)
SOURCES = ("campaigns", "broadcasts", "transactional messages", "metrics of ")
READS: Mapping[Check, tuple[str, ...]] = {
    "failing_messages": FAILURES,
    "unverified_sender": FAILURES,
    "flat_line": SOURCES,
    "rising_bounces": (*SOURCES, "newsletters"),
    "rising_complaints": (*SOURCES, "newsletters"),
    "odd_state": ("campaigns", "metrics of campaign "),
    "segment": ("segments", "campaigns", "size of segment "),
    "webhook": ("webhooks",),
    "receiver": ("sent messages",),
    "suppression": ("suppressed ",),
}
"""What each check reads, as the names of its reads begin."""
OF_ALL_SOURCES: tuple[Check, ...] = ("flat_line", "rising_bounces", "rising_complaints", "odd_state")


def incomplete_checks(readings: Readings) -> list[str]:
    """The checks that lacked something: a read failed, or there is more than one check reads."""
    lacking = {check for check, names in READS.items() if any(fault.startswith(names) for fault in readings.faults)}
    if readings.unread:
        lacking.update(OF_ALL_SOURCES)
    if readings.unsized:
        lacking.add("segment")
    if any(page.next for page in readings.unsent.values()):
        lacking.update(("failing_messages", "unverified_sender"))
    if unknown_suppressions(readings):
        lacking.add("suppression")
    return [words for check, words in CHECKS.items() if check in lacking]


def coverage_of(readings: Readings) -> Iterable[str]:
    """What was checked, what was not, and why."""
    incomplete = incomplete_checks(readings)
    if checked := [words for words in CHECKS.values() if words not in incomplete]:
        yield f"Checked: {', '.join(checked)}."
    if incomplete:
        yield f"Not checked, or only in part: {', '.join(incomplete)}."
    yield (
        f"Read: sources {len(readings.sources)}, segments {len(readings.segments)} (with their size: "
        f"{len(readings.sizes)}), reporting webhooks {len(readings.webhooks)}. Limits of one check: {MAX_REQUESTS} "
        f"requests, {MAX_SOURCES} sources, {MAX_SEGMENTS} sizes, {MAX_MESSAGES} messages of each failure. Series have "
        f"{SERIES_DAYS} days; rises are of {WEEK_DAYS} days against the four weeks before, in Eastern time."
    )
    if readings.unread:
        yield f"Not read, beyond the limit: {_some(readings.unread)}. get_metrics and compare_metrics read them."
    if readings.unsized:
        yield f"Size not read, beyond the limit: {_some([f'segment {word(id_)}' for id_ in readings.unsized])}."
    if silent := silent_since_start(readings):
        yield (
            f"Nothing sent in {SERIES_DAYS} days (attempts that failed don't count as sent), so no usual gap is known: "
            f"{_some(silent)}."
        )
    yield from _faults(readings.faults)
    if unknown := unknown_suppressions(readings):
        yield f"Not known, since one answer doesn't hold all addresses: growth of suppression by {_some(unknown)}."
    yield NOT_VISIBLE


def _faults(faults: Mapping[str, str]) -> Iterable[str]:
    """The reads that failed, together where the reason is the same."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, reason in faults.items():
        names[reason].append(name)
    for reason, failed in list(names.items())[:MAX_NAMED]:
        yield f"Not checked, since {_some(failed)} could not be read: {reason}"
    if rest := [name for failed in list(names.values())[MAX_NAMED:] for name in failed]:
        yield f"{len(rest)} other reads failed."


def _some(names: Sequence[str]) -> str:
    others = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f", and {others} others" if others > 0 else "")
