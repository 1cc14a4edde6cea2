"""The one renderer: every answer becomes short text for reading and complete structured content."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from cio_mcp.text.mask import mask_text, masked
from cio_mcp.text.sanitize import cut, harmless

LEAF_LIMIT = 500
"""Characters of one value; a field that may hold more says so with `Long`."""

ERROR_LIMIT = 1_000
"""Characters of a failure's sentence; no source, the longest of ours is half of it."""

AnyModel = TypeVar("AnyModel", bound=BaseModel)
Text = Callable[[str, str], str]
_SCALARS = (int, float, date, timedelta)


class Answer(BaseModel):
    """What a tool answers: typed fields, and `lines` that say what a person wants first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def lines(self) -> Iterable[str]:
        """Short text, a line each; foreign text in it goes through `quoted`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Long:
    """Marks a field, `Annotated[str, Long(20_000)]`, whose text may be long and keeps its line breaks."""

    limit: int


@dataclass(frozen=True)
class Rendered:
    """An answer as it leaves: text for reading, and JSON without nulls (but for nulls inside foreign data)."""

    text: str
    structured: dict[str, JsonValue]


def render(answer: Answer, *, mask: bool) -> Rendered:
    """Make every text in an answer harmless (and masked, if asked), then render it."""
    scrubbed = scrub(answer, mask=mask)
    return Rendered(
        text="\n".join(scrubbed.lines()),
        structured=scrubbed.model_dump(mode="json", by_alias=True, exclude_none=True),
    )


def render_error(text: str, *, mask: bool) -> str:
    """Make a failure one harmless sentence, masked if asked: it may name what somebody else wrote."""
    text = harmless(text)
    return cut(mask_text(text) if mask else text, ERROR_LIMIT)


def scrub(model: AnyModel, *, mask: bool) -> AnyModel:
    """Copy a model with every text and key in it harmless, short, and masked if asked; it is not validated again.

    Raises:
        TypeError: a value is of a kind that this cannot look into; answers have none.
    """
    return _Scrubber(mask=mask).model(model)


class _Scrubber:
    """Walks a value; returns the same object where nothing had to change."""

    def __init__(self, *, mask: bool) -> None:
        self._mask = mask

    def model(self, model: AnyModel) -> AnyModel:
        limits = _long_fields(type(model))
        changed: dict[str, Any] = {}
        for name, value in model.__dict__.items():
            clean = self._long(value, limits[name]) if name in limits else self._value(value, name)
            if clean is not value:
                changed[name] = clean
        return model.model_copy(update=changed) if changed else model

    def _value(self, value: Any, key: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, key)
        if isinstance(value, _SCALARS):
            return masked(value, key) if self._mask and isinstance(value, int) else value
        if isinstance(value, BaseModel):
            return self.model(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            items = [self._value(item, key) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else type(value)(items)
        raise TypeError(f"{key}: cannot clean a {type(value).__name__}")

    def _text(self, text: str, key: str) -> str:
        text = harmless(text)
        return cut(mask_text(text, key) if self._mask else text, LEAF_LIMIT)

    def _long(self, value: Any, limit: int) -> Any:
        if not isinstance(value, str):
            return value
        text = harmless(value, keep_lines=True)
        return cut(mask_text(text) if self._mask else text, limit)

    def _mapping(self, values: Mapping[Any, Any]) -> Mapping[Any, Any]:
        clean: dict[Any, Any] = {}
        for key, value in values.items():
            name = self._text(key, "") if isinstance(key, str) else key
            while name in clean:
                name = f"{name}'"
            clean[name] = self._value(value, str(key))
        same = all(name in values and clean[name] is values[name] for name in clean)
        return values if same else clean


@cache
def _long_fields(model: type[BaseModel]) -> dict[str, int]:
    """Map the fields marked `Long` to their limits."""
    if model.model_config.get("extra") == "allow":
        raise TypeError(f"{model.__name__}: extra fields would pass unseen; put them into a dict field")
    return {
        name: mark.limit
        for name, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Long)
    }
