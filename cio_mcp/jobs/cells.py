"""Cells of a text file: what a column of them holds, and one of them as a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.local_forms import read_day_first, read_decimal_comma, read_month_first
from cio_mcp.text.timestamps import EXAMPLE, read_time

Form = Literal["text", "number", "decimal_comma", "boolean", "time", "day_first", "month_first"]
"""What the values of a column are written as; times and dates become Unix seconds."""
TIMES: frozenset[Form | None] = frozenset({"time", "day_first", "month_first"})

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,14})?", re.ASCII)
MAX_NUMBER_CHARACTERS = 17
"""Of a number that becomes one: 15 digits, a sign and a point, since a float keeps no more."""
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?", re.ASCII)
_OTHER_DATE = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1(?:[0-9]{2}){1,2}(?:[ T,].*)?", re.ASCII)
_COMMA = re.compile(r"-?[0-9.]+,[0-9]+", re.ASCII)
_MILLISECONDS = re.compile(r"1[0-9]{12}", re.ASCII)
"""From 2001 to 2033."""
_MISSING = frozenset({"nan", "null", "none", "n/a", "#n/a", "nil", "undefined", "inf", "-inf", "nat", "<na>"})
"""What programs write for a missing value, in lower case."""
_TRUTHS = {"true": True, "false": False}
_LONGEST_WORD = max(map(len, (*_MISSING, *_TRUTHS)))
_DIGITS_OR_SIGN = frozenset("-0123456789")
_FIRST_OF_WORDS = frozenset(letter for word in (*_MISSING, *_TRUTHS) for letter in (word[0], word[0].upper()))

DECIMAL_COMMA = ". To read 12,5, map the column to :decimal_comma"
DAY_OR_MONTH = ". To read 31.01.2026 or 01/31/2026, map the column to :day_first or :month_first"

Oddity = Literal["dates", "other dates", "commas", "milliseconds", "missing"]
"""What a person may not expect to be sent as it is: dates, in ISO's order or another, and words for nothing."""
NEARLY = 0.9
"""Share of cells from which a column counts as one of numbers or truth values that has a few others. Chosen."""


@dataclass(slots=True)
class Guess:
    """What the cells of one column are, as far as they were seen; `codes` are digits that are no plain number."""

    cells: int = 0
    numbers: int = 0
    truths: int = 0
    codes: int = 0
    odd: dict[Oddity, int] = field(default_factory=dict)

    @property
    def form(self) -> Form | None:
        """The form of the column: more than text only where all cells agree."""
        if not self.cells:
            return None
        return "number" if self.numbers == self.cells else "boolean" if self.truths == self.cells else "text"

    @property
    def others(self) -> int:
        """How many cells keep nearly all from being numbers, or nearly all from being truth values; 0 without such."""
        most = max(self.numbers, self.truths)
        return 0 if self.codes or most < NEARLY * self.cells else self.cells - most

    def see(self, cell: str) -> None:
        """Take a cell that isn't empty into account."""
        self.cells += 1
        odd: Oddity | None = None
        first = cell[0]
        if first in _DIGITS_OR_SIGN:
            if cell[4:5] == "-":  # quickly: no number has a hyphen there, and nearly every date does
                odd = _oddity(cell)
            elif len(cell) <= MAX_NUMBER_CHARACTERS and _NUMBER.fullmatch(cell):
                self.numbers += 1
                odd = "milliseconds" if _MILLISECONDS.fullmatch(cell) else None
            elif cell.isdecimal():
                self.codes += 1
            else:
                odd = _oddity(cell)
        elif first in _FIRST_OF_WORDS and len(cell) <= _LONGEST_WORD:
            word = cell.lower()
            if word in _TRUTHS:
                self.truths += 1
            elif word in _MISSING:
                odd = "missing"
        if odd is not None:
            self.odd[odd] = self.odd.get(odd, 0) + 1


def _oddity(cell: str) -> Oddity | None:
    if _ISO_DATE.fullmatch(cell):
        return "dates"
    if _OTHER_DATE.fullmatch(cell):
        return "other dates"
    if "," in cell and _COMMA.fullmatch(cell):
        return "commas"
    return "missing" if cell.lower() in _MISSING else None


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
    hint = DECIMAL_COMMA if isinstance(value, str) and _COMMA.fullmatch(value.strip()) else ""
    raise InvalidArgument("", f"expected a number such as 12.5, of at most 15 digits{hint}")


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
        hint = DAY_OR_MONTH if _OTHER_DATE.fullmatch(str(value).strip()) else ""
        raise InvalidArgument("", f"{str(wrong).removeprefix(': ')}{hint}") from None
    except (OverflowError, ValueError):
        seconds = -1
    if seconds < 0:
        raise InvalidArgument("", "expected a time from 1970 on")
    return seconds


READERS: Mapping[Form, Callable[[JsonValue], JsonValue]] = {
    "text": read_text,
    "number": read_number,
    "decimal_comma": read_decimal_comma,
    "boolean": read_boolean,
    "time": read_seconds,
    "day_first": read_day_first,
    "month_first": read_month_first,
}
"""How a value is read, by the form that its column has."""
