"""Answers of the campaign tools: a page of one kind, and one campaign with its messages."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from cio_mcp.text.sanitize import quoted_name, quoted_text
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

    def lines(self) -> Iterable[str]:
        """Each on a line."""
        count = len(self.campaigns) if self.total is None else self.total
        on_page = " on this page" if self.total is None else ""
        yield f"{count} {KIND_NAMES[self.kind]}{'' if count == 1 else 's'}{on_page}"
        yield from (row.line() for row in self.campaigns)
        yield from self.more(self.total)
        if self.searched:
            yield f"Only the newest {self.searched} were searched."


class SegmentName(AnswerPart):
    """A segment by name; only its id is known where it is archived."""

    id: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{quoted_name(self.name)} ({self.id})" if self.name else self.id


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
        ]
        return ", ".join([f"  {self.id}", *filter(None, facts)])


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
    messages: tuple[MessageRow, ...] = ()
    messages_total: int = 0

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
        yield f"{self.messages_total} message{'' if self.messages_total == 1 else 's'}"
        yield from (message.line() for message in self.messages)
        yield from self.more(self.messages_total)


def tag_text(tags: tuple[str, ...] | None) -> str | None:
    """The tags in words."""
    return f"tags {', '.join(quoted_name(tag) for tag in tags)}" if tags else None
