"""From facts to verdicts, without any I/O: what came of a message, or what kept it from being created.

Where there is no message, each rule of `RULES` looks for one cause, and all that are found count.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, quoted_name
from cio_mcp.text.spelling import closest_names
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.message_preview import listed_names
from cio_mcp.tools.core.explanation.conditions import (
    Cause,
    no_address,
    opted_out,
    subscribers_only,
    suppressed,
    topic_off,
    unsubscribed,
)
from cio_mcp.tools.core.explanation.facts import Facts, received_late
from cio_mcp.tools.core.explanation.outcomes import outcome_of, state_of
from cio_mcp.tools.core.explanation.verdicts import PRECEDENCE

PROCESSING = timedelta(minutes=10)
"""How long after its trigger a message counts as waiting. Chosen."""


def causes_of(facts: Facts) -> list[Cause]:
    """All causes, the main one first; never none."""
    if (message := facts.answered) is not None:
        return outcome_of(facts, message)
    causes = [cause for rule in RULES for cause in rule(facts)]
    blocked = [cause for cause in causes if cause.verdict not in {"scheduled_or_waiting", "already_received"}]
    ordered = sorted(blocked or causes, key=lambda cause: PRECEDENCE[cause.verdict])
    return ordered or [Cause("not_visible", _nothing_found(facts), certain=False)]


def _not_running(facts: Facts) -> Iterator[Cause]:
    match facts.source:
        case Campaign() | Broadcast() as source if not source.running:
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
            unsearched = facts.back_to or facts.activities_cut or facts.activities is None
            yield Cause("never_triggered", because, certain=not unsearched)
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
            names = join_first([segment_name(facts, each) for each in ids], 5)
            yield Cause("not_in_audience", f"The customer is not in the {role} {names}.", certain=False)


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


def _not_subscribed(facts: Facts) -> Iterator[Cause]:
    if subscribers_only(facts):
        yield from unsubscribed(facts)
    yield from opted_out(facts)


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
    yield from _not_subscribed(facts)
    yield from no_address(facts)
    yield from suppressed(facts)


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
    _not_subscribed,
    topic_off,
    no_address,
    suppressed,
    _waiting,
    _already_received,
)
"""The rules for a message that was not created."""
