"""Checks of what a workspace rests on: segments, reporting webhooks, the receiver, and suppressions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cio_mcp.customerio.api.segments import Segment
from cio_mcp.customerio.api.suppressions import SuppressionPage
from cio_mcp.storage.webhook_stats import WebhookStats
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.text.timestamps import ago, from_unix, moment
from cio_mcp.tools.common.proportions import Proportion, wilson
from cio_mcp.tools.core.health.finding import Finding
from cio_mcp.tools.core.health.messages import CONFIDENCE, MIN_RISEN, RISE
from cio_mcp.tools.core.health.reads import BEFORE_DAYS, MAX_SUPPRESSED, WEEK_DAYS, Readings, segments_of

STUCK = timedelta(days=1)
"""How long a segment may be built after its last change. Chosen: Customer.io builds most within minutes."""
SILENT = timedelta(hours=24)
"""How long the receiver may get nothing before it is checked whether messages were sent. Chosen."""
MIN_UNREPORTED = 5
"""Messages since the receiver's last event that make it silent. Chosen: a few may not be reported."""
REPORTING = timedelta(hours=1)
"""How late an event may be reported without being missing. Chosen."""


def setup_findings(readings: Readings, *, silent_since: datetime | None) -> Iterable[Finding]:
    """What all checks of the setup find."""
    yield from _segments(readings)
    yield from _webhooks(readings)
    yield from _receiver(readings, silent_since)
    yield from _suppressions(readings)


def silence(stats: WebhookStats, now: datetime, *, receives: bool) -> datetime | None:
    """Since when the receiver got nothing, if that is long; None where it is not, or where nothing was ever set up.

    A receiver that is set up (`receives`) and never got an event is silent for at least `SILENT`.
    """
    if stats.last is None:
        return now - SILENT if receives else None
    last = from_unix(int(stats.last.received_at))
    return last if now - last > SILENT else None


def _segments(readings: Readings) -> Iterable[Finding]:
    for segment in readings.segments:
        if not segment.settled and segment.updated_at and readings.now - segment.updated_at > STUCK:
            progress = "" if segment.progress is None else f" at {segment.progress} %"
            yield Finding(
                check="segment",
                what=f"{_named(segment)} is not finished (state {word(segment.state or '')}{progress})",
                number=f"last changed {ago(segment.updated_at, readings.now)}",
                threshold="1 day",
                source="GET /v1/segments",
                next=f"get_segment(segment={word(segment.id)})",
            )
    by_id = {segment.id: segment for segment in readings.segments}
    for campaign in readings.campaigns:
        for id_ in dict.fromkeys(segments_of(campaign)) if campaign.running else ():
            used = f"running campaign {word(campaign.id)} {quoted_name(campaign.name)}"
            if id_ in by_id and readings.sizes.get(id_) == 0 and by_id[id_].settled:
                yield Finding(
                    check="segment",
                    what=f"{_named(by_id[id_])} is empty and decides who enters the {used}",
                    number="0 people",
                    threshold="1 person",
                    source=f"GET /v1/segments/{word(id_)}/customer_count",
                    next=f"get_segment(segment={word(id_)}), get_campaign(id={word(campaign.id)})",
                )
            elif id_ not in by_id and "segments" not in readings.faults:
                yield Finding(
                    check="segment",
                    what=f"segment {word(id_)} decides who enters the {used}, and is archived or deleted",
                    number="0 segments",
                    threshold="1 segment",
                    source="GET /v1/segments, GET /v1/campaigns",
                    next=f"get_campaign(id={word(campaign.id)})",
                )


def _webhooks(readings: Readings) -> Iterable[Finding]:
    for webhook in readings.webhooks:
        if webhook.disabled or not webhook.events:
            problem = "is disabled" if webhook.disabled else "reports no event"
            yield Finding(
                check="webhook",
                what=f"reporting webhook {word(webhook.id)} {quoted_name(webhook.name)} {problem}",
                number="1 webhook",
                threshold="disabled, or without events",
                source="GET /v1/reporting_webhooks",
                next="ask whether it is meant to be; Customer.io's settings enable it",
            )


def _receiver(readings: Readings, silent_since: datetime | None) -> Iterable[Finding]:
    page = readings.sent_since
    if silent_since is None or page is None:
        return
    unreported = [
        each for each in page.messages if each.created and silent_since < each.created <= readings.now - REPORTING
    ]
    if len(unreported) >= MIN_UNREPORTED:
        yield Finding(
            check="receiver",
            what=f"this server received no event since {moment(silent_since)}, and messages were sent",
            number=f"{'at least ' if page.next else ''}{len(unreported):,} messages since",
            threshold=f"{MIN_UNREPORTED} messages and {SILENT.total_seconds() / 3600:g} hours",
            source="the event log, and GET /v1/messages?metric=sent",
            next="recent_events(); the operator checks the URL and the signing key of the reporting webhook",
        )


def _suppressions(readings: Readings) -> Iterable[Finding]:
    week_start = readings.week_start
    before_start = readings.starts[-WEEK_DAYS - BEFORE_DAYS]
    for type_, page in readings.suppressions.items():
        times = [each.created for each in page.suppressions if each.created]
        week = sum(at >= week_start for at in times)
        before = sum(before_start <= at < week_start for at in times)
        if not _is_complete(page) or week < MIN_RISEN or week * BEFORE_DAYS < RISE * before * WEEK_DAYS:
            continue
        usual = WEEK_DAYS / (WEEK_DAYS + BEFORE_DAYS)
        if wilson(Proportion(week, week + before), CONFIDENCE).low > usual:
            yield Finding(
                check="suppression",
                what=f"the email provider suppresses more addresses ({type_.replace('_', ' ')})",
                number=f"{week:,} in {WEEK_DAYS} days, after {before:,} in the four weeks before, of {len(times):,}",
                threshold=(
                    f"{MIN_RISEN} in the week, {RISE} times the earlier pace, and more than a fifth of the five weeks "
                    f"in Wilson's {CONFIDENCE:.0%} interval"
                ),
                source=f"GET /v1/esp/suppression/{type_}",
                next=f"list_messages(metric={'spammed' if type_ == 'spam_reports' else 'bounced'})",
            )


def unknown_suppressions(readings: Readings) -> list[str]:
    """Kinds of suppression with more addresses than one answer holds, whose growth cannot be read."""
    return [type_.replace("_", " ") for type_, page in readings.suppressions.items() if not _is_complete(page)]


def _is_complete(page: SuppressionPage) -> bool:
    """Whether there are no other addresses; the order of a full page is not documented."""
    return len(page.suppressions) < MAX_SUPPRESSED


def _named(segment: Segment) -> str:
    return f"segment {word(segment.id)} {quoted_name(segment.name)}"
