"""A segment compared with a list of people: who joins it, who leaves it, and whom the list names in vain."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cio_mcp.customerio.api.base import Identifiers, Reference
from cio_mcp.text.lists import join_first


class PersonKey(NamedTuple):
    """The identifiers of one person, in a fraction of the memory that a model takes."""

    id: str | None = None
    email: str | None = None
    cio_id: str | None = None

    @classmethod
    def of(cls, person: Identifiers) -> "PersonKey":
        """The identifiers of a person as Customer.io answers them."""
        return cls(person.id, person.email, person.cio_id)

    @property
    def key(self) -> str:
        """What is the same for the same person: the `cio_id`, which only old answers lack."""
        return self.cio_id or f"{self.id or ''} {self.email or ''}"


Lookup = PersonKey | str
"""The one person whom a reference names, or in words why there is none."""


class Members:
    """The members of a segment, by each of their identifiers; case matters in all but addresses."""

    def __init__(self, people: Iterable[PersonKey]) -> None:
        self._people = {person.key: person for person in people}
        self._by_id = {person.id: person for person in self._people.values() if person.id}
        self._by_email: dict[str, PersonKey] = {}
        self._shared: dict[str, list[PersonKey]] = {}
        for person in self._people.values():
            if person.email:
                address = _folded(person.email)
                if (first := self._by_email.setdefault(address, person)) is not person:
                    self._shared.setdefault(address, [first]).append(person)

    def __len__(self) -> int:
        return len(self._people)

    def holders(self, reference: Reference) -> Sequence[PersonKey]:
        """The members whom a reference names; several may have one address."""
        match reference.kind:
            case "email":
                address = _folded(reference.value)
                if address in self._shared:
                    return self._shared[address]
                person = self._by_email.get(address)
            case "cio_id":
                person = self._people.get(reference.value.removeprefix("cio_"))
            case _:
                person = self._by_id.get(reference.value)
        return (person,) if person else ()

    def find(self, person: PersonKey) -> PersonKey | None:
        """A person as a member, None if they are not one."""
        return self._people.get(person.key) or (self._by_id.get(person.id) if person.id else None)

    def without(self, kept: Collection[str]) -> list[PersonKey]:
        """The members but those with some keys, in Customer.io's order."""
        return [person for key, person in self._people.items() if key not in kept]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of who they are, whatever their order."""
        return _sha256(self._people)


def _folded(address: str) -> str:
    """An address without its case; most have none, and need no second string."""
    folded = address.casefold()
    return address if folded == address else folded


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
    added: Mapping[Reference, PersonKey]
    removed: tuple[PersonKey, ...]
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
    listed: set[str] = set()
    uncertain: set[str] = set()
    joined: dict[Reference, PersonKey] = {}
    unknown: list[tuple[Reference, str]] = []
    repeated = 0
    for reference in references:
        holders = members.holders(reference)
        if len(holders) > 1:
            uncertain |= {person.key for person in holders}
            unknown.append((reference, shared_by(holders)))
            continue
        person = holders[0] if holders else found[reference]
        if isinstance(person, str):
            unknown.append((reference, person))
            continue
        member = members.find(person)
        own = (member or person).key
        if own in listed:
            repeated += 1
        elif member is None:
            joined[reference] = person
        listed.add(own)
    unchanged = len(listed) - len(joined)
    removed = tuple(members.without(listed | uncertain))
    return Comparison(len(members), unchanged, joined, removed, tuple(unknown), repeated)


def shared_by(people: Sequence[PersonKey | Identifiers]) -> str:
    """Why an address names nobody: several customers have it."""
    listed = join_first([f"cio_{person.cio_id}" for person in people], 3)
    return f"{len(people)} customers share it ({listed}); specify one by cio_id"


def digest_of(references: Iterable[Reference]) -> str:
    """SHA-256 (hex) over references, whatever their order."""
    return _sha256(f"{reference.kind} {reference.value}" for reference in references)


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogatepass")).hexdigest()
