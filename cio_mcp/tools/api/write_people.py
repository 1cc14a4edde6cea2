"""Whom a request of `write_api` names: looked up, so that the question shows who that is."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.identities import key_of
from cio_mcp.customerio.mentions import person_of
from cio_mcp.customerio.operations import EVERYTHING, Effect, value_at
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import Ambiguous, InvalidArgument
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.people_lookup import NO_CUSTOMER, find_people
from cio_mcp.tools.common.recipients import UNREAD, Recipient
from cio_mcp.workspace import CallContext

MAX_LOOKUPS = 50
"""People of one request who are looked up. Chosen: as many as `update_customer` takes."""
MAX_EXAMPLES = 20
"""People whom a question describes. Chosen: more would not be read."""
AUDIENCES = ("recipients", "per_user_data", "data_file_url")
"""Fields that name an audience which cannot be counted here."""

NOT_COMPARED = (
    "Whom it reaches is not counted, nor compared again before it is sent; the tool trigger_broadcast does both."
)


@dataclass(frozen=True, slots=True)
class People:
    """The people a request names: how many (None: unknown), lines about them, warnings, and what the plan rests on.

    `person` is the profile of the only one, where there is one and it was read; `known_as` is as in a plan.
    """

    affected: int | None
    examples: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rests_on: dict[str, JsonValue] = field(default_factory=dict)
    person: Person | None = None
    reference: Reference | None = None
    known_as: dict[str, str] = field(default_factory=dict)


async def people_of(ws: CallContext, call: Call) -> People:
    """Look up the people whom a request names, as far as it names them by identifiers.

    Raises:
        Ambiguous: several customers have an address by which it names one.
    """
    references = list(dict.fromkeys(one for effect in call.effects for one in _references(call, effect)))
    counted = _count(call, references)
    if not references:
        unknown = call.row.evidence == "trigger" and counted is None
        return People(counted, warnings=(NOT_COMPARED,) if unknown else ())
    if not ws.settings.has_app:
        return People(counted, tuple(f"{one}, profile unknown" for one in references[:MAX_EXAMPLES]), (UNREAD,))
    lookups = await find_people(ws, references[:MAX_LOOKUPS])
    only = references[0] if len(references) == 1 else None
    person = lookups.get(only) if only else None
    return People(
        counted,
        tuple(_line(one, lookups[one]) for one in [*lookups][:MAX_EXAMPLES]),
        tuple(_warnings(call, references, lookups)),
        {"people": {f"{one.kind} {one.value}": _identity(found) for one, found in lookups.items()}},
        person if isinstance(person, Person) else None,
        only,
        {key_of(one): found.cio_id for one, found in lookups.items() if isinstance(found, Person) and found.cio_id},
    )


def _references(call: Call, effect: Effect) -> Iterator[Reference]:
    row = effect.operation
    for name in row.people:
        value = call.path.get(name) or value_at(effect.body, name)
        match value:
            case dict() if name in ("identifiers", "primary", "secondary"):
                yield from _read_as(*next(iter(value.items())))
            case str() if name in call.path or name in ("userId", "previousId"):
                person = person_of(call, effect) if name in call.path and row.api == "track" else None
                yield from [person] if person else _read_as(call.query.get("id_type") or _kind(call, name), value)
            case list() if name in ("ids", "emails"):
                kind = "email" if name == "emails" else call.query.get("id_type", "id")
                for one in value:
                    yield from _read_as(kind, one)


def _kind(call: Call, name: str) -> str:
    if name == "email_address":
        return "email"
    return "id" if call.api == "app" else ""


def _read_as(kind: str, value: JsonValue) -> Iterator[Reference]:
    """A reference; none where the value is no identifier of its kind, which Customer.io then ignores."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        with suppress(InvalidArgument):
            match kind:
                case "id" | "email" | "phone" | "cio_id":
                    yield reference_of(str(value), kind)
                case _:
                    yield reference_of(str(value))


def _count(call: Call, references: list[Reference]) -> int | None:
    """How many people a request reaches; None where that cannot be known, as of an edited message."""
    body = call.body if isinstance(call.body, dict) else {}
    if call.row.evidence == "trigger" and (any(name in body for name in AUDIENCES) or not references):
        return None
    if "data_export" in call.guardrails:
        return 0
    if any(EVERYTHING in effect.operation.people for effect in call.effects):
        return None
    listed = [value_at(call.body, name) for name in ("ids", "emails")]
    named = sum(len(each) for each in listed if isinstance(each, list))
    if named or references:
        return max(named, len(references))
    return 0 if all(effect.operation.risk == "data" for effect in call.effects) else None


def _line(reference: Reference, found: Person | str) -> str:
    return Recipient.of(found).example if isinstance(found, Person) else f"{reference}: {found}"


def _identity(found: Person | str) -> JsonValue:
    return [found.cio_id, found.unsubscribed] if isinstance(found, Person) else found


def _warnings(call: Call, references: list[Reference], lookups: dict[Reference, Person | str]) -> Iterator[str]:
    unclear = [one for one, found in lookups.items() if isinstance(found, str) and found != NO_CUSTOMER]
    if unclear:
        raise Ambiguous(f"arguments: {unclear[0]}: {lookups[unclear[0]]}")
    if len(references) > len(lookups):
        yield f"{len(references):,} people are named; the first {len(lookups)} were looked up."
    missing = [one for one, found in lookups.items() if isinstance(found, str)]
    creates = "creation" in call.guardrails
    if missing:
        number = f"{len(missing)} of {len(lookups)} people named are no customers"
        some = number if len(lookups) > 1 else "No customer has this identifier"
        yield f"{some}. {'The request may create them.' if creates else 'Customer.io may ignore that.'}"
    elif creates and len(references) > len(lookups):
        yield "The request may create customers."
    if call.row.evidence == "delivery":
        yield from _delivery_warnings(call, next(iter(lookups.values()), None))


def _delivery_warnings(call: Call, person: Person | str | None) -> Iterator[str]:
    body = call.body if isinstance(call.body, dict) else {}
    if not isinstance(person, Person):
        return
    to = body.get("to")
    own = person.email if isinstance(to, str) and "@" in to else person.phone
    if isinstance(to, str) and (to.startswith("+") or "@" in to) and to.casefold() != (own or "").casefold():
        yield f"{quoted(to)} is not in the customer's profile."
    if person.unsubscribed:
        anyway = body.get("send_to_unsubscribed") is True
        reaches = "but will receive it anyway" if anyway else "so Customer.io will not deliver it"
        yield f"The customer is unsubscribed, {reaches}."
