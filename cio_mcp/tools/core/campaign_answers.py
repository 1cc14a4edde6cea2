"""Answers of the campaign tools: a page of one kind, and one campaign with its messages."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from cio_mcp.text.sanitize import quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.lookup import KIND_NAMES
from cio_mcp.tools.common.pages import PageAnswer
from cio_mcp.tools.common.person_ref import AnswerPart


class CampaignRow(AnswerPart):
    """One line of the list."""

    id: str
    name: str
    state: str | None = None
    starts_on: Prose | None = None
    sent_at: datetime | None = None
    sent: int | None = None
    updated: datetime | None = None
    tags: tuple[str, ...] | None = None

    def line(self) -> str:
        """One line, the most important first."""
        count = "" if self.sent is None else f" ({self.sent:,} messages)"
        when = f"sent {moment(self.sent_at)}{count}" if self.sent_at else self.state
        start = f"starts on {self.starts_on}" if self.starts_on else None
        updated = f"updated {moment(self.updated)}" if self.updated else None
        facts = [when, start, tag_text(self.tags), updated]
        return ", ".join([f"{self.id} {quoted_name(self.name)}", *filter(None, facts)])


class CampaignList(PageAnswer):
    """A page of things of one kind."""

    kind: Kind
    campaigns: tuple[CampaignRow, ...]
    total: int | None = None
    searched: int | None = Field(default=None, description="Search covered only this many of the newest")
    elsewhere: str | None = None

    def lines(self) -> Iterable[str]:
        """Each on a line."""
        count = len(self.campaigns) if self.total is None else self.total
        on_page = " on this page" if self.total is None else ""
        yield f"{count} {KIND_NAMES[self.kind]}{'' if count == 1 else 's'}{on_page}"
        yield from (row.line() for row in self.campaigns)
        yield from self.more(self.total)
        if self.searched:
            yield f"Only the newest {self.searched} were searched."
        if self.elsewhere:
            yield self.elsewhere


class SegmentName(AnswerPart):
    """A segment by name; only its id is known where it is archived."""

    id: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{quoted_name(self.name)} ({self.id})" if self.name else self.id


class StepCounts(AnswerPart):
    """People at one step of a campaign: those who reached it and those who did not are all journeys."""

    reached: int
    not_reached: int | None = None
    sent: int
    not_sent: dict[str, int] | None = None
    pending: int | None = None

    def __str__(self) -> str:
        reasons = ", ".join(f"{name} {count:,}" for name, count in (self.not_sent or {}).items())
        facts = [
            f"reached by {self.reached:,}" + ("" if self.not_reached is None else f" (not by {self.not_reached:,})"),
            f"sent {self.sent:,}",
            reasons and f"not sent: {reasons}",
            f"waiting or a draft: {self.pending:,}" if self.pending else "",
        ]
        return "; ".join(filter(None, facts))


class JourneyCounts(AnswerPart):
    """Journeys by outcome; `in_progress` is derived, the rest are Customer.io's counts."""

    since: datetime
    started: int
    finished: int
    exited_early: int
    never_activated: int
    in_progress: int | None = None
    converted: int

    def line(self) -> str:
        """One line: all who entered, then the parts that add up to them."""
        going_on = "" if self.in_progress is None else f", {self.in_progress:,} still in it (derived: the rest)"
        return (
            f"{self.started:,} journeys since {moment(self.since)}: {self.finished:,} finished, {self.exited_early:,} "
            f"left early, {self.never_activated:,} filtered out before the first step{going_on}. "
            f"Of them {self.converted:,} converted"
        )


class MessageRow(AnswerPart):
    """One message: an action of a campaign, or a variant of a newsletter or transactional message."""

    id: str
    type: str | None = None
    name: str | None = None
    subject: Untrusted | None = None
    language: str | None = None
    sender: str | None = None
    sending_state: str | None = None
    test_group: str | None = None
    winner: bool | None = None
    parent: str | None = None
    people: StepCounts | None = None

    def line(self) -> str:
        """One line: name and kind, then content."""
        facts = [
            self.type,
            self.name and quoted_name(self.name),
            self.subject and f"subject {quoted_text(self.subject)}",
            self.language and f"language {quoted_name(self.language)}",
            self.sender and f"from {quoted_name(self.sender)}",
            self.sending_state,
            self.test_group and f"test group {quoted_name(self.test_group)}",
            "winner" if self.winner else None,
            self.parent and f"a branch of {word(self.parent)}",
        ]
        text = ", ".join([f"  {self.id}", *filter(None, facts)])
        return f"{text}: {self.people}" if self.people else text


class CampaignAnswer(PageAnswer):
    """One campaign, broadcast, newsletter or transactional message, with a page of its messages."""

    kind: Kind
    id: str
    name: str
    state: str | None = None
    starts: Prose
    event_name: str | None = None
    trigger_segments: tuple[SegmentName, ...] | None = None
    filter_segments: tuple[SegmentName, ...] | None = None
    recipient_segments: tuple[SegmentName, ...] | None = None
    subscription_topic: str | None = None
    description: Untrusted | None = None
    first_started: datetime | None = None
    sent_at: datetime | None = None
    created: datetime | None = None
    updated: datetime | None = None
    tags: tuple[str, ...] | None = None
    send_to_unsubscribed: bool | None = None
    queue_drafts: bool | None = None
    variables: tuple[str, ...] | None = Field(default=None, description="Variables in its template")
    journeys: JourneyCounts | None = None
    messages: tuple[MessageRow, ...] = ()
    messages_total: int = 0
    notes: tuple[Prose, ...] | None = None

    def lines(self) -> Iterable[str]:
        """Name, trigger, audience, schedule, and messages."""
        yield ", ".join(filter(None, [f"{KIND_NAMES[self.kind]} {self.id} {quoted_name(self.name)}", self.state]))
        yield self.starts
        if self.subscription_topic:
            yield f"subscription topic {quoted_name(self.subscription_topic)}"
        if self.filter_segments:
            yield f"only for segment {', '.join(map(str, self.filter_segments))}"
        dates = {"first started": self.first_started, "sent": self.sent_at, "created": self.created}
        dates["updated"] = self.updated
        yield "; ".join(f"{name} {moment(when)}" for name, when in dates.items() if when)
        if line := ", ".join(filter(None, [tag_text(self.tags), self.description and quoted_text(self.description)])):
            yield line
        if self.send_to_unsubscribed:
            yield "also sent to unsubscribed people unless the send says otherwise"
        if self.queue_drafts:
            yield "held as a draft until someone sends it in Customer.io"
        if self.variables:
            yield f"its template uses {', '.join(quoted_name(name) for name in self.variables)}"
        if self.journeys:
            yield self.journeys.line()
        noun = "step" if self.kind == "campaign" else "message"
        in_order = ", in order" if self.kind == "campaign" and self.messages_total > 1 else ""
        yield f"{self.messages_total} {noun}{'' if self.messages_total == 1 else 's'}{in_order}"
        yield from (message.line() for message in self.messages)
        yield from self.notes or ()
        yield from self.more(self.messages_total)


def tag_text(tags: tuple[str, ...] | None) -> str | None:
    """The tags in words."""
    return f"tags {', '.join(quoted_name(tag) for tag in tags)}" if tags else None
