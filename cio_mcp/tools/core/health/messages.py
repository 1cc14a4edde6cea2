"""Checks of what is sent: messages that fail, sources that went silent or send on, rising bounces and complaints."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from cio_mcp.customerio.api.base import Message
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.text.sanitize import word
from cio_mcp.tools.common.proportions import Proportion, bonferroni, newcombe
from cio_mcp.tools.common.sources import SourceRef
from cio_mcp.tools.core.deliveries import sent_by
from cio_mcp.tools.core.health.finding import Check, Finding
from cio_mcp.tools.core.health.reads import (
    MAX_MESSAGES,
    SERIES_DAYS,
    UNSENT,
    WEEK_DAYS,
    Readings,
    SourceDays,
    source_label,
)

CONFIDENCE = 0.99
"""Of all comparisons of a check together, so that a healthy workspace has a finding by chance once in 100 checks."""
RISE = 1.5
"""How many times the earlier rate counts as a rise. Chosen."""
MIN_RISEN = 5
"""Bounces or complaints of a week below which they are no rise. Chosen."""
SILENCE = 2
"""How many times its longest gap a source is silent for before it is a finding. Chosen."""
MIN_GAPS, REGULAR_DAYS = 3, 1
"""Gaps that must be known, and the days by which those of a regular series differ at most. Chosen."""
CHANCE = 0.001
"""How unlikely a silence must be for a source without regular gaps. Chosen."""
ENDED_DAYS = 2
"""Days, the present one included, that count where it is not known when a campaign last changed. Chosen."""
SERIES = {"dropped": "suppressed"}
"""What metric series call it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """From how many messages, and which share of those of its source, a template's failures are a finding. Chosen."""

    count: int
    share: float


LIMITS: Mapping[str, Limit] = {
    "failed": Limit(3, 0.05),
    # People without an address, unsubscribed, or over a limit are a normal part of any campaign.
    "undeliverable": Limit(10, 0.3),
    "dropped": Limit(10, 0.1),
}


class Template(NamedTuple):
    """An action or content of a source."""

    source: SourceRef
    part: str

    @classmethod
    def of(cls, message: Message) -> "Template | None":
        """What a message was made from."""
        source = sent_by(message)
        if source is None:
            return None
        part = f"action {message.action_id}" if message.action_id else f"content {message.content_id}"
        return cls(source, part if message.action_id or message.content_id else "")


def message_findings(readings: Readings) -> Iterable[Finding]:
    """What all checks of messages find, failures first."""
    for metric in UNSENT:
        yield from _failing(readings, metric)
    yield from _flat_lines(readings)
    yield from _odd_states(readings)
    yield from _rising(readings, "rising_bounces", "bounced", "sent")
    yield from _rising(readings, "rising_complaints", "spammed", "delivered")


def silent_since_start(readings: Readings) -> list[str]:
    """Running sources that sent nothing in the whole series, so that no usual gap is known."""
    return [each.name for each in readings.sources if _sends(each) and not any(each.days("sent"))]


def _failing(readings: Readings, metric: str) -> Iterable[Finding]:
    page = readings.unsent.get(metric)
    if page is None:
        return
    reasons: dict[Template, Counter[str]] = defaultdict(Counter)
    for message in page.messages:
        if template := Template.of(message):
            reasons[template][message.failure_message or ""] += 1
    known = {each.ref: each for each in readings.sources}
    for template, counts in sorted(reasons.items(), key=lambda item: -item[1].total()):
        days, count = known.get(template.source), counts.total()
        total = days.week("sent", *(SERIES.get(name, name) for name in UNSENT)) if days else 0
        limit, (reason, most) = LIMITS[metric], counts.most_common(1)[0]
        unverified = _names_sender(reason)
        if not unverified and (count < limit.count or (total and count < limit.share * total)):
            continue
        at_least = "at least " if page.next else ""
        of = f" of {total:,} messages of its source" if total else " messages; how many it sent was not read"
        same = "" if most == count else f", {most:,} of them for this reason"
        name = days.source.name if days else None
        yield Finding(
            check="unverified_sender" if unverified else "failing_messages",
            what=f"{source_label(template.source, name)}{f', {template.part}' if template.part else ''}",
            number=f"{at_least}{count:,}{of} {metric} in {WEEK_DAYS} days{same}",
            reason=reason or None,
            threshold="1 message" if unverified else f"{limit.count} messages and {limit.share:.0%}",
            source=f"GET /v1/messages?metric={metric} (the newest {MAX_MESSAGES}), and the source's metrics",
            next=(
                "get_workspace(section=senders)"
                if unverified
                else f"list_messages({_arguments(template.source)}, metric={metric})"
            ),
        )


def _names_sender(reason: str) -> bool:
    """Whether a reason says that a sender or its domain is not verified; Customer.io has no field for it."""
    words = reason.casefold()
    unverified = "verif" in words or "authenticat" in words
    return unverified and any(each in words for each in ("sender", "from address", "sending domain"))


def _flat_lines(readings: Readings) -> Iterable[Finding]:
    for each in readings.sources:
        days = [place for place, count in enumerate(each.days("sent")) if count]
        gaps = [later - earlier for earlier, later in pairwise(days)]
        if not _sends(each) or len(gaps) < MIN_GAPS:
            continue
        silent, longest = SERIES_DAYS - 1 - days[-1], max(gaps)
        regular = longest - min(gaps) <= REGULAR_DAYS
        if silent <= SILENCE * longest or not (regular or _chance(days, silent) < CHANCE):
            continue
        yield Finding(
            check="flat_line",
            what=f"{each.name} sent nothing since {readings.starts[days[-1]].date()}",
            number=f"{silent} days; the longest gap before was {longest}",
            threshold=f"more than {SILENCE} times its longest gap in {SERIES_DAYS} days",
            source=_metrics_path(each),
            next=f"get_metrics({_arguments(each.ref)}), get_campaign({_arguments(each.ref)})",
        )


def _chance(days: list[int], silent: int) -> float:
    """How likely the silence is if each day had the share of days with messages, independent of the others."""
    share = (len(days) - 1) / (days[-1] - days[0])
    return float((1 - share) ** silent)


def _sends(each: SourceDays) -> bool:
    """Whether a source may send any day; a newsletter is sent once, and a stopped campaign no longer."""
    return each.kind != "newsletter" and not (isinstance(each.source, Campaign) and not each.source.running)


def _odd_states(readings: Readings) -> Iterable[Finding]:
    for each in readings.sources:
        campaign = each.source
        if not isinstance(campaign, Campaign) or campaign.running:
            continue
        changed = campaign.updated
        first = (
            sum(start <= changed for start in readings.starts) if changed else SERIES_DAYS - ENDED_DAYS
        )  # the day after the change
        first = max(first, SERIES_DAYS - WEEK_DAYS)
        state = word(campaign.state) if campaign.state else "not running"
        if count := sum(each.days("sent")[first:]):
            yield Finding(
                check="odd_state",
                what=f"{each.name} is {state} and still sends, maybe to people who are in it",
                number=f"{count:,} sent since {readings.starts[first].date()}",
                threshold="1 message after the day of the campaign's last change",
                source=_metrics_path(each),
                next=f"list_messages({_arguments(each.ref)}, metric=sent)",
            )
    for campaign in readings.campaigns:
        if campaign.active and campaign.state in {"stopped", "draft"}:
            label = source_label(SourceRef("campaign", campaign.id), campaign.name)
            yield Finding(
                check="odd_state",
                what=f"{label} is active and {word(campaign.state)}",
                number="1 contradiction",
                threshold="active and state disagree",
                source="GET /v1/campaigns",
                next=f"get_campaign(kind=campaign, id={campaign.id})",
            )


def _rising(readings: Readings, check: Check, metric: str, basis: str) -> Iterable[Finding]:
    """A source whose rate rose; else all sources together."""
    single = [each for each in readings.sources if each.kind != "newsletter"]
    confidence = bonferroni(len(single) + 1, CONFIDENCE)
    risen = [each for each in single if _rose(each.week, each.before, metric, basis, confidence)]
    for each in risen:
        yield _rise(readings, check, metric, basis, each)
    if not risen and _rose(_sum(readings, "week"), _sum(readings, "before"), metric, basis, confidence):
        yield _rise(readings, check, metric, basis, None)


Total = Callable[..., int]
"""The sum of metrics over a time."""


def _sum(readings: Readings, span: str) -> Total:
    def total(*metrics: str) -> int:
        return sum(getattr(each, span)(*metrics) for each in readings.sources)

    return total


def _rose(week: Total, before: Total, metric: str, basis: str, confidence: float) -> bool:
    now, then = _proportion(week, metric, basis), _proportion(before, metric, basis)
    if now is None or then is None or now.count < MIN_RISEN or now.share < RISE * then.share:
        return False
    return newcombe(now, then, confidence).low > 0


def _proportion(total: Total, metric: str, basis: str) -> Proportion | None:
    count, of = total(metric), total(basis)
    return Proportion(count, of) if of and count <= of else None


def _rise(readings: Readings, check: Check, metric: str, basis: str, each: SourceDays | None) -> Finding:
    week, before = (each.week, each.before) if each else (_sum(readings, "week"), _sum(readings, "before"))
    share = week(metric) / week(basis)
    earlier = before(metric) / before(basis)
    return Finding(
        check=check,
        what=each.name if each else f"all {len(readings.sources)} sources together",
        number=(
            f"{share:.2%} ({week(metric):,} of {week(basis):,} {basis}) in {WEEK_DAYS} days, "
            f"after {earlier:.2%} ({before(metric):,} of {before(basis):,}) in the four weeks before"
        ),
        threshold=(
            f"{MIN_RISEN} in the week, {RISE} times the earlier rate, and above 0 in Newcombe's "
            f"{CONFIDENCE:.0%} interval of the difference, corrected for all sources"
        ),
        source=_metrics_path(each) if each else "the metrics of each source, by day",
        next=(
            f"list_messages({f'{_arguments(each.ref)}, ' if each else ''}metric={metric}), "
            + (
                f"compare_metrics(kind={each.kind}, ids=[{word(each.ref.id)}], metric={metric})"
                if each
                else "recent_events()"
            )
        ),
    )


def _metrics_path(each: SourceDays) -> str:
    plural = "transactional" if each.kind == "transactional" else f"{each.kind}s"
    return f"GET /v1/{plural}/{word(each.ref.id)}/metrics, {SERIES_DAYS} days of Eastern time"


def _arguments(ref: SourceRef) -> str:
    return f"kind={ref.kind}, id={word(ref.id)}"
