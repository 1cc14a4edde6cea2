"""The one renderer: every answer becomes text and structured content, each complete and safe on its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from cio_mcp.text.mask import mask_text, mask_value
from cio_mcp.text.sanitize import FREE_TEXT_CHARACTERS, NAME_CHARACTERS, cut, harmless, key_name
from cio_mcp.text.untrusted import Bound, Excerpt, FreeText, field_bounds

MAX_ANSWER_CHARACTERS = 40_000
"""Characters of an answer's text, above which free texts in it are cut shorter. Chosen: some 10,000 tokens."""
SHORTER_CHARACTERS = (200, 80)
"""Characters of each free text then, the first with which the answer fits. Chosen."""
MAX_ERROR_CHARACTERS = 1_000
"""Characters of a failure's sentence. Chosen: the longest of ours is half of it."""

AnyModel = TypeVar("AnyModel", bound=BaseModel)
_SCALARS = (int, float, date, timedelta)
_NAME = Bound(NAME_CHARACTERS)


class Part(BaseModel):
    """A part of an answer; `personal` ones hold data about a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    personal: ClassVar[bool] = False


class Answer(Part):
    """What a tool answers: typed fields, and `lines` that give the same as text."""

    def lines(self) -> Iterable[str]:
        """Text, what matters most first; free text in it goes through `quoted`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Rendered:
    """An answer as it leaves: text, and JSON without nulls (but for nulls inside foreign data).

    `untrusted` and `personal` state whether it holds free text from outside, and data about a person.
    """

    text: str
    structured: dict[str, JsonValue]
    untrusted: bool
    personal: bool


def render(answer: Answer, *, mask: bool) -> Rendered:
    """Make every text in an answer harmless (and mask it, if wanted), then render it.

    In a long answer, free texts but those of messages are cut shorter.
    """
    rendered = _render(answer, _Scrubber(mask=mask))
    for characters in SHORTER_CHARACTERS:
        if len(rendered.text) <= MAX_ANSWER_CHARACTERS:
            break
        rendered = _render(answer, _Scrubber(mask=mask, free_text=characters))
    return rendered


def _render(answer: Answer, scrubber: "_Scrubber") -> Rendered:
    scrubbed = scrubber.model(answer)
    return Rendered(
        text="\n".join(scrubbed.lines()),
        structured=scrubbed.model_dump(mode="json", by_alias=True, exclude_none=True),
        untrusted=scrubber.untrusted,
        personal=scrubber.personal,
    )


def render_error(text: str, *, mask: bool) -> str:
    """Make a failure one harmless sentence, masked if requested: it may quote foreign text."""
    text = harmless(text)
    return cut(mask_text(text) if mask else text, MAX_ERROR_CHARACTERS)


class _Scrubber:
    """Makes every text and key of a model harmless, short, and masked on request, and notes what it met.

    Returns the same object where nothing had to change; the copy of a model is not validated again.
    """

    def __init__(self, *, mask: bool, free_text: int = FREE_TEXT_CHARACTERS) -> None:
        self._mask = mask
        self._free_text_characters = free_text
        self.untrusted = False
        self.personal = False

    def model(self, model: AnyModel) -> AnyModel:
        bound = field_bounds(type(model))
        self.personal = self.personal or getattr(model, "personal", False) is True
        changed: dict[str, Any] = {}
        for name, value in model.__dict__.items():
            clean = self._value(value, name, bound.get(name, _NAME))
            if clean is not value:
                changed[name] = clean
        return model.model_copy(update=changed) if changed else model

    def _value(self, value: Any, key: str, bound: Bound) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, key, bound)
        if isinstance(value, _SCALARS):
            return mask_value(value, key) if self._mask and isinstance(value, int) else value
        if isinstance(value, BaseModel):
            return self.model(value)
        if isinstance(value, Mapping):
            return self._mapping(value, bound)
        if isinstance(value, list | tuple):
            items = [self._value(item, key, bound) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else type(value)(items)
        raise TypeError(f"{key}: cannot clean a {type(value).__name__}")

    def _text(self, text: str, key: str, bound: Bound) -> str:
        if isinstance(bound, FreeText):
            return self._free_text(text, key, bound)
        text = harmless(text)
        return cut(mask_text(text, key) if self._mask else text, bound.characters)

    def _free_text(self, text: str, key: str, bound: FreeText) -> str:
        self.untrusted = True
        if isinstance(text, Excerpt):
            return text
        text = harmless(text, keep_lines=bound.keep_lines)
        most = bound.characters if bound.characters > FREE_TEXT_CHARACTERS else self._free_text_characters
        return Excerpt.of(mask_text(text, key) if self._mask else text, most)

    def _mapping(self, values: Mapping[Any, Any], bound: Bound) -> Mapping[Any, Any]:
        clean: dict[Any, Any] = {}
        for key, value in values.items():
            name = self._text(key, "", _NAME) if isinstance(key, str) else key
            if isinstance(bound, FreeText):
                name = key_name(name)
            while name in clean:
                name = f"{name}'"
            clean[name] = self._value(value, str(key), bound)
        same = all(name in values and clean[name] is values[name] for name in clean)
        return values if same else clean
