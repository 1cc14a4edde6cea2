"""A person's attributes in an answer: all that fit, the requested ones, or those that distinguish people."""

from collections.abc import Sequence

from pydantic import JsonValue

from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.call import canonical
from cio_mcp.text.mask import mask_text
from cio_mcp.text.sanitize import FREE_TEXT_CHARACTERS, NAME_CHARACTERS, cut, quoted
from cio_mcp.text.spelling import closest_names
from cio_mcp.tools.common.person_ref import PersonRef

MAX_TOTAL_CHARACTERS = 24_000
"""Characters of attributes and their names in one answer. Chosen: some 8,000 tokens."""
MIN_VALUE_CHARACTERS = 20
"""Characters that every value in a list of people is shown with, however many there are. Chosen."""
NAMES = ("first_name", "last_name", "name")
"""Attributes that usually hold a person's name: shown for people who share an address, even if they are equal."""
MAX_DIFFERING = 5
"""Attributes that tell people apart. Chosen: more would hide them."""
ELSEWHERE = {"id", "email", "phone", "cio_id", "unsubscribed", "_cio_subscription_preferences_computed"}
"""Attributes that stand elsewhere in the answer, or follow from what does."""


def attributes_of(person: Person) -> dict[str, str]:
    """All attributes as text, without those that stand elsewhere in the answer."""
    hidden = ELSEWHERE | ({"created_at"} if person.created else set())
    return {
        name: as_text(value) for name, value in person.attributes.items() if name not in hidden and value is not None
    }


def named_attributes(person: Person, names: Sequence[str]) -> dict[str, str]:
    """The given names that the person has, in their order."""
    values = ((name, person.attributes.get(name)) for name in names)
    return {name: as_text(value) for name, value in values if value is not None}


def as_text(value: JsonValue) -> str:
    """A value as text; what is nested as JSON."""
    return value if isinstance(value, str) else canonical(value)


def cut_to_fit(people: Sequence[PersonRef], *, mask: bool) -> list[PersonRef]:
    """The people of a list with their attributes, each value cut so that all of them fit, and masked before."""
    count = sum(len(person.attributes or ()) for person in people)
    room = max(MIN_VALUE_CHARACTERS, MAX_TOTAL_CHARACTERS // max(1, count))
    return [
        person.model_copy(
            update={
                "attributes": {
                    name: cut(mask_text(value, name) if mask else value, room)
                    for name, value in person.attributes.items()
                }
            }
        )
        if person.attributes
        else person
        for person in people
    ]


def fit_attributes(attributes: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The attributes that fit in an answer, in order, and the names of the others."""
    kept: dict[str, str] = {}
    omitted: list[str] = []
    room = MAX_TOTAL_CHARACTERS
    for name, value in attributes.items():
        size = min(len(name), NAME_CHARACTERS) + min(len(value), FREE_TEXT_CHARACTERS)
        if size > room:
            omitted.append(name)
            continue
        room -= size
        kept[name] = value
    return kept, omitted


def missing_note(person: Person, names: Sequence[str]) -> str | None:
    """The requested attributes that the person doesn't have, with similar names."""
    absent = [name for name in names if person.attributes.get(name) is None]
    if not absent:
        return None
    near = dict.fromkeys(close for name in absent for close in closest_names(name, person.attributes))
    hint = f"; similar: {', '.join(quoted(name, 60) for name in near)}" if near else ""
    return f"The customer has no attribute {', '.join(quoted(name, 60) for name in absent)}{hint}."


def differences_of(people: Sequence[Person], *, mask: bool) -> list[PersonRef]:
    """People who share an address, with their names and the attributes in which they differ."""
    known = [attributes_of(person) for person in people]
    names = dict.fromkeys(name for attributes in known for name in attributes if name != "created_at")
    differing = [name for name in names if len({attributes.get(name) for attributes in known}) > 1]
    columns = [*NAMES, *[name for name in differing if name not in NAMES][:MAX_DIFFERING]]
    refs = [
        PersonRef(
            cio_id=f"cio_{person.cio_id}",
            id=person.id,
            email=person.email,
            created_at=person.created,
            attributes={name: attributes[name] for name in columns if name in attributes} or None,
        )
        for person, attributes in zip(people, known, strict=True)
    ]
    return cut_to_fit(refs, mask=mask)
