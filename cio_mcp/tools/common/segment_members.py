"""The plan that adds people to a manual segment or removes them."""

from collections.abc import Iterator, Sequence
from typing import Literal

from cio_mcp.customerio.api import segments
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.segments import Segment
from cio_mcp.customerio.call import Call
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.proof import SegmentMembers
from cio_mcp.text.counts import count_of
from cio_mcp.text.lists import join_first, list_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.recipients import Recipient, may_start
from cio_mcp.workspace import CallContext

MAX_NAMED = 10
"""People whom a question names one by one. Chosen."""

AFFECTS = "Segment membership decides who receives messages."
APPROVED_RECIPIENTS = "The policy lets some messages to members of this segment go without approval."
APPLIED_SOON = "Customer.io applies it within moments. To check, call get_segment with members=true."
NO_ID = "Customer.io documents removal by ID only. It may ignore the customers without an ID: "


async def plan_membership(ws: CallContext, segment: Segment, people: Sequence[Person], *, add: bool) -> Plan:
    """Plan to add people to a manual segment or remove them; those for whom nothing changes are left out and named."""
    members = await ws.segments.members_among(segment.id, [person.cio_id for person in people if person.cio_id])
    changing = [person for person in people if (person.cio_id in members) != add]
    settled = [person for person in people if (person.cio_id in members) == add]
    starts = await campaigns_started(ws, segment, add=add) if changing else ()
    name = f"segment {segment.id} {quoted(segment.name)}"
    who = count_of(len(changing or settled), "customer")
    verb = f"Add {who} to" if add else f"Remove {who} from"
    notes = tuple(_notes(settled, add=add))
    calls = tuple(_calls(segment, changing, add=add))
    ids = [person.cio_id for person in changing if person.cio_id]
    return Plan(
        risk="send",
        summary=f"{verb} {name}.",
        notes=notes,
        settled="" if changing else " ".join(notes),
        affected=len(changing),
        examples=tuple(_examples(changing)),
        starts=starts,
        why=why_send(ws, segment),
        warnings=() if add else tuple(_without_id(changing)),
        effect_title=f"{'add' if add else 'remove'} {count_of(len(changing), 'customer')}; this may send messages",
        calls=calls,
        rests_on={
            "segment": [segment.id, segment.name, segment.type],
            "people": [*ids],
            "addresses": [person.email for person in changing],
            "starts": list(starts),
        },
        proof=SegmentMembers(segment=segment.id, customers=tuple(f"cio_{id_}" for id_ in ids), members=add)
        if ids
        else None,
        next_step=APPLIED_SOON,
    )


def decides_recipients_note(ws: CallContext, segment: Segment) -> tuple[str, ...]:
    """A sentence where the policy rests on the segment."""
    return (APPROVED_RECIPIENTS,) if _decides_recipients(ws, segment) else ()


def why_send(ws: CallContext, segment: Segment) -> str:
    """Why a change of members is a send."""
    return " ".join([AFFECTS, *decides_recipients_note(ws, segment)])


def _decides_recipients(ws: CallContext, segment: Segment) -> bool:
    return ws.gate.policy.recipients.segment in {segment.id, segment.name}


def refuse_dynamic(segment: Segment, action: str) -> None:
    """Explain a dynamic segment instead of changing it.

    Raises:
        InvalidArgument: it is one.
    """
    if segment.type != "dynamic":
        return
    about = f"; its description is {quoted(segment.description)}" if segment.description else ""
    instead = (
        "It can only be deleted in Customer.io"
        if action == "delete"
        else "To change who is in it, change the attributes or events that its conditions test (update_customer, "
        "send_event), or use a manual segment"
    )
    raise InvalidArgument(
        "segment",
        f"{quoted(segment.name)} (id {segment.id}) is dynamic: its conditions in Customer.io decide who is in it, and "
        f"the API doesn't show them{about}. {instead}",
    )


async def campaigns_started(ws: CallContext, segment: Segment, *, add: bool) -> tuple[str, ...]:
    """The running campaigns that may start; other segments may rest on this one, which the API doesn't show."""
    campaigns: list[Campaign] = await ws.campaigns.by_segment()
    direct = [each for each in campaigns if add and segment.id in each.trigger_segment_ids]
    others = may_start(each for each in campaigns if each not in direct)
    return (*may_start(direct), *(f"{line}, if its segment depends on this one" for line in others))


def _calls(segment: Segment, people: Sequence[Person], *, add: bool) -> Iterator[Call]:
    """People by their ID, which the documentation promises to take, and those without one by `cio_id`."""
    kinds: dict[Literal["id", "cio_id"], list[str]] = {
        "id": [person.id for person in people if person.id],
        "cio_id": [person.cio_id for person in people if not person.id and person.cio_id],
    }
    for id_type, ids in kinds.items():
        for start in range(0, len(ids), segments.MAX_IDS):
            yield segments.change_members(segment.id, ids[start : start + segments.MAX_IDS], id_type, add=add)


def _notes(settled: Sequence[Person], *, add: bool) -> Iterator[str]:
    if settled:
        yield f"{'Already in it' if add else 'Not in it'}: {_named(settled)}."


def _examples(people: Sequence[Person]) -> Iterator[str]:
    return list_first(people, MAX_NAMED, lambda person: Recipient.of(person).example)


def _without_id(people: Sequence[Person]) -> Iterator[str]:
    if others := [person for person in people if not person.id]:
        yield f"{NO_ID}{_named(others)}."


def _named(people: Sequence[Person]) -> str:
    return join_first(people, MAX_NAMED, lambda person: Recipient.of(person).name)
