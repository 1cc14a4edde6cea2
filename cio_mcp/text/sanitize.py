"""Foreign text (names, attributes, event data, bodies) made harmless before it stands anywhere in an answer."""

import json
import re

from pydantic import JsonValue

NAME_CHARACTERS = 200
"""Characters of an id, an address, a name or an enumerated value. Chosen: the longest name documented has 190."""
FREE_TEXT_CHARACTERS = 500
"""Characters of a free text that is not the body of a message. Chosen."""

LINE_BREAKS = r"\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_BREAKS = re.compile(f" ?[{LINE_BREAKS}]+")
UNSEEN_CHARACTERS = re.compile(
    "["
    r"\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"  # control characters that break no line
    r"\u00ad\u034f\u061c\u070f\u08e2"  # soft hyphen, joiner, Arabic and Syriac marks
    r"\u0600-\u0605\u06dd\u0890\u0891"  # Arabic prepended signs
    r"\u115f\u1160\u17b4\u17b5\u3164\uffa0\U00016fe4"  # fillers that are letters yet show nothing
    r"\u2800\U0001d159\U0001107f"  # a Braille cell without dots, a note without a head, a joiner of Brahmi numbers
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # zero-width, bidi embeddings, overrides, isolates
    r"\ufe00-\ufe0f\ufeff\ufff0-\uffff"  # variation selectors (they can smuggle bytes), BOM, annotations
    r"\ud800-\udfff"  # lone surrogates: no encoder takes them
    r"\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # script controls
    r"\U000e0000-\U000e0fff"  # tag characters and further variation selectors
    "]+"
)
_MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f"
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
"""Marks that stand on the letter before them, in any number."""
STACKED_MARKS = re.compile(rf"\A[{_MARKS}]+|(?<=[{_MARKS}]{{4}})[{_MARKS}]+")
"""Marks without a letter, or more than four on one: they cover what is around them. No language needs as many."""
_HIDDEN = re.compile(f"{UNSEEN_CHARACTERS.pattern}|[\v\f\r\x1c-\x1e\x85\u2028\u2029]")
MAX_LOCAL_CHARACTERS = 320
"""Characters before an @ that can belong to an address; RFC 5321 allows 64."""
_PLAIN = re.compile(r"[A-Za-z0-9_][\w=-]{0,63}", re.ASCII)
_KEY = re.compile(r"(?:\w[\w .$-]{0,99}|“[^“”]*”)'*")
"""An attribute's name that reads as one, or is quoted already; apostrophes tell equal ones apart."""
_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys('"“”„‟″〝〞`', "'"),
        "<": "‹",  # noqa: RUF001 - the single-quote look-alike is the point
        ">": "›",  # noqa: RUF001 - the single-quote look-alike is the point
        "[": "［",  # noqa: RUF001 - the fullwidth look-alike is the point
        "]": "］",  # noqa: RUF001 - the fullwidth look-alike is the point
        "*": "∗",  # noqa: RUF001 - the mathematical look-alike is the point
        "|": "¦",
        "~": "∼",  # noqa: RUF001 - the mathematical look-alike is the point
    }
)


_CLOSERS = str.maketrans({**dict.fromkeys("“”„‟″〝〞`", "'"), "<": "‹", ">": "›"})  # noqa: RUF001 - as above
_LINK = re.compile(r"\](?=\()")
_QUOTATION_MARKS = {"“": "”", '"': '"', "'": "'", "‘": "’", "«": "»", "`": "`"}  # noqa: RUF001 - they are the point


def without_quotation_marks(text: str) -> str:
    """An ID or name without the spaces around it and the one pair of quotation marks it was copied with."""
    text = text.strip()
    wrapped = len(text) > 2 and _QUOTATION_MARKS.get(text[0]) == text[-1]  # noqa: PLR2004 - two marks and something
    return text[1:-1].strip() if wrapped else text


def harmless(text: str, *, keep_lines: bool = False) -> str:
    """Drop invisible characters (control, zero-width, bidi) and make line breaks and tabs one space.

    With `keep_lines` every kind of line break becomes a plain newline instead; tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    if keep_lines:
        text = re.sub("\r\n|[\v\f\r\x1c-\x1e\x85\u2028\u2029]", "\n", text)
        return UNSEEN_CHARACTERS.sub("", text)
    return _BREAKS.sub(" ", UNSEEN_CHARACTERS.sub("", text))


def without_unseen(text: str) -> str:
    """Drop invisible characters; line breaks stay."""
    return text if text.isascii() and text.isprintable() else UNSEEN_CHARACTERS.sub("", text)


def has_unseen(text: str) -> bool:
    """Whether a text holds characters that are not seen; line breaks do not count."""
    return UNSEEN_CHARACTERS.search(text) is not None


def reveal(text: str) -> str:
    """Show invisible characters as escapes, for a person who must see exactly what is there; newlines stay."""
    return _HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut ends in "…"."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean(text: str, limit: int) -> str:
    """Foreign text on one line, without unseen characters, at most `limit` (at least 1) characters long.

    An address that would be cut before its @ loses all before it: what is left of it could not be masked.
    """
    text = harmless(text)
    if len(text) <= limit:
        return text
    begun, rest = text[: limit - 1], text[limit - 1 : limit - 1 + MAX_LOCAL_CHARACTERS]
    local, at, domain = rest.partition("@")
    if at and not any(map(str.isspace, local)):
        start = 1 + max((place for place, character in enumerate(begun) if character.isspace()), default=-1)
        return cut(f"{begun[:start]}…@{domain}", limit)
    return f"{begun}…"


def quoted(text: str, limit: int = 80) -> str:
    """Foreign text for one of our sentences: clean, in curly quotes that it cannot close.

    Quotes, backticks and the signs of Markdown and HTML become look-alikes, so no client renders
    a link, a heading or a tag from it.
    """
    return f"“{clean(text, limit).translate(_LOOKALIKES)}”"


def quoted_name(name: str) -> str:
    """A name, an id or an address, whole and as it is, so that it can be copied: `auth0|5`, `[EU] Welcome`.

    Only what would close the quotes, open a tag or make a link becomes a look-alike.
    """
    return f"“{_LINK.sub('］', clean(name, NAME_CHARACTERS).translate(_CLOSERS))}”"  # noqa: RUF001 - as above


def quoted_text(text: str) -> str:
    """Free text, as much of it as structured content has."""
    return quoted(text, FREE_TEXT_CHARACTERS)


def word(text: str, limit: int = 40) -> str:
    """A name or id for one of our sentences: a plain one stands bare, any other is quoted."""
    return text if _PLAIN.fullmatch(text) else quoted(text, limit)


def key_name(name: str) -> str:
    """The name of an attribute beside free text: what does not read as a name is quoted, since a key bears no mark."""
    return name if _KEY.fullmatch(name) else quoted(name, 100)


def quoted_value(value: JsonValue, limit: int = 80) -> str:
    """A foreign JSON value for one of our sentences: texts quoted, numbers and truths plain, the rest as JSON."""
    if isinstance(value, str):
        return quoted(value, limit)
    plain = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return plain if value is None or isinstance(value, bool | int | float) else quoted(plain, limit)
