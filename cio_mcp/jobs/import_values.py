"""Values of a row of an import, each as its column wants it, and checked for what Customer.io refuses or misreads."""

import json
import re
from itertools import chain
from math import isfinite

from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.attribute_checks import check_meaning
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.cells import READERS, TIMES, Form
from cio_mcp.jobs.columns import Target
from cio_mcp.text.names import hidden_characters, names_in
from cio_mcp.text.sanitize import quoted

SURE_CHARACTERS = tracking.ATTRIBUTE_VALUE_BYTES // 4
"""A text of this length has few enough bytes, whatever its characters."""
MAX_INTEGER_BITS = 64
MAX_LEVELS = 100
"""Lists and objects inside one another. Chosen: how many a parser takes depends on what calls it."""
DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)


def read_value(target: Target, form: Form | None, value: JsonValue) -> JsonValue:
    """A value in the form of its column.

    Raises:
        InvalidArgument: it can't be read so; the field names the column.
    """
    if isinstance(value, str):
        value = value.strip()
        if target.checked == "created_at" and form not in TIMES and DIGITS.fullmatch(value):
            return int(value)
    if form is None or value == "":
        return value
    try:
        read = READERS[form](value)
    except InvalidArgument as wrong:
        raise InvalidArgument(quoted(target.column), str(wrong).removeprefix(": ")) from None
    if target.role and form == "text" and not isinstance(read, str):
        raise InvalidArgument(quoted(target.column), "expected text")
    return read


def check_value(column: str, value: JsonValue, limit: int) -> None:
    """Refuse a value that Customer.io or JSON has no room for.

    Raises:
        InvalidArgument: it is longer than `limit` bytes, no number, or has names inside that can't be seen.
    """
    match value:
        case str():
            if len(value) <= SURE_CHARACTERS and value.isascii():
                return
            size = bytes_of(column, value)
        case bool():
            return
        case int():
            if value.bit_length() > MAX_INTEGER_BITS:
                raise InvalidArgument(quoted(column), "has too many digits for a number; send it as text")
            return
        case float():
            if not isfinite(value):
                raise InvalidArgument(quoted(column), "isn't a number (NaN or Infinity)")
            return
        case _:
            size = _nested_size(column, value)
    check_bytes(column, size, limit)


def check_bytes(column: str, size: int, limit: int) -> None:
    """Refuse what is too long.

    Raises:
        InvalidArgument: it is longer than `limit` bytes.
    """
    if size > limit:
        raise InvalidArgument(quoted(column), f"is {size:,} bytes long; Customer.io accepts at most {limit:,}")


def bytes_of(column: str, text: str) -> int:
    """Count the bytes of a text.

    Raises:
        InvalidArgument: it has half a character, which no encoding has bytes for.
    """
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise InvalidArgument(quoted(column), "contains an incomplete character") from None


def is_deep(value: JsonValue) -> bool:
    """Whether a value has more levels of lists and objects than a row may have."""
    inner: list[JsonValue] = [value]
    for _ in range(MAX_LEVELS + 1):
        parts = (each.values() if isinstance(each, dict) else each for each in inner if isinstance(each, dict | list))
        inner = [*chain.from_iterable(parts)]
        if not inner:
            return False
    return True


def _nested_size(column: str, value: JsonValue) -> int:
    if is_deep(value):
        raise InvalidArgument(quoted(column), f"has more than {MAX_LEVELS} levels of lists and objects")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise InvalidArgument(quoted(column), "contains NaN or Infinity") from None
    if any(map(hidden_characters, names_in(value))):
        raise InvalidArgument(quoted(column), "has names inside with invisible characters")
    return bytes_of(column, text)


def check_attribute(target: Target, value: JsonValue) -> None:
    """Refuse a value that one of Customer.io's own attributes can't have.

    Raises:
        InvalidArgument: see `check_meaning`; the field names the column.
    """
    try:
        check_meaning("", target.name, value)
    except InvalidArgument as wrong:
        hint = ""
        if target.checked == "created_at" and target.form not in TIMES:
            hint = f'. To convert a date, map the column to "{target.name}:time"'
        raise InvalidArgument(quoted(target.column), f"{str(wrong).removeprefix(f'{wrong.field}: ')}{hint}") from None
