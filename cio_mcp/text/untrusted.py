"""Free text from outside, marked as data: `{"untrusted": "…"}` in structured content, quoted in text."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from cio_mcp.text.sanitize import FREE_TEXT_CHARACTERS

PROSE_CHARACTERS = 1_000
"""Characters of a sentence of this server. Chosen: twice the longest."""
CURSOR_CHARACTERS = 4_000
"""Characters of a cursor, which is useless when it is cut. Chosen: many times the longest seen."""


@dataclass(frozen=True)
class Bound:
    """Marks a field whose text may be longer than a name."""

    characters: int


@dataclass(frozen=True)
class FreeText(Bound):
    """Marks text from outside this server: attribute values, subjects, bodies, failures, URLs.

    In structured content it becomes an object, so that no client mistakes it for a sentence of this server.
    """

    characters: int = FREE_TEXT_CHARACTERS
    keep_lines: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate the text as it is; mark it when it is serialized."""
        marking = core_schema.plain_serializer_function_ser_schema(mark_text)
        return cast("CoreSchema", {**handler(source), "serialization": marking})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the marked form with one definition that all fields of an answer share."""
        # Within another schema a model becomes a definition and a reference to it, which a field alone would not.
        return handler(core_schema.chain_schema([UntrustedText.__pydantic_core_schema__]))


class UntrustedText(BaseModel):
    """The form of free text in structured content; `length` is that of the whole text, where it was cut."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    untrusted: str
    length: int | None = None


class Excerpt(str):
    """A part of a text that was too long; `length` is that of the whole text, in characters."""

    __slots__ = ("length",)
    length: int

    @classmethod
    def of(cls, text: str, characters: int, start: int = 0) -> str:
        """Cut a text to so many characters from `start` on; one that is short enough stays as it is."""
        rest = text[start:]
        if not start and len(text) <= characters:
            return text
        excerpt = cls(rest if len(rest) <= characters else f"{rest[: characters - 1]}…")
        excerpt.length = len(text)
        return excerpt


Untrusted = Annotated[str, FreeText()]
"""Free text on one line."""
UntrustedValue = Untrusted | int | float | bool
"""An attribute's value: numbers and booleans stay plain."""
Prose = Annotated[str, Bound(PROSE_CHARACTERS)]
"""A sentence of this server; text from outside is quoted in it."""
Opaque = Annotated[str, Bound(CURSOR_CHARACTERS)]
"""A token that a client returns unchanged."""


def mark_text(value: Any) -> JsonValue:
    """Mark a text as untrusted; numbers and booleans need no mark."""
    if not isinstance(value, str):
        plain: JsonValue = value
        return plain
    if isinstance(value, Excerpt):
        return {"untrusted": str(value), "length": value.length}
    return {"untrusted": value}


@cache
def field_bounds(model: type[BaseModel]) -> dict[str, Bound]:
    """Map the fields of a model to their marks, wherever in the annotation these stand.

    Raises:
        TypeError: the model allows extra fields, which nothing here would clean.
    """
    if model.model_config.get("extra") == "allow":
        raise TypeError(f"{model.__name__}: extra fields would pass unseen; put them into a dict field")
    return {
        name: mark
        for name, field in model.model_fields.items()
        if (mark := next((one for one in field.metadata if isinstance(one, Bound)), None) or _within(field.annotation))
    }


def _within(annotation: Any) -> Bound | None:
    for part in (*getattr(annotation, "__metadata__", ()), *get_args(annotation)):
        if mark := part if isinstance(part, Bound) else _within(part):
            return mark
    return None
