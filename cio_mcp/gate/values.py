"""JSON values as they are meant: compared, since Customer.io returns most attributes as text, and searched for text."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from pydantic import JsonValue

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?")


def same(read: JsonValue, written: JsonValue) -> bool:
    """Whether a value as the App API returns it is the one that was written.

    Absent, null and "" are one value. Numbers are compared by value and may stand as text, as may true and false.
    Objects and lists are compared part by part, also where they come as JSON text, whatever its spacing and order.
    Two texts are the same only letter by letter: "007" is not "7".
    """
    try:
        return _same(read, written)
    except RecursionError:
        return False


def _same(one: Any, other: Any) -> bool:
    match one, other:
        case (dict(), dict()):
            return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
        case (list(), list()):
            return len(one) == len(other) and all(map(_same, one, other))
        case (str(), dict() | list()) | (dict() | list(), str()):
            text, whole = (one, other) if isinstance(one, str) else (other, one)
            parsed = _parse(text)
            return type(parsed) is type(whole) and _same(parsed, whole)
        case _:
            return _same_scalar(one, other)


def _same_scalar(one: Any, other: Any) -> bool:
    match one, other:
        case (None | "", None | ""):
            return True
        case (str(), str()) | (bool(), bool()):
            return bool(one == other)
        case (bool(), str()) | (str(), bool()):
            return _spell(one) == _spell(other)
        case _:
            number = _number(one)
            return number is not None and number == _number(other)


def _spell(value: str | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: object) -> Decimal | None:
    match value:
        case bool():
            return None
        case int() | Decimal():
            return Decimal(value)
        case float():
            return Decimal(repr(value))
        case str() if _JSON_NUMBER.fullmatch(value):
            return Decimal(value)
        case _:
            return None


def _parse(text: str) -> object:
    """JSON text as a value; None where it is none. Numbers become decimals, which have no bound in digits."""
    try:
        return json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def texts_in(value: JsonValue) -> Iterator[str]:
    """Every text in a value, keys included; other scalars as Python writes them."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from texts_in(item)
        case dict():
            for key, item in value.items():
                yield key
                yield from texts_in(item)
        case _:
            yield str(value)


def values_in(value: JsonValue) -> Iterator[str]:
    """The same without keys."""
    match value:
        case list():
            for item in value:
                yield from values_in(item)
        case dict():
            for item in value.values():
                yield from values_in(item)
        case _:
            yield str(value)
