"""People, and the directory that finds them by identifier."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

ID_TYPES = ("id", "email", "cio_id")


@dataclass(slots=True, eq=False)
class Person:
    """One profile; `attributes` keep their types, `timestamps` say when each was set (Unix seconds)."""

    cio_id: str
    id: str | None
    email: str | None
    created: int
    attributes: dict[str, Any] = field(default_factory=dict)
    timestamps: dict[str, int] = field(default_factory=dict)
    devices: list[dict[str, Any]] = field(default_factory=list)
    relationships: list[dict[str, Any]] = field(default_factory=list)
    manual_segments: set[int] = field(default_factory=set)

    @property
    def unsubscribed(self) -> bool:
        """Whether the person is unsubscribed from all messages."""
        return str(self.attributes.get("unsubscribed", "")).lower() == "true"

    @property
    def identifiers(self) -> dict[str, str | None]:
        """The three identifiers, as the App API lists them."""
        return {"email": self.email, "id": self.id, "cio_id": self.cio_id}

    def address(self, channel: str) -> str:
        """Where messages of a channel go; empty where there is no address."""
        if channel == "push":
            return str(self.devices[0]["id"]) if self.devices else ""
        if channel in {"twilio", "whatsapp"}:
            return str(self.attributes.get("phone", ""))
        return (self.email if channel == "email" else self.id or self.cio_id) or ""

    def value(self, name: str) -> Any:
        """Return an attribute or an identifier, None when it is not set."""
        return getattr(self, name) if name in ID_TYPES else self.attributes.get(name)


def as_string(value: Any) -> str:
    """An attribute as the App API returns it: every value is a string."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Directory:
    """All people by `cio_id`, id and email, and the suppressed identifiers."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}
        self._by_id: dict[str, Person] = {}
        self._by_email: dict[str, list[Person]] = {}
        self._last_cio_id = 0
        self.suppressed: dict[str, frozenset[str]] = {}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people.values())

    def __len__(self) -> int:
        return len(self._people)

    def new_cio_id(self) -> str:
        """Return the next `cio_id`: eight hex digits."""
        self._last_cio_id += 1
        return f"{0xA3000000 + self._last_cio_id:08x}"

    def add(self, person: Person) -> Person:
        """Add a person."""
        self._people[person.cio_id] = person
        self._index(person)
        return person

    def remove(self, person: Person) -> None:
        """Remove a person; removing them again does nothing."""
        if self._people.pop(person.cio_id, None) is not None:
            self._drop_from_index(person)

    def suppress(self, *identifiers: str) -> None:
        """Suppress the identifiers of one person."""
        self.suppressed.update(dict.fromkeys(identifiers, frozenset(identifiers)))

    def unsuppress(self, identifier: str) -> None:
        """Unsuppress an identifier and those suppressed together with it."""
        for other in self.suppressed.get(identifier, ()):
            self.suppressed.pop(other, None)

    def rename(self, person: Person, **identifiers: str | None) -> None:
        """Change `id` or `email` of a person, who keeps their place in the order."""
        self._drop_from_index(person)
        for name, value in identifiers.items():
            setattr(person, name, value)
        self._index(person)

    def with_email(self, email: str) -> list[Person]:
        """All people with an email address; case does not matter."""
        return list(self._by_email.get(email.lower(), ()))

    def get(self, id_type: str, value: str) -> Person | None:
        """Find one person; of several with the same email, the first added."""
        if id_type == "email":
            return next(iter(self.with_email(value)), None)
        if id_type == "cio_id":
            return self._people.get(value if isinstance(value, TypedIdentifier) else value.removeprefix("cio_"))
        return self._by_id.get(value)

    def _index(self, person: Person) -> None:
        if person.id is not None:
            self._by_id[person.id] = person
        if person.email is not None:
            self._by_email.setdefault(person.email.lower(), []).append(person)

    def _drop_from_index(self, person: Person) -> None:
        if person.id is not None:
            self._by_id.pop(person.id, None)
        if person.email is not None:
            self._by_email[person.email.lower()].remove(person)


class TypedIdentifier(str):
    """An identifier whose type is given, as in a body; in a v1 path its form decides.

    A `cio_id` has its prefix in paths only.
    """

    __slots__ = ("id_type",)
    id_type: str

    def __new__(cls, value: str, id_type: str) -> Self:
        """Keep the type beside the value."""
        identifier = super().__new__(cls, value)
        identifier.id_type = id_type
        return identifier


def id_type_of(identifier: str) -> str:
    """The type of an identifier: the one it was given with, else what the Track API infers from its form."""
    if isinstance(identifier, TypedIdentifier):
        return identifier.id_type
    if identifier.startswith("cio_"):
        return "cio_id"
    return "email" if "@" in identifier else "id"
