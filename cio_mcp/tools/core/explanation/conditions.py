"""What keeps a customer from a message at a time: the conditions that `explain_delivery` checks, without any I/O.

Only what held at `Facts.at` counts: an unsubscription after a message was created explains nothing about it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cio_mcp.customerio.api.base import Activity, Content
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.text.sanitize import quoted_name
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.channel_needs import NEEDS, has_no_address
from cio_mcp.tools.core.explanation.facts import Facts
from cio_mcp.tools.core.explanation.verdicts import Verdict

CHANNELS = NEEDS.keys() | {"in_app", "inbox", "inbox_message", "webhook", "slack"}
"""The types of actions that are messages; a campaign also has delays and other steps."""
OPTOUT_CHANNELS = frozenset({"sms", "whatsapp"})
"""The channels whose senders people can opt out of."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A verdict with its reason in a sentence; one that is not `certain` is likely."""

    verdict: Verdict
    because: str
    certain: bool = True


def unsubscribed(facts: Facts) -> Iterator[Cause]:
    """Whether the customer was unsubscribed from everything."""
    at = facts.since("unsubscribed")
    if change := _first_change_after(facts, "unsubscribed"):
        if str(change.data and change.data["unsubscribed"].get("from")).lower() == "true" and change.timestamp:
            changed = moment(change.timestamp)
            yield Cause("unsubscribed", f"The customer was unsubscribed then, and resubscribed on {changed}.")
    elif facts.person.unsubscribed and at is None:
        certain = facts.answered is None
        yield Cause("unsubscribed", "The customer is unsubscribed; since when is not visible.", certain=certain)
    elif facts.person.unsubscribed and at and at <= facts.at:
        yield Cause("unsubscribed", f"The customer has been unsubscribed since {moment(at)}.")


def _first_change_after(facts: Facts, name: str) -> Activity | None:
    """The first change of an attribute after the time in question, which states what it was until then."""
    changes = [
        each
        for each in facts.activities or ()
        if each.type == "attribute_change"
        and each.timestamp
        and each.timestamp > facts.at
        and isinstance((each.data or {}).get(name), dict)
    ]
    return min(changes, key=lambda each: each.timestamp or facts.now, default=None)


def subscribers_only(facts: Facts) -> bool:
    """Whether the message is not sent to unsubscribed customers, as far as its own setting decides."""
    return not (isinstance(facts.source, TransactionalMessage) and facts.source.send_to_unsubscribed is not False)


def opted_out(facts: Facts) -> Iterator[Cause]:
    """Whether the customer opted out of the sender of an SMS or WhatsApp message; since when is not visible."""
    contents = messages_among(facts.contents or ())
    if not facts.optouts or not contents or not {channel for channel, _ in contents} <= OPTOUT_CHANNELS:
        return
    senders = {content.from_ for _, content in contents if content.from_}
    out = {each.from_ for each in facts.optouts}
    if senders and senders <= out:
        yield Cause("unsubscribed", "The customer opted out of the sender of this message.", certain=False)
    elif not senders:
        yield Cause(
            "unsubscribed", "The customer opted out of a sender of SMS or WhatsApp messages; which one sends this"
            " message is not visible.", certain=False,
        )  # fmt: skip


def topic_of(facts: Facts) -> str | None:
    """The subscription topic of a newsletter; of the other kinds the API does not return it."""
    return facts.source.subscription_topic_id if isinstance(facts.source, Newsletter) else None


def topics_off(facts: Facts) -> dict[str, str]:
    """The topics that the customer is not subscribed to, by ID with their names.

    For an unsubscribed customer only what the profile itself states counts, since all topics may be shown as off.
    """
    listed = facts.subscriptions.topics if facts.subscriptions else ()
    own = _own_topics(facts.person)
    return {
        topic.id: topic.name
        for topic in listed
        if (own.get(topic.id) is False if facts.person.unsubscribed else topic.subscribed is False)
    }


def _own_topics(person: Person) -> dict[str, object]:
    value = person.attributes.get("cio_subscription_preferences")
    try:
        preferences = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    topics = preferences.get("topics") if isinstance(preferences, dict) else None
    return {name.removeprefix("topic_"): each for name, each in topics.items()} if isinstance(topics, dict) else {}


def topic_off(facts: Facts) -> Iterator[Cause]:
    """Whether the customer was not subscribed to the topic of a newsletter."""
    topic = topic_of(facts)
    off = topics_off(facts)
    changed = facts.since("cio_subscription_preferences")
    if topic in off and not (changed and changed > facts.at):
        since = f" The preferences last changed on {moment(changed)}." if changed else ""
        yield Cause("topic_off", f"The customer is not subscribed to the topic {quoted_name(off[topic])}.{since}")


def messages_among(contents: Iterable[Content]) -> list[tuple[str, Content]]:
    """The messages among the steps of a source, each with its channel in Customer.io's words."""
    typed = (("sms" if each.type == "twilio" else each.type or "", each) for each in contents)
    return [(channel, each) for channel, each in typed if channel in CHANNELS]


def channels_of(contents: Iterable[Content]) -> list[str]:
    """The channels of the messages among contents."""
    return list(dict.fromkeys(channel for channel, _ in messages_among(contents)))


def no_address(facts: Facts) -> Iterator[Cause]:
    """Whether the profile lacks an address for every channel of the message."""
    channels = list(NEEDS) if facts.source is None else channels_of(facts.contents or ())
    if has_no_address(facts.person, channels):
        lacking = dict.fromkeys(NEEDS[channel].noun for channel in channels)
        yield Cause("no_address", f"The profile has no {' and no '.join(lacking)}.")


def suppressed(facts: Facts) -> Iterator[Cause]:
    """Whether the email provider suppresses the address."""
    if facts.source is not None and (facts.contents is None or "email" not in channels_of(facts.contents)):
        return
    for entry in facts.suppressions.suppressions if facts.suppressions else ():
        if entry.created is None or entry.created <= facts.at:
            since = f" since {moment(entry.created)}" if entry.created else ""
            yield Cause("suppressed", f"The email provider has suppressed the address{since}.")
            return
