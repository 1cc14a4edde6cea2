"""A preview of a message to one person; approximate, because Customer.io renders messages itself."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import anyio.to_thread
from pydantic import BaseModel, ConfigDict, JsonValue

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.canonical import canonical
from cio_mcp.text.html import readable
from cio_mcp.text.liquid import render, required_variables
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import cut, harmless, quoted

DATA = ("trigger", "data", "event")
"""Names of message and event data in a template, before and since Customer.io's renaming."""

MAX_BEGINNING = 300
"""Characters of a text that are shown. Chosen: about as much as a person reads of a question."""

MAX_NAMES = 10
"""Missing variables that a warning names. Chosen."""


class MessagePreview(BaseModel):
    """The subject and the beginning of the text, None where the message has none or it cannot be rendered.

    `missing` names required values that are absent: keys of the data as they are, attributes as `customer.first_name`.
    `unknown` means that a part of the message could not be read: more may be missing.
    """

    model_config = ConfigDict(frozen=True)

    subject: str | None = None
    beginning: str | None = None
    missing: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of a plan's preview."""
        labeled = (("Subject", self.subject), ("Text begins", self.beginning))
        return tuple(f"{label}: {quoted(text, MAX_BEGINNING)}" for label, text in labeled if text)

    @property
    def missing_data(self) -> tuple[str, ...]:
        """Sentences about the data and attributes that are missing."""
        data = [name for name in self.missing if not name.startswith("customer.")]
        attributes = [name for name in self.missing if name.startswith("customer.")]
        sentences = []
        if data:
            names = listed_names(data)
            sentences.append(
                f"The data lacks variables that the template uses, so the message may not be delivered: {names}."
            )
        if attributes:
            names = listed_names(attributes)
            sentences.append(
                f"The profile lacks attributes that the template uses, so the message may not be delivered: {names}."
            )
        return tuple(sentences)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What else the person who decides about the message has to know."""
        return ("The template could only be read in part. It may use more variables.",) if self.unknown else ()


async def preview_message(
    contents: Sequence[Content],
    person: Person | None,
    data: Mapping[str, JsonValue],
    now: datetime,
    language: str | None = None,
) -> MessagePreview:
    """Preview a message outside of the event loop, for a template may take a second."""
    return await anyio.to_thread.run_sync(preview, contents, person, data, now, language)


def preview(
    contents: Sequence[Content],
    person: Person | None,
    data: Mapping[str, JsonValue],
    now: datetime,
    language: str | None = None,
) -> MessagePreview:
    """Preview a message in `language`, or in the person's own, as it would be at `now`."""
    attributes = _attributes(person)
    content = _variant(contents, language or str(attributes.get("language") or ""))
    if content is None:
        return MessagePreview(unknown=True)
    values: dict[str, JsonValue] = {"customer": attributes, **{scope: dict(data) for scope in DATA}}
    subject = render(content.subject or "", values, now)
    text = render(content.body or content.body_plain or "", values, now)
    # A send names its own recipient.
    required = required_by([content.model_copy(update={"recipient": None})])
    return MessagePreview(
        subject=None if subject is None else _line(subject),
        beginning=None if text is None else _line(readable(text, links=False)),
        missing=(*missing_data(required or (), data), *missing_attributes(required or (), person)),
        unknown=required is None or subject is None or text is None,
    )


def content_digest(contents: Iterable[Content]) -> str:
    """SHA-256 (hex) over everything that contents say: an approval is for a message as it was when it was shown."""
    texts = [[content.id, content.type, content.language, *content.texts] for content in contents]
    return hashlib.sha256(canonical(texts).encode()).hexdigest()


def required_by(contents: Iterable[Content]) -> frozenset[str] | None:
    """The variables that contents require, as dotted paths; None where one of their templates is malformed."""
    required = [required_variables(template) for content in contents for template in content.templates]
    return None if None in required else frozenset().union(*filter(None, required))


def missing_data(required: Iterable[str], data: Mapping[str, JsonValue]) -> list[str]:
    """The keys that required variables need and the data lack, sorted."""
    return sorted(_keys(required, DATA) - data.keys())


def listed_names(names: Sequence[str]) -> str:
    """List names for a sentence, at most `MAX_NAMES`."""
    return join_first(names, MAX_NAMES, lambda name: quoted(name, 40))


def missing_attributes(required: Iterable[str], person: Person | None) -> list[str]:
    """The attributes that required variables need and the profile lacks; none where it cannot be read."""
    if person is None:
        return []
    return [f"customer.{name}" for name in sorted(_keys(required, ("customer",)) - _attributes(person).keys())]


def _keys(paths: Iterable[str], scopes: Sequence[str]) -> set[str]:
    parts = (path.split(".") for path in paths)
    return {part[1] for part in parts if part[0] in scopes and len(part) > 1}


def _attributes(person: Person | None) -> dict[str, JsonValue]:
    """What `customer` holds; Customer.io takes an attribute without a value for none."""
    if person is None:
        return {}
    own: dict[str, JsonValue] = {"id": person.id, "email": person.email, "phone": person.phone, "cio_id": person.cio_id}
    filled = {name: value for name, value in (own | person.attributes).items() if value not in (None, "")}
    return {"unsubscribed": person.unsubscribed, **filled}


def _variant(contents: Sequence[Content], language: str) -> Content | None:
    """The content in the language (`pt-BR`, else `pt`), else the one without a language, else the first."""
    for choice in (language.casefold(), language.casefold().split("-")[0], ""):
        for content in contents:
            if (content.language or "").casefold() == choice:
                return content
    return contents[0] if contents else None


def _line(text: str) -> str | None:
    return cut(" ".join(harmless(text).split()), MAX_BEGINNING) or None
