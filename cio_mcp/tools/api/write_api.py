"""The tool that plans any write."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import anyio.to_thread
from pydantic import Field, JsonValue
from ulid import ULID

from cio_mcp.customerio.api import sends
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.customerio.operations import EVERYTHING, Operation, value_at
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.evidence import Evidence
from cio_mcp.gate.plan import Plan, Starts
from cio_mcp.gate.risk import Risk
from cio_mcp.gate.typed_tools import PREFERRED_TOOLS
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import word
from cio_mcp.text.timestamps import from_unix, from_unix_if_readable
from cio_mcp.tools.api.request import build_call, find_operation
from cio_mcp.tools.api.risks import risk_of
from cio_mcp.tools.api.write_checks import check_values
from cio_mcp.tools.api.write_people import People, people_of
from cio_mcp.tools.api.write_previews import preview_send
from cio_mcp.tools.api.write_templates import check_templates
from cio_mcp.tools.api.write_values import current_values
from cio_mcp.tools.common.arguments import Name
from cio_mcp.tools.common.recipients import may_start, starts_as_json
from cio_mcp.workspace import CallContext

UNCHECKED = "No schema of this request is published: its body is unchecked."
MAX_LISTED = 6
"""Kinds of requests that the summary of a batch counts one by one. Chosen."""
EFFECTS: dict[Risk, str] = {"data": "", "send": "; this may send messages", "destroy": "; it may delete or block data"}
"""What the choice to approve says of a class of write."""
EXPORTS = "It makes a file of personal data about everyone it selects, for anyone who can open it."
EVERYONE = frozenset({"customers", "segments", EVERYTHING})
"""Cache families of writes about people, which may start campaigns."""


async def write_api(
    ws: CallContext,
    operation: Annotated[Name, Field(description="ID from search_api", min_length=1)],
    arguments: Annotated[dict[str, JsonValue] | None, Field(description="Path and query values by name")] = None,
    body: Annotated[dict[str, JsonValue] | None, Field(description="Request body")] = None,
    repeat: Annotated[bool, Field(description="Send even if it is a duplicate")] = False,
) -> Plan:
    """Call any write operation of the App, Track, or Pipelines API. Requires approval.

    Prefer the tool that search_api names, if any.
    """
    row = find_operation(operation, writes=True)
    call = build_call(row, arguments or {}, body, _generated(ws))
    check_values(call)
    due_at = _due(ws, call)
    people = await people_of(ws, call)
    current = await current_values(ws, call)
    uses = await check_templates(ws, call, current.edits)
    preview = await preview_send(ws, call, people.person)
    starts = await _starts(ws, call)
    equal = await anyio.to_thread.run_sync(_equal_requests, call, people.known_as)
    return Plan(
        risk=risk_of(call.effects),
        summary=_summary(call),
        notes=(*preview.notes, *current.notes, *uses.notes, *((UNCHECKED,) if call.row.unpublished else ())),
        preview=preview.lines,
        edits=current.edits,
        affected=people.affected,
        examples=people.examples,
        known_as=people.known_as,
        starts=starts,
        why=EXPORTS if "data_export" in call.guardrails else "",
        warnings=(
            *equal,
            *people.warnings,
            *current.warnings,
            *uses.warnings,
            *preview.warnings,
        ),
        effect_title=_effect_title(call),
        calls=(call,),
        rests_on={**people.rests_on, **current.rests_on, **preview.rests_on, "starts": starts_as_json(starts)},
        once=_is_once(call),
        repeat=repeat,
        trace=_trace(call, people),
        due_at=due_at,
        next_step=_next_step(row),
    )


def _equal_requests(call: Call, known_as: Mapping[str, str]) -> tuple[str, ...]:
    """A warning about a batch that contains the same request twice, as by two identifiers of one person."""
    comparable: Any = call.comparable(known_as)
    forms = [canonical(each) for each in comparable["effects"]]
    if equal := len(forms) - len({*forms}):
        return (f"{equal:,} of its {len(forms):,} requests {'repeats' if equal == 1 else 'repeat'} another one in it.",)
    return ()


def _generated(ws: CallContext) -> dict[str, JsonValue]:
    """What this server fills in: an id makes an event one that may be sent again, a time orders profile writes."""
    return {"ulid": str(ULID()), "now": int(ws.clock.now()), "now_text": ws.now.isoformat().replace("+00:00", "Z")}


def _due(ws: CallContext, call: Call) -> float | None:
    """When a scheduled send goes out."""
    if call.row.time != "send_at":
        return None
    at = value_at(call.body, call.row.time)
    if at is None:
        return None
    due = from_unix_if_readable(at) if isinstance(at, int) else None
    if due is None:
        raise InvalidArgument("body.send_at", "expected a Unix time in seconds")
    if due - from_unix(int(ws.clock.now())) > timedelta(days=sends.SEND_AHEAD_DAYS):
        raise InvalidArgument("body.send_at", f"is more than {sends.SEND_AHEAD_DAYS} days ahead")
    return due.timestamp() if due > ws.now else None


def _effect_title(call: Call) -> str:
    """What the choice to approve says; a message or event says by itself whom it is sent to."""
    if call.row.evidence in ("delivery", "trigger", "activity"):
        return ""
    if "data_export" in call.guardrails:
        return "export personal data"
    return f"make 1 request{EFFECTS[risk_of(call.effects)]}"


def _summary(call: Call) -> str:
    row = call.row
    if row.elements:
        kinds = Counter(effect.operation.summary for effect in call.effects)
        counts = [f"{count:,} × {summary}" for summary, count in kinds.most_common()]  # noqa: RUF001 - the sign of a product
        return f"{len(call.effects):,} requests in one ({row.id}): {join_first(counts, MAX_LISTED, separator='; ')}."
    where = ", ".join(f"{name} {word(value, 60)}" for name, value in call.path.items())
    named = where or (word(call.subject, 60) if call.subject else "")
    return f"{row.summary} ({row.id}{f': {named}' if named else ''})."


async def _starts(ws: CallContext, call: Call) -> Starts:
    """What it may start: of one event the campaigns that it triggers, of another write about people unknown ones."""
    effects = call.effects
    if not any(EVERYONE.intersection(effect.operation.families) for effect in effects):
        return None
    if all(effect.operation.risk == "destroy" or effect.operation.evidence == "delivery" for effect in effects):
        return None
    name = value_at(effects[0].body, "name") if len(effects) == 1 and effects[0].operation.event_data else None
    if not isinstance(name, str) or not ws.settings.has_app:
        return "unknown"
    by_event = await ws.campaigns.started_by_event(name.strip())
    others = [each for each in await ws.campaigns.by_segment() if each not in by_event]
    return (*may_start(by_event), *(f"{line}, if its segment depends on this event" for line in may_start(others)))


def _is_once(call: Call) -> bool:
    """Whether a second one would have a second effect: events and messages, and whatever may not be sent again."""
    rows = [effect.operation for effect in call.effects]
    return call.retry == "once" or any(row.permanent in ("message", "event") or row.answer_id for row in rows)


def _trace(call: Call, people: People) -> Evidence | None:
    """How to see afterwards whether it happened, where that is published."""
    person = f"cio_{people.person.cio_id}" if people.person and people.person.cio_id else ""
    body = call.body if isinstance(call.body, dict) else {}
    match call.row.evidence:
        case "trigger":
            return Evidence(broadcast=next(iter(call.path.values())))
        case "delivery" if person and (message := body.get("transactional_message_id")):
            return Evidence(person=person, message=str(message), recipient=str(body.get("to") or "") or None)
        case "activity" if person and isinstance(body.get("name"), str):
            return Evidence(person=person, event=str(body["name"]).strip())
        case _:
            return None


def _next_step(row: Operation) -> str:
    check = f"To check it, call read_api with {row.verify}." if row.verify else ""
    better = f"Next time, {PREFERRED_TOOLS[row.id]} does this better." if row.id in PREFERRED_TOOLS else ""
    return " ".join(filter(None, [check, better]))
