"""The evidence of `explain_delivery`, each fact with what it was read from, and what the API does not show."""

from collections.abc import Iterable, Iterator

from cio_mcp.customerio.api.base import Message
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.text.sanitize import quoted, quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Prose, Untrusted
from cio_mcp.tools.common.message_preview import DATA, listed_names, required_by
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.core.deliveries import channel_of
from cio_mcp.tools.core.explain_delivery_causes import segment_name, segment_roles
from cio_mcp.tools.core.explain_delivery_conditions import topics_off
from cio_mcp.tools.core.explain_delivery_facts import Facts
from cio_mcp.tools.core.explain_delivery_outcomes import state_of
from cio_mcp.tools.core.explain_delivery_verdicts import Verdict

MAX_NAMES = 5
"""Topics, segments, and earlier messages that are named. Chosen."""

JOURNEY = (
    "message limits and quiet hours",
    "whether customers may enter the campaign again",
    "conversion goals and exit criteria",
    "the subscription topic of the campaign",
    "the position of the customer in delays and branches",
)
NOT_SHOWN: dict[type, tuple[str, ...]] = {
    Campaign: JOURNEY,
    Broadcast: ("message limits", "the audience of the broadcast", "its subscription topic", "the data of the trigger"),
    Newsletter: ("message limits and sending rates", "conditions of the recipient filter other than segments"),
    TransactionalMessage: ("the data of the request", "requests that Customer.io rejected"),
    type(None): ("message limits and quiet hours", "the position of the customer in campaigns"),
}
"""What the App API does not return, by kind: https://docs.customer.io/integrations/api/app/"""
MEMBERSHIP = "when the customer joined or left a segment, and whether the audience includes or excludes it"
ARRIVED = ("whether the message is in the inbox or the spam folder",)
STOPPED = "since when it is not running"
OLDER_EVENTS = "events older than 30 days"
RECEIPT = "when an event was received, unless its ID holds the time"


class Evidence(AnswerPart):
    """A fact, and where it was read; `text` is what Customer.io or the email provider states about it."""

    fact: Prose
    source: str
    text: Untrusted | None = None

    def __str__(self) -> str:
        return f"{self.fact}{f' {quoted_text(self.text)}' if self.text else ''} [{self.source}]"


def evidence_of(facts: Facts) -> list[Evidence]:
    """All facts that bear on the verdict."""
    parts = (_profile, _subscription, _suppression, _source, _trigger, _audience, _template, _earlier)
    return [line for part in parts for line in part(facts)]


def not_visible(facts: Facts, verdict: Verdict) -> list[str]:
    """What the API does not show about this verdict, and what could not be read."""
    unread = [f"{name} (could not be read)" for name in facts.unread]
    if facts.back_to:
        unread.append(f"messages created before {moment(facts.back_to)} (too many to search)")
    if verdict == "delivered":
        return [*(ARRIVED if facts.answered and facts.answered.type == "email" else ()), *unread]
    if facts.answered is not None:
        hidden = ("the data of the request",) if facts.data is None and verdict == "failed" else ()
        limits = ("message limits",) if verdict == "undeliverable" else ()
        return [*hidden, *limits, *unread]
    if verdict == "not_running":
        return [STOPPED, *unread]
    receipt = [RECEIPT] if isinstance(facts.source, Campaign) and facts.source.event_name else []
    if verdict == "never_triggered" and isinstance(facts.source, Campaign):
        return [*([OLDER_EVENTS] if facts.event is None else []), *receipt, *unread]
    membership = [MEMBERSHIP] if any(ids for _, ids in segment_roles(facts)) else []
    return [*NOT_SHOWN[type(facts.source)], *membership, *receipt, *unread]


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
            state = "running" if source.active or source.state == "running" else word(source.state or "not active")
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
                listed = ", ".join(segment_name(facts, each) for each in chosen[:MAX_NAMES])
                more = f", and {len(chosen) - MAX_NAMES} more" if len(chosen) > MAX_NAMES else ""
                yield Evidence(fact=f"Now {verb} the {role} {listed}{more}.", source="segments")


def _template(facts: Facts) -> Iterator[Evidence]:
    required = required_by(facts.contents) if facts.contents else None
    names = sorted(path for path in required or () if path.partition(".")[0] in DATA)
    if names:
        yield Evidence(fact=f"The templates require {listed_names(names)}.", source="templates")
    if names and facts.event and facts.data is not None:
        yield Evidence(fact=f"The event had {listed_names(sorted(facts.data)) or 'no data'}.", source="activities")


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
    listed = list(names)
    more = f", and {len(listed) - MAX_NAMES} more" if len(listed) > MAX_NAMES else ""
    return ", ".join(quoted(name) for name in listed[:MAX_NAMES]) + more
