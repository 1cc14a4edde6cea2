"""The write tool for API-triggered broadcasts."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from pydantic import Field, JsonValue

from cio_mcp.customerio.api import triggers
from cio_mcp.customerio.api.base import Content, Reference
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.triggers import MAX_QUEUED, Trigger
from cio_mcp.customerio.attribute_checks import within
from cio_mcp.customerio.call import canonical
from cio_mcp.customerio.identities import key_of
from cio_mcp.errors import CioError, InvalidArgument
from cio_mcp.gate.choice import people_count
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan
from cio_mcp.text.lists import list_first
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import moment
from cio_mcp.tools.common.arguments import Id
from cio_mcp.tools.common.broadcast_audience import Audience, AudienceArgument, AudienceMember, read_audience
from cio_mcp.tools.common.broadcast_reach import Reach, reach_of
from cio_mcp.tools.common.broadcast_uses import shared_uses
from cio_mcp.tools.common.gather import together
from cio_mcp.tools.common.lookup import find
from cio_mcp.tools.common.message_preview import (
    content_digest,
    listed_names,
    missing_data,
    preview_message,
    required_by,
)
from cio_mcp.tools.common.people_filter import MAX_CONDITIONS
from cio_mcp.tools.common.recipients import Recipient, test_profiles_among
from cio_mcp.workspace import CallContext

MAX_SAMPLE = 5
"""People whom a question names. Chosen."""
LAST_PAGE = 1_000
"""Deliveries of the last trigger that are counted. Chosen: one request."""

LIMITS = "limits on how often people are messaged"
TOPIC = f"the message's subscription topic, and {LIMITS}"


async def trigger_broadcast(
    ws: CallContext,
    broadcast: Annotated[Id, Field(description="ID or exact name")],
    audience: Annotated[AudienceArgument | None, Field(description="Default: its own")] = None,
    data: Annotated[dict[str, JsonValue] | None, Field(description="Template variables")] = None,
    repeat: Annotated[bool, Field(description="Allow a duplicate")] = False,
) -> Plan:
    """Send an API-triggered broadcast to many customers. Requires approval. Do not retry."""
    data = data or {}
    within("data", canonical(data), triggers.DATA_BYTES)
    facts = await _read(ws, broadcast, audience)
    source, reach, contents, to = facts.source, facts.reach, facts.contents, facts.audience
    required = [required_by([content]) for content in contents]
    preview = await _preview(ws, contents, reach.people, data)
    return Plan(
        risk="send",
        summary=f"Send broadcast {source.id} {quoted(source.name)} to {to.label}{_expectation(reach)}.",
        notes=(
            *reach.lines,
            *to.notes,
            f"Not visible through the API: {await _hidden(ws)}.",
            *(await _history(ws, source, facts.past, to)),
            *(await shared_uses(ws, contents, to.segments)),
        ),
        preview=preview[0],
        affected=reach.most,
        reached=reach.least,
        missing_data=tuple(_missing(required, data, to)),
        examples=tuple(_sample(reach)),
        recipients=tuple(address for one in facts.listed for address in one.recipients),
        test_profiles=await test_profiles_among(ws, facts.listed),
        warnings=(
            *_missing_addresses(to, reach, facts.types),
            *_states(source, contents, facts.past),
            *(("A template could not be read. It may use more variables.",) if None in required else ()),
            *preview[1],
        ),
        known_as=_known_as(to),
        calls=(triggers.trigger(source.id, data, to.request),),
        rests_on=facts.rests_on,
        once=True,
        repeat=repeat,
        trace=Evidence(broadcast=source.id),
        next_step=f"To follow it, call list_messages with kind=broadcast and id={source.id}, or wait_for_event with "
        f"kind=broadcast, id={source.id}, and metric=delivered.",
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a plan is made from: the broadcast, its messages and the types of those that are sent, and who is reached.

    `past` are its earlier triggers, the latest last.
    """

    source: Broadcast
    contents: Sequence[Content]
    types: frozenset[str]
    past: Sequence[Trigger]
    audience: Audience
    reach: Reach

    @property
    def listed(self) -> list[Recipient]:
        """The people whom a list names, as far as a policy looks at them.

        Who matches a filter may change until Customer.io reads it, so those are no recipients to a policy.
        """
        people = [Recipient.of(one.person) for one in self.audience.people or ()]
        return people if len(people) <= MAX_CONDITIONS else []

    @property
    def rests_on(self) -> dict[str, JsonValue]:
        """What must still be so just before the request."""
        return {
            "broadcast": [self.source.name, self.source.state],
            "content": content_digest(self.contents),
            "reach": [self.reach.size, self.reach.least, self.reach.most],
            "members": self.reach.members,
            "last": self.past[-1].id if self.past else None,
        }


async def _read(ws: CallContext, broadcast: str, audience: AudienceArgument | None) -> _Facts:
    """Read what a plan is made from.

    Raises:
        InvalidArgument: the audience can't be sent, or nobody in it would be reached.
        NotFound: there is no such broadcast or segment.
    """
    source = cast("Broadcast", await find(ws, "broadcast", broadcast, field="broadcast"))
    chosen = await read_audience(ws, audience)
    read = await together(
        {"contents": lambda: ws.broadcasts.actions(source), "triggers": lambda: ws.triggers.all(source.id)}
    )
    past = sorted(read["triggers"], key=lambda each: each.created_at.timestamp() if each.created_at else 0.0)
    contents: list[Content] = read["contents"]
    types = frozenset(content.type or "" for content in contents if content.sending_state != "off")
    reach = await reach_of(ws, chosen, types)
    if reach.most == 0:
        reasons = " ".join((*reach.lines, *chosen.notes))
        raise InvalidArgument("audience", f"nobody would be reached. {reasons} Nothing was sent")
    return _Facts(source, contents, types, past, chosen, reach)


def _expectation(reach: Reach) -> str:
    """How many are expected to be reached, for the receipt too, which has no notes."""
    if reach.size is None:
        return ""
    if reach.least is None:
        return f", expected to reach at most {reach.most or 0:,} of {reach.size:,} people"
    return f", expected to reach {reach.least:,} of {reach.size:,} people"


def _known_as(audience: Audience) -> dict[str, str]:
    """The `cio_id` of people whom a list names, by each identifier that no other of them has."""
    references = [
        (key_of(reference), person.cio_id)
        for person in (one.person for one in audience.people or ())
        for reference in (Reference(person.id or "", "id"), Reference(person.email or "", "email"))
        if reference.value and person.cio_id
    ]
    counts = Counter(key for key, _ in references)
    return {key: cio_id for key, cio_id in references if counts[key] == 1}


async def _hidden(ws: CallContext) -> str:
    """What decides who is reached and no operation reads."""
    try:
        return TOPIC if await ws.account.topics() else LIMITS
    except CioError:
        return TOPIC


async def _history(ws: CallContext, source: Broadcast, past: Sequence[Trigger], audience: Audience) -> tuple[str, ...]:
    """When it was last triggered; where its audience is unknown, also how many messages that made."""
    if not past:
        return ("It was never triggered before, as far as the API shows.",)
    last = past[-1]
    when = moment(last.created_at) if last.created_at else "at an unknown time"
    sentence = f"Last triggered: {when} (trigger {word(last.id)})."
    if not audience.unknown or last.created_at is None:
        return (sentence,)
    try:
        page = await ws.messages.list("broadcast", source.id, limit=LAST_PAGE, since=last.created_at)
    except CioError:
        return (sentence,)
    made = f"more than {LAST_PAGE:,}" if page.next else f"{len(page.messages):,}"
    return (sentence, f"Messages made since then: {made}.")


def _states(source: Broadcast, contents: Sequence[Content], past: Sequence[Trigger]) -> Iterator[str]:
    """What in the state of the broadcast keeps it from being sent as expected."""
    if not (source.active or source.state in {None, "running"}):
        yield f"The broadcast is {word(source.state or '')}, so it may not be sent."
    for state, effect in (("draft", "is queued as a draft: someone has to send it"), ("off", "is off: it is not sent")):
        for content in contents:
            if content.sending_state == state:
                yield f"Message {word(content.id)} {quoted(content.name or '')} {effect}."
    waiting = [each for each in past if each.processed_at is None]
    if len(waiting) >= MAX_QUEUED:
        yield f"{len(waiting)} triggers wait to be processed. Customer.io queues at most {MAX_QUEUED}."
    elif waiting:
        yield f"Trigger {word(waiting[-1].id)} is still being processed."
    if not contents:
        yield "The broadcast has no message that could be read."


def _missing_addresses(audience: Audience, reach: Reach, types: Collection[str]) -> Iterator[str]:
    """What people without an email address may do to the broadcast, where there are some or nobody knows.

    Source: https://docs.customer.io/integrations/api/app/ (triggerBroadcast, email_ignore_missing).
    """
    if "email" not in types or "email_ignore_missing" in audience.request or reach.without_address == 0:
        return
    without = reach.without_address
    count = (
        "Some people may have" if without is None else f"{people_count(without)} {'has' if without == 1 else 'have'}"
    )
    yield (
        f"{count} no email address. By its documentation, Customer.io may then fail the whole broadcast, for any "
        "audience, unless email_ignore_missing=true skips them."
    )


def _missing(
    required: Sequence[frozenset[str] | None], data: Mapping[str, JsonValue], audience: Audience
) -> Iterator[str]:
    """The template variables that the data lack, for everyone or for some."""
    names = frozenset[str]().union(*filter(None, required))
    lacking = missing_data(names, data)
    if not lacking:
        return
    if audience.unknown and "data_file_url" in audience.request:
        yield f"The data lacks variables that the templates use, unless the file has them: {listed_names(lacking)}."
        return
    without: dict[str, int] = {}
    people = audience.people or ()
    for name in lacking:
        count = sum(name not in one.data for one in people) if people else 0
        if count or not people:
            without[name] = count
    if whole := [name for name, count in without.items() if count == len(people)]:
        yield (
            f"The data lacks variables that the templates use, so messages may not be delivered: {listed_names(whole)}."
        )
    for name, count in without.items():
        if 0 < count < len(people):
            yield f"{count} of {len(people)} people have no {quoted(name)}, so their messages may not be delivered."


async def _preview(
    ws: CallContext, contents: Sequence[Content], people: Collection[AudienceMember], data: Mapping[str, JsonValue]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of the first message as the first person gets it, and the attributes that their profile lacks."""
    sample = next(iter(people), None)
    own = dict(sample.data) if sample else {}
    shown = await preview_message(contents[:1], sample.person if sample else None, {**data, **own}, ws.now)
    attributes = tuple(name for name in shown.missing if name.startswith("customer."))
    more = (f"Only the first of its {len(contents)} messages is shown",) if len(contents) > 1 else ()
    for_whom = (f"As {Recipient.of(sample.person).name} gets it",) if sample else ()
    lines = (*for_whom, *shown.lines, *more)
    return lines, shown.model_copy(update={"missing": attributes}).missing_data


def _sample(reach: Reach) -> Iterator[str]:
    """The first people who may be reached; those who are expected to be come first."""
    return list_first(reach.people, MAX_SAMPLE, lambda one: Recipient.of(one.person).example)
