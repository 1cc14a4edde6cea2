"""The audience of a broadcast's trigger: the argument, what Customer.io is sent for it, and who is in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.attribute_checks import within
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, without_quotation_marks
from cio_mcp.tools.common.arguments import MAX_NAME_BYTES, READ_AS, CustomerInList, ReadAs, max_bytes
from cio_mcp.tools.common.people_filter import audience as checked_filter
from cio_mcp.tools.common.people_filter import segments_of
from cio_mcp.tools.common.people_lookup import NO_CUSTOMER, holders_of, refuse_faults
from cio_mcp.workspace import CallContext

MAX_LISTED = 1_000
"""People that one call lists. Chosen: each is looked up first; Customer.io takes 10,000."""
LOOKUP_SIZE = 50
"""Addresses that are looked up at once. Chosen: a search has two conditions for each."""
MAX_SKIPPED = 10
"""Entries that a note names. Chosen."""

MAX_URL_BYTES = 2_000
"""The longest URL of a data file. Chosen: no browser or proxy promises more."""

Reference = Annotated[str, ReadAs("reference"), max_bytes(MAX_NAME_BYTES)]
"""A text that may be empty, which means not given."""

Flag = Annotated[bool, Field(default_factory=bool)]

FAILS_ALL = "can't be sent to, and Customer.io would fail the whole broadcast"


class AudienceArgument(BaseModel):
    """Whom a broadcast is sent to; without any of the first six, its own audience.

    Nothing is null, and bounds are checked later, which saves a third of the schema's tokens. An empty part is refused,
    unless another is given: a list that turns out to be empty must not reach the broadcast's own audience.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={READ_AS: "whole"})

    segment: Annotated[Reference, Field(default_factory=str)]
    filter: Annotated[
        dict[str, Any],
        Field(default_factory=dict, description="As in find_customers", json_schema_extra={READ_AS: "filter"}),
    ]
    emails: Annotated[list[CustomerInList], Field(default_factory=list)]
    ids: Annotated[list[CustomerInList], Field(default_factory=list)]
    per_user_data: Annotated[
        list[dict[str, JsonValue]], Field(default_factory=list, description="[{id or email, data}]")
    ]
    data_file_url: Annotated[str, Field(default_factory=str)]
    email_add_duplicates: Flag
    email_ignore_missing: Flag
    id_ignore_missing: Flag


WAYS = ("segment", "filter", "emails", "ids", "per_user_data", "data_file_url")
OPTIONS = ("email_add_duplicates", "email_ignore_missing", "id_ignore_missing")


@dataclass(frozen=True, slots=True)
class AudienceMember:
    """A person in an audience, and the data for them alone."""

    person: Person
    data: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience as Customer.io is sent it; `people` are those of a list, `filter` selects those of any other.

    Neither is there where the API doesn't show who is in it; `unknown` says why.
    """

    request: dict[str, JsonValue]
    label: str
    people: tuple[AudienceMember, ...] | None = None
    filter: dict[str, Any] | None = None
    segment: str | None = None
    segments: tuple[str, ...] = ()
    unknown: str = ""
    notes: tuple[str, ...] = ()


async def read_audience(ws: CallContext, given: AudienceArgument | None) -> Audience:
    """Check an audience and look up whom it names.

    Raises:
        InvalidArgument: it is given in two ways, or a list names people whom Customer.io doesn't know.
        NotFound: a segment does not exist.
    """
    given = AudienceArgument.model_validate(given or {})
    ways = [way for way in WAYS if getattr(given, way)]
    if not ways and (empty := [way for way in WAYS if way in given.model_fields_set]):
        problem = f"{' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty, so nobody is named"
        raise InvalidArgument("audience", f"{problem}. To send to the broadcast's own audience, omit audience")
    if len(ways) > 1:
        raise InvalidArgument("audience", f"expected at most one of {', '.join(WAYS)}; {' and '.join(ways)} are given")
    options: dict[str, JsonValue] = {name: True for name in OPTIONS if getattr(given, name)}
    match ways[0] if ways else None:
        case None:
            return Audience(
                options,
                "its own audience",
                unknown="Its own audience is set in Customer.io, and the API doesn't show who is in it.",
            )
        case "segment":
            return await _segment(ws, given.segment, options)
        case "filter":
            filter_ = await checked_filter(ws, given.filter, field="audience.filter")
            named = tuple(segments_of(filter_))
            return Audience(
                {"recipients": filter_, **options}, "everyone who matches the filter", filter=filter_, segments=named
            )
        case "data_file_url":
            return _file(given.data_file_url, options)
        case way:
            return await _list(ws, given, way, options)


async def _segment(ws: CallContext, segment: str, options: dict[str, JsonValue]) -> Audience:
    current = await ws.segments.find(segment, field="audience.segment")
    filter_: dict[str, Any] = {"segment": {"id": int(current.id)}}
    building = () if current.settled else ("The segment is still being built, so the numbers may change.",)
    return Audience(
        {"recipients": filter_, **options},
        f"segment {current.id} {quoted(current.name)}",
        filter=filter_,
        segment=current.id,
        segments=(current.id,),
        notes=building,
    )


def _file(url: str, options: dict[str, JsonValue]) -> Audience:
    url = url.strip()
    within("audience.data_file_url", url, MAX_URL_BYTES)
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidArgument("audience.data_file_url", "expected an http or https URL")
    return Audience(
        {"data_file_url": url, **options},
        f"the people in a file on {quoted(parts.hostname)}",
        unknown="Who is in the data file can't be known: this server doesn't download it.",
    )


async def _list(ws: CallContext, given: AudienceArgument, way: str, options: dict[str, JsonValue]) -> Audience:
    """A list of people: one who is named twice, shared, or unknown is refused, unless an option allows it."""
    field_ = f"audience.{way}"
    if (number := len(getattr(given, way))) > MAX_LISTED:
        text = f"lists {number:,} customers; at most {MAX_LISTED:,} can be listed per call. Use a segment or a filter"
        raise InvalidArgument(field_, text)
    entries = list(_entries(given, way))
    kinds = {entry.kind for entry in entries}
    holders = await _holders(ws, entries)
    faults: dict[int, str] = {}
    skipped: list[str] = []
    people: dict[str, AudienceMember] = {}
    for entry in entries:
        known = holders.get(entry.key, ())
        if fault := _fault(entry, known, given, people):
            faults[entry.number] = fault
        elif not known:
            skipped.append(entry.text)
        for person in known:
            people.setdefault(person.reference.value, AudienceMember(person, entry.data))
    remedies = "".join(_remedies(kinds, faults))
    texts = [entry.text for entry in sorted(_all_entries(given, way), key=lambda one: one.number)]
    refuse_faults(texts, faults, field=field_, cannot=FAILS_ALL, remedy=f"Correct or omit them{remedies}")
    return Audience(
        {way: _request(entries, way), **options},
        f"{len(entries):,} listed {'customer' if len(entries) == 1 else 'customers'}",
        people=tuple(people.values()),
        notes=tuple(_notes(skipped)),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    kind: str
    text: str
    data: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.text.casefold() if self.kind == "email" else self.text


def _all_entries(given: AudienceArgument, way: str) -> Iterator[_Entry]:
    match way:
        case "emails" | "ids":
            kind = way.removesuffix("s")
            for number, text in enumerate(getattr(given, way), start=1):
                yield _Entry(number, kind, text.strip())
        case _:
            for number, one in enumerate(given.per_user_data, start=1):
                yield _entry_with_data(number, one)


def _entry_with_data(number: int, given: dict[str, JsonValue]) -> _Entry:
    place = f"audience.per_user_data[{number - 1}]"
    if unknown := given.keys() - {"id", "email", "data"}:
        raise InvalidArgument(place, f"unknown key {quoted(min(unknown), 40)}; expected id or email, and data")
    match {key: value for key, value in given.items() if value not in (None, "")}:
        case {"id": str() | int() as id_, **rest} if "email" not in rest and not isinstance(id_, bool):
            kind, text = "id", str(id_)
        case {"email": str() as email, **rest} if "id" not in rest:
            kind, text = "email", email
        case _:
            raise InvalidArgument(place, "expected either id or email")
    data = given.get("data") or {}
    if not isinstance(data, dict):
        raise InvalidArgument(f"{place}.data", "expected an object")
    return _Entry(number, kind, without_quotation_marks(text).strip(), data)


def _entries(given: AudienceArgument, way: str) -> Iterator[_Entry]:
    """The entries of a list, equal ones without data of their own only once."""
    seen: set[tuple[str, str]] = set()
    for entry in _all_entries(given, way):
        if not entry.text or (entry.kind == "email" and "@" not in entry.text):
            expected = "an email address with an @" if entry.kind == "email" else "an ID"
            raise InvalidArgument(f"audience.{way}[{entry.number - 1}]", f"expected {expected}")
        if way == "per_user_data" or entry.key not in seen:
            yield entry
        seen.add(entry.key)


async def _holders(ws: CallContext, entries: Sequence[_Entry]) -> dict[tuple[str, str], tuple[Person, ...]]:
    """Everybody whom each entry names."""
    ids = list(dict.fromkeys(entry.text for entry in entries if entry.kind == "id"))
    addresses = list({entry.key: entry.text for entry in entries if entry.kind == "email"}.values())
    profiles = await ws.people.profiles_by(ids, None) if ids else []
    holders: dict[tuple[str, str], tuple[Person, ...]] = {("id", person.id or ""): (person,) for person in profiles}
    for start in range(0, len(addresses), LOOKUP_SIZE):
        by_address = await holders_of(ws, addresses[start : start + LOOKUP_SIZE])
        everybody: list[Identifiers] = [person for people in by_address.values() for person in people]
        known = await ws.people.profiles_of_many(everybody)
        for address, people in by_address.items():
            found = tuple(known[person.cio_id] for person in people if person.cio_id in known)
            holders["email", address] = found
    return holders


def _fault(
    entry: _Entry, known: Sequence[Person], given: AudienceArgument, people: Mapping[str, AudienceMember]
) -> str | None:
    if not known:
        return None if getattr(given, f"{entry.kind}_ignore_missing") else NO_CUSTOMER
    if len(known) > 1 and not given.email_add_duplicates:
        return f"{len(known)} customers share it"
    if any(person.reference.value in people for person in known):
        return "names a customer who is listed before"
    return None


def _remedies(kinds: set[str], faults: Mapping[int, str]) -> Iterator[str]:
    reasons = set(faults.values())
    if NO_CUSTOMER in reasons:
        yield f", or skip unknown ones with {' and '.join(f'{kind}_ignore_missing=true' for kind in sorted(kinds))}"
    if any(reason.endswith("share it") for reason in reasons):
        yield ", or reach everyone who shares an address with email_add_duplicates=true"


def _request(entries: Sequence[_Entry], way: str) -> JsonValue:
    if way != "per_user_data":
        return [entry.text for entry in entries]
    return [{entry.kind: entry.text, **({"data": dict(entry.data)} if entry.data else {})} for entry in entries]


def _notes(skipped: Sequence[str]) -> Iterator[str]:
    if skipped:
        yield f"Skipped, because no customer has it: {join_first(skipped, MAX_SKIPPED, quoted)}."
