"""From facts to verdicts, without any I/O: what came of a message, or what kept it from being created.

Where there is a message, only what held when it was created counts: an unsubscription after it explains nothing.
Where there is none, each rule of `RULES` looks for one cause, and all that are found count.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cio_mcp.customerio.api.base import Content, Message
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.text.sanitize import quoted, quoted_name
from cio_mcp.text.spelling import closest_names
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.message_preview import listed_names, missing_attributes, missing_data, required_by
from cio_mcp.tools.core.deliveries import channel_of, timeline
from cio_mcp.tools.core.explain_delivery_facts import Facts, received_late
from cio_mcp.tools.core.explain_delivery_verdicts import MEANINGS, PRECEDENCE, Verdict

PROCESSING = timedelta(minutes=10)
"""How long after its trigger a message counts as waiting. Chosen."""

STATES: dict[Verdict, tuple[str, ...]] = {
    "delivered": (
        "delivered", "opened", "human_opened", "prefetch_opened", "machine_opened", "clicked", "human_clicked",
        "prefetch_clicked", "machine_clicked", "converted", "replied", "unsubscribed", "topic_unsubscribed", "spammed",
    ),
    "bounced": ("bounced",),
    "suppressed": ("dropped", "suppressed"),
    "undeliverable": ("undeliverable",),
    "failed": ("failed",),
    "sent_not_confirmed": ("sent",),
    "drafted": ("drafted",),
    "scheduled_or_waiting": ("deferred", "attempted", "created"),
}  # fmt: skip
"""Which state each metric of a message means, the strongest first; the latest decides, then the strongest."""

REASONS: tuple[tuple[Verdict, tuple[str, ...]], ...] = (
    ("topic_off", ("topic", "subscription preference")),
    ("unsubscribed", ("unsubscribed",)),
    ("suppressed", ("suppress",)),
    ("no_address", ("no address", "no email", "no phone", "no device", "missing recipient", "empty recipient")),
)
"""What Customer.io's reason for not sending a message means, by words in it; no source, the texts are not published."""

CHANNEL_NEEDS: dict[str, tuple[str, Callable[[Person], object]]] = {
    "email": ("email address", lambda person: person.email),
    "sms": ("phone number", lambda person: person.phone),
    "whatsapp": ("phone number", lambda person: person.phone),
    "push": ("device", lambda person: person.devices),
}
"""What the profile needs for a channel; the other channels need nothing."""
CHANNELS = CHANNEL_NEEDS.keys() | {"in_app", "inbox", "inbox_message", "webhook", "slack"}
"""The types of actions that are messages; a campaign also has delays and other steps."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A verdict with its reason in a sentence; one that is not `certain` is likely."""

    verdict: Verdict
    because: str
    certain: bool = True


def causes_of(facts: Facts) -> list[Cause]:
    """All causes, the main one first; never none."""
    if (message := facts.answered) is not None:
        return _of_message(facts, message)
    causes = [cause for rule in RULES for cause in rule(facts)]
    blocked = [cause for cause in causes if cause.verdict not in {"scheduled_or_waiting", "already_received"}]
    ordered = sorted(blocked or causes, key=lambda cause: PRECEDENCE[cause.verdict])
    return ordered or [Cause("not_visible", _nothing_found(facts), certain=False)]


def state_of(message: Message) -> tuple[Verdict, datetime | None]:
    """What came of a message, and when: the latest of its metrics decides; one without a time is the latest."""
    happened = timeline(message)
    best: tuple[tuple[bool, float, int], Verdict, datetime | None] | None = None
    for strength, (verdict, metrics) in enumerate(reversed(STATES.items())):
        for metric in metrics:
            if metric in happened:
                at = happened[metric]
                rank = (at is None, at.timestamp() if at else 0.0, strength)
                best = max(best, (rank, verdict, at), key=lambda each: each[0]) if best else (rank, verdict, at)
    return (best[1], best[2]) if best else ("scheduled_or_waiting", message.created)


def _of_message(facts: Facts, message: Message) -> list[Cause]:
    verdict, at = state_of(message)
    when = f" on {moment(at)}" if at else ""
    match verdict:
        case "delivered" | "sent_not_confirmed" | "bounced":
            done = {"delivered": "was delivered", "bounced": "bounced"}.get(verdict, "was sent")
            reported = "; no delivery is reported" if verdict == "sent_not_confirmed" else ""
            spam = " The recipient marked it as spam." if "spammed" in message.metrics else ""
            return [Cause(verdict, f"The {channel_of(message)} message {done}{when}{reported}.{spam}")]
        case "suppressed":
            return [Cause(verdict, f"The message was dropped{when}, because its address is suppressed.")]
        case "undeliverable":
            return _reasons(facts, message) or [Cause(verdict, f"Customer.io did not send the message{when}.")]
        case "failed":
            return [Cause(verdict, f"The message failed{when}."), *_missing_data(facts)]
        case "drafted":
            return [Cause(verdict, f"The message has been held as a draft since {moment(at or facts.at)}.")]
        case _:
            return [Cause(verdict, f"The message was created on {moment(facts.at)} and has not been sent yet.")]


def _reasons(facts: Facts, message: Message) -> list[Cause]:
    """Why Customer.io did not send a message: what it states first, then all else that held when it was created."""
    stated = (message.failure_message or "").casefold()
    meant = next((verdict for verdict, words in REASONS if any(word in stated for word in words)), None)
    no_address = [] if message.recipient else [Cause("no_address", "The message has no recipient address.")]
    held = [*_unsubscribed(facts), *_topic_off(facts), *no_address, *_suppressed(facts)]
    causes = {cause.verdict: cause for cause in held}
    if meant and meant not in causes:
        causes[meant] = Cause(meant, f"Customer.io states it as the reason. {MEANINGS[meant].means}")
    return sorted(causes.values(), key=lambda cause: (cause.verdict != meant, PRECEDENCE[cause.verdict]))


def _not_running(facts: Facts) -> Iterator[Cause]:
    match facts.source:
        case Campaign() | Broadcast() as source if not (source.active or source.state == "running"):
            state = f"in the state {quoted(source.state)}" if source.state else "not active"
            yield Cause("not_running", f"It is {state} now; since when is not visible.")
        case Newsletter(sent_at=None):
            yield Cause("not_running", "The newsletter has not been sent.")
        case Campaign() | Broadcast() if facts.contents and all(each.sending_state == "off" for each in facts.contents):
            yield Cause("not_running", "All of its messages are switched off.")


def _never_triggered(facts: Facts) -> Iterator[Cause]:
    match facts.source:
        case Campaign(event_name=str(name)) as campaign if facts.events is not None:
            yield from _without_event(facts, campaign, name)
        case Campaign(date_attribute=str(name)) if facts.person.attributes.get(name) in (None, ""):
            yield Cause("never_triggered", f"The profile has no date in the attribute {quoted_name(name)}.")
        case Broadcast() if facts.triggers == ():
            yield Cause("never_triggered", "The broadcast was never triggered.")
        case TransactionalMessage():
            since = f"since {moment(facts.back_to)}" if facts.back_to else "in the last 12 months"
            because = f"No send of it to this customer is visible {since}."
            yield Cause("never_triggered", because, certain=facts.back_to is None)
        case None if not list(_standing(facts)) and not _started(facts):
            yield Cause(
                "never_triggered",
                "There is no message in the last 30 days, and nothing visible would have started one.",
                certain=False,
            )


def _without_event(facts: Facts, campaign: Campaign, name: str) -> Iterator[Cause]:
    event = facts.event
    if event is None or event.timestamp is None:
        others = sorted({each.name for each in facts.activities or () if each.name and each.type == "event"} - {name})
        near = closest_names(name, others)
        hint = f" Similar events came: {listed_names(near)}." if near else ""
        yield Cause(
            "never_triggered", f"The event {quoted_name(name)} did not come for them in the last 30 days.{hint}"
        )
    elif campaign.first_started and event.timestamp < campaign.first_started:
        yield Cause(
            "never_triggered",
            f"The event came on {moment(event.timestamp)}, before the campaign first started on"
            f" {moment(campaign.first_started)}.",
        )
    elif late := received_late(event):
        yield Cause(
            "never_triggered",
            f"The event is dated {moment(event.timestamp)} and was received on {moment(late)}. Events older than"
            " 72 hours start no campaign.",
            certain=False,
        )


def _failed_trigger(facts: Facts) -> Iterator[Cause]:
    if facts.trigger_failed and facts.trigger and facts.trigger.created_at:
        yield Cause(
            "failed",
            f"The trigger of {moment(facts.trigger.created_at)} has errors, and one fails all of its messages.",
        )


def _not_in_audience(facts: Facts) -> Iterator[Cause]:
    created = facts.since("cio_id")
    if isinstance(facts.source, Newsletter | Broadcast) and facts.due and created and created > facts.due:
        yield Cause(
            "not_in_audience",
            f"The profile was created on {moment(created)}, after the message went out on {moment(facts.due)}.",
        )
    if facts.segments is None:
        return
    member = {segment.id for segment in facts.segments}
    for role, ids in segment_roles(facts):
        if ids and not member & set(ids):
            names = ", ".join(segment_name(facts, each) for each in ids[:5])
            more = f", and {len(ids) - 5} more" if len(ids) > 5 else ""  # noqa: PLR2004 - as many as are named
            yield Cause("not_in_audience", f"The customer is not in the {role} {names}{more}.", certain=False)


def segment_roles(facts: Facts) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The segments that decide about the audience, as far as the API returns them, by their part in it."""
    match facts.source:
        case Campaign() as campaign:
            return (
                ("segment of its trigger:", campaign.trigger_segment_ids),
                ("segment of its filter:", campaign.filter_segment_ids),
            )
        case Newsletter() as newsletter:
            return (("segment of its recipients:", newsletter.recipient_segment_ids),)
        case _:
            return ()


def segment_name(facts: Facts, id_: str) -> str:
    """A segment by name and ID."""
    name = facts.segment_names.get(id_)
    return f"{quoted_name(name)} ({id_})" if name else id_


def _subscribers_only(facts: Facts) -> bool:
    return not (isinstance(facts.source, TransactionalMessage) and facts.source.send_to_unsubscribed is not False)


def _unsubscribed(facts: Facts) -> Iterator[Cause]:
    if not facts.person.unsubscribed:
        return
    at = facts.since("unsubscribed")
    if at is None:
        yield Cause(
            "unsubscribed", "The customer is unsubscribed; since when is not visible.", certain=facts.answered is None
        )
    elif at <= facts.at:
        yield Cause("unsubscribed", f"The customer has been unsubscribed since {moment(at)}.")


def _absent_unsubscribed(facts: Facts) -> Iterator[Cause]:
    if _subscribers_only(facts):
        yield from _unsubscribed(facts)


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
        if (own.get(topic.id) is False if facts.person.unsubscribed else not topic.subscribed)
    }


def _own_topics(person: Person) -> dict[str, object]:
    value = person.attributes.get("cio_subscription_preferences")
    try:
        preferences = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    topics = preferences.get("topics") if isinstance(preferences, dict) else None
    return {name.removeprefix("topic_"): each for name, each in topics.items()} if isinstance(topics, dict) else {}


def _topic_off(facts: Facts) -> Iterator[Cause]:
    topic = topic_of(facts)
    off = topics_off(facts)
    changed = facts.since("cio_subscription_preferences")
    if topic in off and not (changed and changed > facts.at):
        since = f" The preferences last changed on {moment(changed)}." if changed else ""
        yield Cause("topic_off", f"The customer is not subscribed to the topic {quoted_name(off[topic])}.{since}")


def channels_of(contents: Iterable[Content]) -> list[str]:
    """The channels of the messages among contents, in Customer.io's words."""
    types = ("sms" if each.type == "twilio" else each.type for each in contents)
    return list(dict.fromkeys(each for each in types if each in CHANNELS))


def _no_address(facts: Facts) -> Iterator[Cause]:
    channels = list(CHANNEL_NEEDS) if facts.source is None else channels_of(facts.contents or ())
    needs = [CHANNEL_NEEDS.get(channel) for channel in channels]
    if needs and all(need is not None and not need[1](facts.person) for need in needs):
        lacking = dict.fromkeys(need[0] for need in needs if need)
        yield Cause("no_address", f"The profile has no {' and no '.join(lacking)}.")


def _suppressed(facts: Facts) -> Iterator[Cause]:
    if facts.source is not None and (facts.contents is None or "email" not in channels_of(facts.contents)):
        return
    for entry in facts.suppressions.suppressions if facts.suppressions else ():
        if entry.created is None or entry.created <= facts.at:
            since = f" since {moment(entry.created)}" if entry.created else ""
            yield Cause("suppressed", f"The email provider has suppressed the address{since}.")
            return


def _missing_data(facts: Facts) -> Iterator[Cause]:
    """What the template of the message requires, and the event or the profile lacks."""
    message = facts.answered
    own = [each for each in facts.contents or () if message and each.id in {message.action_id, message.content_id}]
    required = required_by(own) or frozenset()
    missing = [] if facts.data is None else missing_data(required, facts.data)
    if missing:
        yield Cause("missing_data", f"The template requires event data that is missing: {listed_names(missing)}.")
    if lacking := missing_attributes(required, facts.person):
        yield Cause(
            "missing_data",
            f"The template requires attributes that the profile lacks now: {listed_names(lacking)}.",
            certain=False,
        )


def _waiting(facts: Facts) -> Iterator[Cause]:
    match facts.source:
        case Broadcast() if facts.trigger and facts.trigger.processed_at is None:
            yield Cause("scheduled_or_waiting", "The latest trigger has not been processed yet.")
        case Newsletter(sent_at=datetime() as at) if at > facts.now:
            yield Cause("scheduled_or_waiting", f"It is scheduled for {moment(at)}.")
        case Campaign() if facts.due and facts.due > facts.now - PROCESSING:
            yield Cause(
                "scheduled_or_waiting",
                f"The event came on {moment(facts.due)}; messages can follow later.",
                certain=False,
            )


def _already_received(facts: Facts) -> Iterator[Cause]:
    if facts.message is None or facts.due is None or not isinstance(facts.source, Campaign):
        return
    verdict, at = state_of(facts.message)
    if verdict in {"delivered", "sent_not_confirmed"}:
        done = "delivered" if verdict == "delivered" else "sent"
        yield Cause(
            "already_received",
            f"A message of it was {done} on {moment(at or facts.now)}. The event came again on {moment(facts.due)} and"
            " has created none: customers may not enter again, or the message waits in a delay.",
            certain=False,
        )


def _standing(facts: Facts) -> Iterator[Cause]:
    """What keeps a customer from any message."""
    yield from _absent_unsubscribed(facts)
    yield from _no_address(facts)
    yield from _suppressed(facts)


def _started(facts: Facts) -> bool:
    """Whether an event of the customer or one of their segments starts a running campaign."""
    events = {each.name for each in facts.activities or () if each.type == "event"}
    member = {segment.id for segment in facts.segments or ()}
    unknown = None in (facts.activities, facts.segments, facts.campaigns)
    return unknown or any(
        each.event_name in events or member & set(each.trigger_segment_ids)
        for each in facts.campaigns or ()
        if each.running
    )


def _nothing_found(facts: Facts) -> str:
    match facts.source:
        case Campaign(event_name=str(name)) if facts.due:
            return f"The event {quoted_name(name)} came on {moment(facts.due)} and created no message."
        case Broadcast():
            return "The broadcast was triggered and created no message for this customer. Its audience is not visible."
        case Newsletter():
            return "The newsletter was sent, and nothing visible excludes this customer."
        case None:
            return "There is no message in the last 30 days, and the cause is not visible."
        case _:
            return "It is running, and no message of it to this customer is visible in the last 12 months."


RULES: tuple[Callable[[Facts], Iterator[Cause]], ...] = (
    _not_running,
    _never_triggered,
    _failed_trigger,
    _not_in_audience,
    _absent_unsubscribed,
    _topic_off,
    _no_address,
    _suppressed,
    _waiting,
    _already_received,
)
"""The rules for a message that was not created."""
