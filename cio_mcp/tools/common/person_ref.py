"""Somebody, as answers name them."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.timestamps import moment

Scalar = str | int | float | bool


class AnswerPart(BaseModel):
    """A part of an answer that has a line of its own in the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonRef(AnswerPart):
    """Somebody: every tool takes `cio_id` as `customer`, and it never changes."""

    cio_id: str | None = None
    id: str | None = None
    email: str | None = None
    created_at: datetime | None = None
    attributes: dict[str, str] | None = None

    def __str__(self) -> str:
        named = [quoted(name) for name in (self.id, self.email) if name]
        created = [f"created {moment(self.created_at)}"] if self.created_at else []
        return ", ".join([*named, *([word(self.cio_id)] if self.cio_id else []), *created, *pairs(self.attributes)])


def who(person: Identifiers) -> PersonRef:
    """Somebody by their identifiers."""
    return PersonRef(cio_id=f"cio_{person.cio_id}" if person.cio_id else None, id=person.id, email=person.email)


def pairs(values: Mapping[str, Scalar] | None) -> list[str]:
    """Attributes and event data for the text: names and values are foreign; plain names stand bare."""
    return [f"{word(name)}: {_value(value)}" for name, value in (values or {}).items()]


def _value(value: Scalar) -> str:
    return quoted(value, 60) if isinstance(value, str) else str(value)
