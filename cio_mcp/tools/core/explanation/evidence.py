"""The evidence of `explain_delivery`: each fact with what it was read from."""

from collections.abc import Iterable, Iterator

from cio_mcp.customerio.api.base import Content, Message
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.message_preview import DATA, listed_names, required_by
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.core.deliveries import channel_of
from cio_mcp.tools.core.explanation.causes import segment_name, segment_roles
from cio_mcp.tools.core.explanation.conditions import messages_among, topics_off
from cio_mcp.tools.core.explanation.facts import LEEWAY, Facts
from cio_mcp.tools.core.explanation.outcomes import state_of

MAX_NAMES = 5
"""Topics, segments, and earlier messages that are named. Chosen."""


class Evidence(AnswerPart):
    """A fact, and where it was read; `text` is what Customer.io or the email provider states about it."""

    fact: Prose
    source: str
    text: Untrusted | None = None

    def __str__(self) -> str:
        return f"{self.fact}{f' {quoted_text(self.text)}' if self.text else ''} [{self.source}]"


def evidence_of(facts: Facts) -> list[Evidence]:
    """All facts that bear on the verdict."""
    parts = (_profile, _subscription, _suppression, _source, _trigger, _audience, _template, _uncreated, _earlier)
    return [line for part in parts for line in part(facts)]


def _profile(facts: Facts) -> Iterator[Evidence]:
    person = facts.person
    has = [name for name, value in (("an email address", person.email), ("a phone number", person.phone)) if value]
    count = len(person.devices)
    devices = f"{count} device{'' if count == 1 else 's'}" if count else "no device"
    yield Evidence(fact=f"The profile has {', '.join(has) or 'neither email address nor phone number'}, and {devices}.",
                   source="profile")  # fmt: skip


def _subscription(facts: Facts) -> Iterator[Evidence]:
    if not facts.person.unsubscribed:
        yield Evidence(fact="The customer is not unsubscribed.", source="profile")
    else:
        at = facts.since("unsubscribed")
        order = f", {'after' if at > facts.at else 'before'} this message was created" if at and facts.answered else ""
        since = f" since {moment(at)}" if at else ""
        yield Evidence(fact=f"The customer is unsubscribed{since}{order}.", source="profile")
    if facts.optouts:
        numbers = ", ".join(
            f"{word(each.channel)} from {quoted_name(each.from_)}" for each in facts.optouts[:MAX_NAMES]
        )
        yield Evidence(fact=f"Opted out of {len(facts.optouts)} senders: {numbers}.", source="opt-outs")
    if off := list(topics_off(facts).values()):
        yield Evidence(fact=f"Topics off: {_names(off)}.", source="subscription preferences")


def _suppression(facts: Facts) -> Iterator[Evidence]:
    if facts.suppressions is None:
        return
    for entry in facts.suppressions.suppressions[:1]:
        category = f" ({word(facts.suppressions.category)})" if facts.suppressions.category else ""
        since = f" since {moment(entry.created)}" if entry.created else ""
        later = (
            ", after this message was created" if entry.created and facts.answered and entry.created > facts.at else ""
        )
        yield Evidence(
            fact=f"The email provider suppresses the address{category}{since}{later}.",
            source="email provider",
            text=entry.reason,
        )
    if not facts.suppressions.suppressions:
        yield Evidence(fact="The email provider does not suppress the address.", source="email provider")


def _source(facts: Facts) -> Iterator[Evidence]:
    match facts.source:
        case Campaign() | Broadcast() as source:
            state = "running" if source.running else word(source.state or "not active")
            started = f", first started {moment(source.first_started)}" if source.first_started else ""
            frequency = (
                f", frequency {word(source.frequency)}" if isinstance(source, Campaign) and source.frequency else ""
            )
            yield Evidence(fact=f"State now: {state}{started}{frequency}.", source=type(source).__name__.lower())
        case Newsletter() as source:
            sent = f"It was sent on {moment(source.sent_at)}." if source.sent_at else "It has no sending time."
            yield Evidence(fact=sent, source="newsletter")
        case TransactionalMessage(send_to_unsubscribed=bool(anyway)):
            sent = "also sent" if anyway else "not sent"
            fact = f"It is {sent} to unsubscribed customers, unless a request says otherwise."
            yield Evidence(fact=fact, source="transactional message")


def _trigger(facts: Facts) -> Iterator[Evidence]:
    match facts.source:
        case Campaign(event_name=str(name)) if facts.event and facts.event.timestamp:
            yield Evidence(
                fact=f"The event {quoted_name(name)} last came on {moment(facts.event.timestamp)}.", source="activities"
            )
        case Campaign(event_name=str(name)) if facts.events is not None:
            yield Evidence(fact=f"No event {quoted_name(name)} in the last 30 days.", source="activities")
        case Broadcast() if facts.trigger and facts.trigger.created_at:
            yield Evidence(fact=f"It was last triggered on {moment(facts.trigger.created_at)}.", source="triggers")


def _audience(facts: Facts) -> Iterator[Evidence]:
    if facts.segments is None:
        return
    member = {segment.id for segment in facts.segments}
    for role, ids in segment_roles(facts):
        for held, verb in ((True, "in"), (False, "not in")):
            if chosen := [each for each in ids if (each in member) is held]:
                names = join_first([segment_name(facts, each) for each in chosen], MAX_NAMES)
                yield Evidence(fact=f"Now {verb} the {role} {names}.", source="segments")


def _template(facts: Facts) -> Iterator[Evidence]:
    required = required_by(facts.contents) if facts.contents else None
    names = sorted(path for path in required or () if path.partition(".")[0] in DATA)
    if names:
        yield Evidence(fact=f"The templates require {listed_names(names)}.", source="templates")
    if names and facts.event and facts.data is not None:
        yield Evidence(fact=f"The event had {listed_names(sorted(facts.data)) or 'no data'}.", source="activities")


def uncreated(facts: Facts) -> list[Content]:
    """The messages of a campaign of which none was created since the event, where another one was."""
    if not (isinstance(facts.source, Campaign) and facts.answered and facts.due):
        return []
    since = facts.due - LEEWAY
    all_messages = (each for each in (facts.message, *facts.earlier) if each)
    created = {message.action_id for message in all_messages if message.created and message.created >= since}
    return [content for _, content in messages_among(facts.contents or ()) if content.id not in created]


def _uncreated(facts: Facts) -> Iterator[Evidence]:
    if rest := [content.name or content.id for content in uncreated(facts)]:
        yield Evidence(
            fact=f"Of its other messages, none was created since the event: {_names(rest)}.", source="messages"
        )


def _earlier(facts: Facts) -> Iterator[Evidence]:
    before = facts.earlier if facts.answered else tuple(each for each in (facts.message, *facts.earlier) if each)
    lines = [_short(message) for message in before[:MAX_NAMES]]
    if lines:
        yield Evidence(fact=f"Earlier messages: {'; '.join(lines)}.", source="messages")


def _short(message: Message) -> str:
    """A message in a few words, with its ID if it did not arrive."""
    verdict, _ = state_of(message)
    created = f" of {moment(message.created)}" if message.created else ""
    id_ = "" if verdict == "delivered" else f" (id {word(message.id, 200)})"
    return f"{word(channel_of(message))}{created} {verdict.replace('_', ' ')}{id_}"


def _names(names: Iterable[str]) -> str:
    return join_first(list(names), MAX_NAMES, quoted)
