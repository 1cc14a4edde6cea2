"""Cells of a text file: what a column of them holds, and one of them as a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.timestamps import EXAMPLE, read_time

Form = Literal["text", "number", "boolean", "time"]
"""What the values of a column are written as; a time becomes Unix seconds."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,14})?", re.ASCII)
MAX_NUMBER_CHARACTERS = 17
"""Of a number that becomes one: 15 digits, a sign and a point, since a float keeps no more."""
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?", re.ASCII)
_OTHER_DATE = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1(?:[0-9]{2}){1,2}(?:[ T,].*)?", re.ASCII)
_MILLISECONDS = re.compile(r"1[0-9]{12}", re.ASCII)
"""From 2001 to 2033."""
_MISSING = frozenset({"nan", "null", "none", "n/a", "#n/a", "nil", "undefined", "inf", "-inf", "nat", "<na>"})
"""What programs write for a missing value, in lower case."""
_LONGEST_MISSING = max(map(len, _MISSING))
_TRUTHS = {"true": True, "false": False}

Oddity = Literal["dates", "other dates", "milliseconds", "missing"]
"""What a person may not expect to be sent as it is: dates, in ISO's order or another, and words for nothing."""


@dataclass(slots=True)
class Guess:
    """What the cells of one column are, as far as they were seen: a form only where all of them agree."""

    form: Form | None = None
    odd: dict[Oddity, int] = field(default_factory=dict)

    def see(self, cell: str) -> None:
        """Take a cell that isn't empty into account."""
        form = self.form
        if form == "text":
            pass
        elif len(cell) <= MAX_NUMBER_CHARACTERS and _NUMBER.fullmatch(cell):
            self.form = "number" if form in (None, "number") else "text"
        elif cell.lower() in _TRUTHS:
            self.form = "boolean" if form in (None, "boolean") else "text"
        else:
            self.form = "text"
        if (oddity := _oddity(cell)) is not None:
            self.odd[oddity] = self.odd.get(oddity, 0) + 1


def _oddity(cell: str) -> Oddity | None:
    if cell[0].isdecimal():
        if _ISO_DATE.fullmatch(cell):
            return "dates"
        if _MILLISECONDS.fullmatch(cell):
            return "milliseconds"
        return "other dates" if _OTHER_DATE.fullmatch(cell) else None
    return "missing" if len(cell) <= _LONGEST_MISSING and cell.lower() in _MISSING else None


def read_text(value: JsonValue) -> JsonValue:
    """A value as text, where it is a number or a truth value."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return value


def read_number(value: JsonValue) -> JsonValue:
    """A number that is written as text.

    Raises:
        InvalidArgument: it is none, or has more digits than a number keeps.
    """
    match value:
        case bool():
            pass
        case int() | float():
            return value
        case str() if len(text := value.strip()) <= MAX_NUMBER_CHARACTERS and _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
    raise InvalidArgument("", "expected a number such as 12.5, of at most 15 digits")


def read_boolean(value: JsonValue) -> JsonValue:
    """A truth value that is written as text.

    Raises:
        InvalidArgument: it is none.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (truth := _TRUTHS.get(value.strip().lower())) is not None:
        return truth
    raise InvalidArgument("", "expected true or false")


def read_seconds(value: JsonValue) -> JsonValue:
    """A time as Unix seconds; UTC where it has no zone.

    Raises:
        InvalidArgument: it is neither ISO 8601 nor Unix seconds, or before 1970. Other orders of day and month aren't
            guessed.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidArgument("", f"expected an ISO 8601 time, such as {EXAMPLE}")
    try:
        seconds = int(read_time(value, "").at.timestamp())
    except InvalidArgument as wrong:
        raise InvalidArgument("", str(wrong).removeprefix(": ")) from None
    except (OverflowError, ValueError):
        seconds = -1
    if seconds < 0:
        raise InvalidArgument("", "expected a time from 1970 on")
    return seconds


READERS: Mapping[Form, Callable[[JsonValue], JsonValue]] = {
    "text": read_text,
    "number": read_number,
    "boolean": read_boolean,
    "time": read_seconds,
}
"""How a value is read, by the form that its column has."""
