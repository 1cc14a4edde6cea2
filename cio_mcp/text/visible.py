"""Foreign text shown to a person who must see exactly what is there: every text has one spelling of its own."""

import json
import re
import unicodedata
from functools import lru_cache

from pydantic import JsonValue

from cio_mcp.text.sanitize import STACKED_MARKS, UNSEEN_CHARACTERS

LOOKALIKES = {
    "<": "‹",  # noqa: RUF001 - the look-alike is the point
    ">": "›",  # noqa: RUF001 - the look-alike is the point
    "[": "［",  # noqa: RUF001 - the look-alike is the point
    "]": "］",  # noqa: RUF001 - the look-alike is the point
    "*": "∗",  # noqa: RUF001 - the look-alike is the point
    "|": "¦",
    "~": "∼",  # noqa: RUF001 - the look-alike is the point
    "`": "ˋ",  # noqa: RUF001 - the look-alike is the point
}
"""Signs of Markdown and HTML, which a client might render, and how they are shown; no text can show these otherwise."""

MAX_VALUE_CHARACTERS = 500
"""The longest value that `shorten` shows whole."""
_HEAD, _TAIL = 400, 50
"""Characters of the beginning and of the end of a longer one."""
_ESCAPE_CHARACTERS = 10

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'}
_QUOTES = "“”„‟″〝〞"
_TWO_SPACES = re.compile(r"(?<= ) |^ | $")
_PLAIN = re.compile(r"[A-Za-z0-9_@.,:;!?/+=&%$#(){}' -]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)


def visible(text: str) -> str:
    r"""Spell a text on one line in curly quotes that it cannot close; different texts are spelled differently.

    Characters that can't be seen (control, zero-width, direction, unusual or repeated spaces) become escapes such as
    `\u200b`. Signs of Markdown and HTML become look-alikes, so that no client renders a link or a tag from them.
    """
    spelled = text
    if not _PLAIN.fullmatch(text):
        spelled = STACKED_MARKS.sub(_escape_all, "".join(map(_spell, text)))
    return f"“{_TWO_SPACES.sub(_escape_space, spelled)}”"


def hides(text: str) -> bool:
    """Whether a text holds characters that a person does not see."""
    if text.isascii() and text.isprintable():
        return False
    return any(map(_unseen, set(text))) or STACKED_MARKS.search(text) is not None


def visible_name(name: str) -> str:
    """Spell a key: a plain word stands bare, any other in quotes."""
    return name if _NAME.fullmatch(name) else visible(name)


def visible_value(value: JsonValue) -> str:
    """Spell a JSON value: texts in quotes, lists in brackets, all else as JSON."""
    if isinstance(value, list):
        return f"[{', '.join(map(visible_value, value))}]"
    return visible(value) if isinstance(value, str) else json.dumps(value)


def shorten(value: JsonValue) -> tuple[str, bool]:
    """Spell a value, and whether that is all of it: of a long one, beginning and end, whatever its length."""
    if isinstance(value, list):
        return _shorten_list(value)
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        head = value[:_HEAD]
        head = head if len(visible(head)) <= MAX_VALUE_CHARACTERS else head[: _HEAD // _ESCAPE_CHARACTERS]
        more = len(value) - len(head) - _TAIL
        return f"{visible(head)[:-1]} … {more:,} more characters … {visible(value[-_TAIL:])[1:]}", False
    text = visible_value(value)
    if len(text) <= MAX_VALUE_CHARACTERS:
        return text, True
    return f"{text[:_HEAD]} … {len(text) - _HEAD - _TAIL:,} more characters … {text[-_TAIL:]}", False


def _shorten_list(items: list[JsonValue]) -> tuple[str, bool]:
    texts: list[str] = []
    size, whole = 2, True
    for item in items:
        text, fits = shorten(item)
        texts.append(text)
        size += len(text) + 2
        if not (whole := fits and size - 2 <= MAX_VALUE_CHARACTERS):
            break
    more = len(items) - len(texts)
    rest = f" … {more - 1:,} more items … {shorten(items[-1])[0]}" if more else ""
    return f"[{', '.join(texts)}{rest}]", whole


def _spell(character: str) -> str:
    if short := _SHORT.get(character):
        return short
    if lookalike := LOOKALIKES.get(character):
        return lookalike
    if character in _QUOTES or character in _SHOWN or _unseen(character):
        return _escape(character)
    return character


def _escape_all(marks: re.Match[str]) -> str:
    return "".join(map(_escape, marks[0]))


def _escape_space(_: re.Match[str]) -> str:
    return "\\u0020"


@lru_cache(maxsize=4096)
def _unseen(character: str) -> bool:
    if character in " \n":
        return False
    return bool(UNSEEN_CHARACTERS.match(character)) or unicodedata.category(character) in _INVISIBLE


def _escape(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - the end of the first plane


_SHOWN = frozenset(LOOKALIKES.values())
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
