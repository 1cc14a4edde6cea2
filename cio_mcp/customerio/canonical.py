"""Requests in a form in which two that have the same effect are equal."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.operations import Effect, Operation
from cio_mcp.text.names import fold
from cio_mcp.text.normalization import normalize

FORM_VERSION = 3
"""The version of the forms below. Raise it with every change that alters the form of a request: what was stored under
an older version is then computed again, so that no duplicate of it is missed."""

EVENT_NAME = "name"
"""The body field with the name of an event."""
_CASE_SENSITIVE = frozenset({"id", "ids", "userId", "anonymousId", "anonymous_id"})
"""Keys of identifiers that Customer.io compares as they are, even where they look like an address."""


def canonical(value: object) -> str:
    """JSON with one spelling: sorted keys, no spaces, no escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def comparable(
    row: Operation, effects: tuple[Effect, ...], path: Mapping[str, str], query: Mapping[str, str], body: Any
) -> JsonValue:
    """A request without what does not change its effect.

    Left out are generated ids and times, the time of a schedule, and fields that have their published default.
    Numbers count by value, addresses without case, and text in one Unicode form (NFC).
    """
    batch = bool(row.elements) and isinstance(body, dict)
    shared = {key: value for key, value in body.items() if key != row.elements} if batch else {}
    return {
        "path": {name: _comparable_value(row, name, value) for name, value in path.items()},
        "query": _plain(dict(query)),
        "shared": _plain(shared),
        "effects": [{"operation": each.operation.id, "body": _comparable_body(each)} for each in effects],
    }


def comparable_target(effects: tuple[Effect, ...], path: Mapping[str, str]) -> JsonValue:
    """The target of a request, without its data: the operation, the person, and the message or event.

    Two requests with the same effect have the same target.
    """
    return [
        {
            "operation": each.operation.id,
            "path": {name: _comparable_value(each.operation, name, value) for name, value in path.items()},
            "body": dict(_named(each)),
        }
        for each in effects
    ]


def _named(effect: Effect) -> Iterator[tuple[str, JsonValue]]:
    """The fields of a body that name the person, what the operation is about, and the event."""
    row = effect.operation
    person = row.people[:1]
    names = dict.fromkeys((*person, row.target, *((EVENT_NAME,) if row.event_data else ())))
    body = _comparable_body(effect, names)
    for name in names:
        value = body.get(name) if isinstance(body, dict) else None
        # A list is an audience, which belongs to the data.
        if value is not None and not (name in person and isinstance(value, list)):
            # Campaigns start from an event in any spelling of its name.
            yield name, fold(value) if name == EVENT_NAME and row.event_data and isinstance(value, str) else value


def _comparable_body(effect: Effect, names: Collection[str] | None = None) -> JsonValue:
    """The body of an effect; of an object, all of it, or the fields with these `names`."""
    row, body = effect.operation, effect.body
    if not isinstance(body, dict):
        return _plain(body)
    numbers_or_text = {field.name for field in row.body_fields if {"integer", "string"} <= {*field.types}}
    kept: dict[str, JsonValue] = {}
    for name, value in body.items():
        key = normalize("NFC", name)
        wanted = names is None or key in names
        if wanted and name not in row.not_compared and not _is_default(row, name, value):
            plain = _comparable_value(row, name, value)
            kept[key] = str(plain) if name in numbers_or_text else plain
    return kept


def _comparable_value(row: Operation, name: str, value: Any) -> JsonValue:
    return _fold_address(name, value) if name in row.people else _plain(value)


def _is_default(row: Operation, name: str, value: Any) -> bool:
    # By type, too: in Python 0 equals False.
    return any(name == field and type(value) is type(default) and value == default for field, default in row.defaults)


def _fold_address(name: str, value: Any) -> JsonValue:
    match value:
        case str() if "@" in value and name not in _CASE_SENSITIVE:
            return normalize("NFC", value).casefold()
        case dict():
            return {normalize("NFC", key): _fold_address(key, inner) for key, inner in value.items()}
        case list():
            return [_fold_address(name, inner) for inner in value]
        case _:
            return _plain(value)


def _plain(value: Any) -> JsonValue:
    match value:
        case str():
            return normalize("NFC", value)
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {normalize("NFC", key): _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            raise TypeError(f"{type(value).__name__} is not JSON")
