"""A customer, as answers name them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.text.render import Part
from cio_mcp.text.sanitize import key_name, quoted_name, quoted_text, word
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Untrusted

Scalar = str | int | float | bool


class AnswerPart(Part):
    """A part of an answer that has a line of its own in the text."""


class PersonRef(AnswerPart):
    """A customer: every tool accepts `cio_id` as `customer`, and it never changes."""

    personal: ClassVar[bool] = True

    cio_id: str | None = None
    id: str | None = None
    email: str | None = None
    created_at: datetime | None = None
    attributes: dict[str, Untrusted] | None = None

    def __str__(self) -> str:
        names = [quoted_name(name) for name in (self.id, self.email) if name]
        created = [f"created {moment(self.created_at)}"] if self.created_at else []
        return ", ".join([*names, *([word(self.cio_id)] if self.cio_id else []), *created, *pairs(self.attributes)])


def who(person: Identifiers) -> PersonRef:
    """A customer by their identifiers."""
    return PersonRef(cio_id=f"cio_{person.cio_id}" if person.cio_id else None, id=person.id, email=person.email)


def pairs(values: Mapping[str, Scalar] | None) -> list[str]:
    """Attributes and event data for the text: plain names stand bare, others and all texts are quoted."""
    return [f"{_name(name)}: {_value(value)}" for name, value in (values or {}).items()]


def _name(name: str) -> str:
    return name if name.startswith("“") and key_name(name) == name else word(name, 100)


def _value(value: Scalar) -> str:
    return quoted_text(value) if isinstance(value, str) else json.dumps(value)
