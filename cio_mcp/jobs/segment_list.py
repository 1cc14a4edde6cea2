"""A segment compared with a list of people: who joins it, who leaves it, and whom the list names in vain."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cio_mcp.customerio.api.base import Identifiers, Reference
from cio_mcp.text.lists import join_first

Lookup = Identifiers | str
"""The one person whom a reference names, or in words why there is none."""


class Members:
    """The members of a segment, by each of their identifiers; case matters in all but addresses."""

    def __init__(self, people: Iterable[Identifiers]) -> None:
        self._people = {person.reference: person for person in people}
        self._by_id = {person.id: person for person in self._people.values() if person.id}
        self._by_email: dict[str, tuple[Identifiers, ...]] = {}
        for person in self._people.values():
            if person.email:
                address = person.email.casefold()
                self._by_email[address] = (*self._by_email.get(address, ()), person)

    def __len__(self) -> int:
        return len(self._people)

    def holders(self, reference: Reference) -> tuple[Identifiers, ...]:
        """The members whom a reference names; several may have one address."""
        match reference.kind:
            case "email":
                return self._by_email.get(reference.value.casefold(), ())
            case "cio_id":
                person = self._people.get(reference)
            case _:
                person = self._by_id.get(reference.value)
        return (person,) if person else ()

    def find(self, person: Identifiers) -> Identifiers | None:
        """A person as a member, None if they are not one."""
        return self._people.get(person.reference) or (self._by_id.get(person.id) if person.id else None)

    def without(self, kept: Iterable[Reference]) -> list[Identifiers]:
        """The members but some, in Customer.io's order."""
        stay = {*kept}
        return [person for reference, person in self._people.items() if reference not in stay]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of who they are, whatever their order."""
        return digest_of(self._people)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What makes a segment equal to a list. Nobody is both in `added` and in `removed`.

    - `members` counts those of the segment, `unchanged` those of them who stay because the list names them.
    - `added` are people by the reference of the list that names them first.
    - `unknown` are the references that name nobody, or more than one, each with the reason. Members who share an
      address stay, too.
    - `repeated` counts the references to people whom an earlier one names.
    """

    members: int
    unchanged: int
    added: Mapping[Reference, Identifiers]
    removed: tuple[Identifiers, ...]
    unknown: tuple[tuple[Reference, str], ...]
    repeated: int

    @property
    def known(self) -> int:
        """How many people the list names."""
        return self.unchanged + len(self.added)


def to_look_up(members: Members, references: Sequence[Reference]) -> list[Reference]:
    """The references that name no member: only about them Customer.io has to be asked."""
    return [reference for reference in references if not members.holders(reference)]


def compare(members: Members, references: Sequence[Reference], found: Mapping[Reference, Lookup]) -> Comparison:
    """Compare a segment with a list; `found` has the references that name no member."""
    listed: set[Reference] = set()
    uncertain: set[Reference] = set()
    joined: dict[Reference, Identifiers] = {}
    unknown: list[tuple[Reference, str]] = []
    repeated = 0
    for reference in references:
        holders = members.holders(reference)
        if len(holders) > 1:
            uncertain |= {person.reference for person in holders}
            unknown.append((reference, shared_by(holders)))
            continue
        person = holders[0] if holders else found[reference]
        if isinstance(person, str):
            unknown.append((reference, person))
            continue
        member = members.find(person)
        own = (member or person).reference
        if own in listed:
            repeated += 1
        elif member is None:
            joined[reference] = person
        listed.add(own)
    unchanged = len(listed) - len(joined)
    removed = tuple(members.without(listed | uncertain))
    return Comparison(len(members), unchanged, joined, removed, tuple(unknown), repeated)


def shared_by(people: Sequence[Identifiers]) -> str:
    """Why an address names nobody: several customers have it."""
    listed = join_first([f"cio_{person.cio_id}" for person in people], 3)
    return f"{len(people)} customers share it ({listed}); specify one by cio_id"


def digest_of(references: Iterable[Reference]) -> str:
    """SHA-256 (hex) over references, whatever their order."""
    lines = sorted(f"{reference.kind} {reference.value}" for reference in references)
    return hashlib.sha256("\n".join(lines).encode(errors="surrogatepass")).hexdigest()
