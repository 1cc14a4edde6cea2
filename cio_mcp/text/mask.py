"""Masking of email addresses and phone numbers: enough stays to recognise one, not to use it."""

import re

from pydantic import JsonValue

DOTS = "•••"
_NEVER = r"\s@•<>()\[\]\"\\,;:“”‹›［］"  # noqa: RUF001 - signs as `quoted` writes them
_EMAIL = re.compile(
    # Lengths bounded as in RFC 5321, section 4.5.3.1, which also keeps the search linear.
    rf"(?P<local>\"[^\"•]{{1,62}}\"|[^{_NEVER}/?=&]{{0,63}}[^{_NEVER}])"
    r"(?P<at>@|%40)"
    r"(?P<domain>\[[\w.:]{2,45}\]|[^\W_](?:[\w.-]{0,253}\w)?)"
    r"(?!@|%40)"
)
_PHONE = re.compile(r"(?:\+|%2[Bb])(?P<number>\d(?:[ .()/-]{0,2}\d){6,14})")  # E.164: at most 15 digits
_PHONE_KEY = re.compile(
    r"(?:phone|mobile|(?<![a-z])(?:tel|cell|sms|whatsapp|msisdn|fax))(?:[_ -]?(?:number|num|no|nr|e164))?[_ -]?\d*$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:whatsapp:)?\+?\d[\d .()/-]{4,}\d")
"""What can only be a phone number where it says whom a message went to."""
_FEWEST_DIGITS = 6


def mask_email(text: str) -> str:
    """Mask every address in a text: `ada@example.com` becomes `a•••@example.com`."""
    return _EMAIL.sub(_hidden_local, text) if "@" in text or "%40" in text else text


def mask_phone(text: str) -> str:
    """Mask a text that is a phone number: `+4915112345678` becomes `+4•••78`; too few digits stay as they are."""
    digits = [character for character in text if character.isdigit()]
    if len(digits) < _FEWEST_DIGITS:
        return text
    plus = "+" if text.lstrip().startswith("+") else ""
    return f"{plus}{digits[0]}{DOTS}{''.join(digits[-2:])}"


def mask_text(text: str, key: str = "") -> str:
    """Mask addresses and international numbers in a text; under a key such as `phone`, the whole of it."""
    text = mask_email(text)
    if key and (is_phone_key(key) or (key == "recipient" and _NUMBER.fullmatch(text))):
        return mask_phone(text)
    if "+" in text or "%2" in text:
        return _PHONE.sub(lambda found: mask_phone(f"+{found['number']}"), text)
    return text


def is_phone_key(key: str) -> bool:
    """Whether an attribute of this name holds a phone number (`phone`, `mobile_number`, `homePhone2` …)."""
    return _PHONE_KEY.search(key) is not None


def masked(value: JsonValue, key: str = "") -> JsonValue:
    """Mask a JSON value throughout, its keys included; `key` is the name it stands under."""
    match value:
        case str():
            return mask_text(value, key)
        case bool() | float() | None:
            return value
        case int():
            return mask_phone(str(value)) if key and is_phone_key(key) else value
        case list():
            return [masked(item, key) for item in value]
        case _:
            return {mask_text(name): masked(item, name) for name, item in value.items()}


def _hidden_local(found: re.Match[str]) -> str:
    local = found["local"]
    # Of one or two characters the first would be the whole secret.
    first = local[0] if len(local) > 2 and local[0].isalnum() else ""  # noqa: PLR2004 - said in the comment
    return f"{first}{DOTS}{found['at']}{found['domain']}"
