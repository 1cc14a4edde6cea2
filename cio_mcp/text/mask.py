"""Masking of email addresses and phone numbers: enough stays to recognize one, not to use it."""

import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from pydantic import JsonValue

DOTS = "•••"
MAX_LOCAL_CHARACTERS = 320
"""Characters before an @ that can belong to an address; RFC 5321 allows 64, and what is longer is masked too."""

_AT = re.compile(
    r"(?:\s{0,2}@\s{1,2}|\s?[(\[]\s?[aA][tT]\s?[)\]]\s?)(?=[\w.-]{1,253}\.[^\W\d_]{2})"  # people, before a domain
    r"|@|%(?:25)*40|&#0*64;|&#[xX]0*40;|&commat;"
)
"""An @, as it is or as people, URLs, and HTML spell it."""
_SOFT = frozenset("?=&\"'/")
"""Signs that may end a local part, but before one are taken for what is around it, such as a query."""
_BOUNDARY = frozenset(" \t\n@•<>()[]\\,;:“”‹›［］") | (_SOFT - {"/"})  # noqa: RUF001 - signs as `quoted` writes them
_DOMAIN = re.compile(r"(?:\[[\w.:]{2,45}\]|[^\W_](?:[\w.-]{0,253}\w)?)(?!@|%(?:25)*40)")
_QUOTED_LOCAL = re.compile(r"\"[^\"•]{1,62}\"$")

_GAP = r"[ ._()/-]{0,2}"
_PHONE = re.compile(
    rf"(?:\+|%(?:25)*2[Bb]|&#0*43;|(?<![\w.])00(?=[1-9]))\(?\d(?:{_GAP}\d){{6,14}}"  # E.164: at most 15 digits
    r"|(?<![\w+])\(\d{2,5}\)[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){1,2}(?!\w)"  # an area code in parentheses
    r"|(?<![\w+.-])\d{3}[.-]\d{3}[.-]\d{4}(?![\w-])"  # as North America writes them
    r"|(?<![\w+.-])(?<!\d )[2-9]\d{2} [2-9]\d{2} \d{4}(?! ?\d|[\w-])"
)
_NUMBER = re.compile(r"(?:whatsapp:)?\+?\d[\d .()/-]{4,}\d")
"""A value that can only be a phone number, given that its key names the recipient of a message."""

_KEY_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PHONE_WORDS = frozenset(
    {"phone", "phones", "telephone", "telefon", "tel", "mobile", "mobil", "cell", "cellphone", "handy"}
    | {"fax", "sms", "whatsapp", "msisdn", "contact", "contacts", "phonenumber", "mobilenumber", "callme"}
    | {"fon", "festnetz", "telefono", "gsm", "natel"}
)
_OTHER_WORDS = frozenset({"at", "on", "date", "time", "count", "status", "type", "verified", "enabled", "score"})
"""A key with such an ending describes a number, and should contain none."""
_ADDRESS_KEYS = frozenset({"email", "emailaddress", "mail", "mailaddress"})
_TIME = re.compile(r"1\d{9}(?:\d{3}|\d{6})?(?:\.\d*)?|\d{4}-\d{2}-\d{2}\b.*")
"""A Unix time (seconds, milliseconds, or microseconds) or a date."""
_LONG_DIGITS = 10
"""Digits from which a number under a key that describes one is taken for the number itself. Chosen."""
_MIN_DIGITS = 6


def mask_email(text: str) -> str:
    """Mask every address in a text: `ada@example.com` becomes `a•••@example.com`."""
    folded = _fold(text)
    return _replace(text, _addresses(folded)) if _AT.search(folded) else text


def mask_phone(text: str) -> str:
    """Mask a text that is a phone number: `+4915112345678` becomes `+4•••78`; too few digits stay as they are."""
    digits = [character for character in _fold(text) if character.isdigit()]
    if len(digits) < _MIN_DIGITS:
        return text
    plus = "+" if _fold(text).lstrip().startswith("+") else ""
    return f"{plus}{digits[0]}{DOTS}{''.join(digits[-2:])}"


def mask_text(text: str, key: str = "") -> str:
    """Mask addresses and phone numbers in a text; under a key such as `phone`, the whole of it.

    In a text of JSON, the keys inside it count as well.
    """
    text = mask_email(_mask_json(text, key))
    if key and _is_phone(text, key):
        return mask_phone(text)
    if DOTS not in text and _AT.search(_fold(text)) and "".join(_words(key)) in _ADDRESS_KEYS:
        return f"{text[0]}{DOTS}"  # an address with a mistake in it
    return _replace(text, _numbers(_fold(text)))


def is_phone_key(key: str) -> bool:
    """Whether an attribute of this name holds a phone number (`phone`, `mobile_number`, `homePhone2`, `sms_to`)."""
    words = _words(key)
    return _names_phone(words) and words[-1] not in _OTHER_WORDS


def mask_value(value: JsonValue, key: str = "") -> JsonValue:
    """Mask a JSON value throughout, its keys included; `key` is the name it stands under."""
    match value:
        case str():
            return mask_text(value, key)
        case bool() | float() | None:
            return value
        case int():
            return mask_phone(str(value)) if key and key != "recipient" and _is_phone(str(value), key) else value
        case list():
            return [mask_value(item, key) for item in value]
        case _:
            return {mask_text(name): mask_value(item, name) for name, item in value.items()}


def _mask_json(text: str, key: str) -> str:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json.loads(text)
        masked = mask_value(value, key)
        return text if masked == value else json.dumps(masked, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return text


def _is_phone(text: str, key: str) -> bool:
    """Whether what stands under a key is a phone number, by the key or, where it only describes one, by its form."""
    if is_phone_key(key):
        return True
    folded = _fold(text)
    if not _NUMBER.fullmatch(folded):
        return False
    if key == "recipient":
        return True
    is_long = sum(map(str.isdigit, folded)) >= _LONG_DIGITS and not _TIME.fullmatch(folded)
    return is_long and _names_phone(_words(key))


def _words(key: str) -> list[str]:
    return [word.casefold() for word in _KEY_WORD.findall(_fold(key))]


def _names_phone(words: list[str]) -> bool:
    pairs = (f"{first}{second}" for first, second in pairwise(words))  # WhatsApp, mobilePhone
    return not _PHONE_WORDS.isdisjoint((*words, *pairs))


def _fold(text: str) -> str:
    """The text with every character in its plain form, one for one, so that positions are the same."""
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.category(character) in {"Pd", "Zs"}:
        return "-" if unicodedata.category(character) == "Pd" else " "
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 else character


def _replace(text: str, parts: Iterator[tuple[int, int, str]]) -> str:
    pieces, last = [], 0
    for start, end, replacement in parts:
        pieces += [text[last:start], replacement]
        last = end
    return "".join([*pieces, text[last:]])


def _addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """The local part of each address: its place, and its replacement."""
    last = 0
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        start = _local_start(text, at.start(), last)
        if domain is None or start == at.start():
            continue
        local = text[start : at.start()]
        # Of one or two characters the first would be the whole secret.
        first = local[0] if len(local) > 2 and local[0].isalnum() else ""  # noqa: PLR2004 - as the comment says
        yield start, at.start(), f"{first}{DOTS}"
        last = at.end()


def _local_start(text: str, end: int, last: int) -> int:
    earliest = max(last, end - MAX_LOCAL_CHARACTERS)
    if quoted := _QUOTED_LOCAL.search(text, earliest, end):
        return quoted.start()
    start = end
    while start > earliest and text[start - 1] in _SOFT:
        start -= 1
    while start > earliest and text[start - 1] not in _BOUNDARY and not text[start - 1].isspace():
        start -= 1
    # In a URL the path before an address is none of it; elsewhere a slash may be part of a local part.
    slash = text.rfind("/", start, end)
    in_url = slash >= 0 and ("//" in text[max(0, start - 2) : end] or text[max(0, start - 3) : start].endswith("://"))
    return slash + 1 if in_url and slash + 1 < end else start


def _numbers(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _PHONE.finditer(text):
        number = re.sub(r"^(?:%(?:25)*2[Bb]|&#0*43;|00)", "+", match[0])
        yield match.start(), match.end(), mask_phone(number)
