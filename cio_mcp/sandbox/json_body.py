"""Parsing of request bodies into JSON that any handler can store and return."""

import json
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Nested arrays and objects. Chosen: no limit is published."""


def parse(body: bytes) -> Any:
    """Parse a JSON body; an empty one is None. Lone surrogates become U+FFFD, which can be encoded.

    Raises:
        ValueError: the body is not JSON, or nested too deeply.
    """
    if not body:
        return None
    try:
        value = json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    has_surrogates = b"\\ud" in body.lower()
    if has_surrogates or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        return _clean(value, 0)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError("the number is out of range")
    return number


def _clean(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_clean(name, depth): _clean(item, depth + 1) for name, item in value.items()}
    return value
