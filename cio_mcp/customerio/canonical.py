"""Requests in a form in which two that have the same effect are equal."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.identities import Known, identify_person, key_of
from cio_mcp.customerio.operations import Effect, Operation
from cio_mcp.text.names import fold
from cio_mcp.text.normalization import normalize

FORM_VERSION = 5
"""The version of the forms below. Raise it with every change that alters the form of a request: what was stored under
an older version is then computed again, so that no duplicate of it is missed."""

EVENT_NAME = "name"
"""The body field with the name of an event."""
SAME_EVENTS: Mapping[str, str] = {
    f"{api}_{kind}": kind for api in ("track", "person", "pipelines") for kind in ("event", "page", "screen")
}
"""The operations that record the same, by any API, alone or in a batch: an event of a person, a page view, or a screen.

Of the fields that they call differently, the form has the name and the data of the event.
"""
AUDIENCES: Mapping[str, str] = {"emails": "email", "ids": "id", "per_user_data": ""}
"""The fields of a broadcast's trigger that list people, with the kind of identifier that they have."""
_EVENT_FIELDS = frozenset({"type", "action", "event", "timestamp"})
_CASE_SENSITIVE = frozenset({"id", "ids", "userId", "anonymousId", "anonymous_id"})
"""Keys of identifiers that Customer.io compares as they are, even where they look like an address."""


def canonical(value: object) -> str:
    """JSON with one spelling: sorted keys, no spaces, no escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def comparable(
    row: Operation,
    effects: tuple[Effect, ...],
    path: Mapping[str, str],
    query: Mapping[str, str],
    body: Any,
    known: Known,
) -> JsonValue:
    """A request without what does not change its effect.

    Left out are generated ids and times, the time of a schedule, and fields that have their published default.
    Numbers count by value, addresses without case, text in one Unicode form (NFC), and lists of people in any order.
    People who were looked up (`known`) count by `cio_id`, and an event is the same by whatever operation. So does the
    audience of a broadcast, if everyone whom it lists was looked up.
    """
    batch = bool(row.elements) and isinstance(body, dict)
    shared = {key: value for key, value in body.items() if key != row.elements} if batch else {}
    return {
        "query": _plain(dict(query)),
        "shared": _plain(shared),
        "effects": [{**_about(each, path, known), "body": _body(each, known)} for each in effects],
    }


def comparable_target(effects: tuple[Effect, ...], path: Mapping[str, str], known: Known) -> JsonValue:
    """The target of a request, without its data: the operation, the person, and the message or event.

    Two requests with the same effect have the same target.
    """
    return [{**_about(each, path, known), "body": dict(_named(each, known))} for each in effects]


def _about(effect: Effect, path: Mapping[str, str], known: Known) -> dict[str, JsonValue]:
    """The operation, its path, and of an event the person, wherever the request names them."""
    row = effect.operation
    if row.id not in SAME_EVENTS:
        values = {name: _comparable_value(row, name, value, known) for name, value in path.items()}
        return {"operation": row.id, "path": values}
    body = effect.body if isinstance(effect.body, dict) else {}
    name = row.people[0]
    person = _comparable_value(row, name, path.get(name, body.get(name)), known)
    type_ = body.get("type")
    return {"operation": type_ if type_ in SAME_EVENTS.values() else SAME_EVENTS[row.id], "person": person}


def _body(effect: Effect, known: Known) -> JsonValue:
    """The body of an effect; of an event its name and data, and what else there is but the person."""
    row, body = effect.operation, effect.body
    form = _comparable_body(effect, known)
    if row.id not in SAME_EVENTS or not isinstance(body, dict) or not isinstance(form, dict):
        return form
    data = form.get(row.event_data)
    return {
        **{key: value for key, value in form.items() if key not in {*_EVENT_FIELDS, row.people[0], row.event_data}},
        **({"name": _plain(name)} if (name := body.get(EVENT_NAME, body.get("event"))) is not None else {}),
        **({"data": data} if data else {}),
    }


def _named(effect: Effect, known: Known) -> Iterator[tuple[str, JsonValue]]:
    """The fields of a body that name the person, what the operation is about, and the event."""
    row = effect.operation
    person = row.people[:1]
    names = dict.fromkeys((*person, row.target, *((EVENT_NAME,) if row.event_data else ())))
    body = _body(effect, known)
    for name in names:
        value = body.get(name) if isinstance(body, dict) else None
        # A list is an audience, which belongs to the data.
        if value is not None and not (name in person and isinstance(effect.body.get(name), list)):
            # Campaigns start from an event in any spelling of its name.
            yield name, fold(value) if name == EVENT_NAME and row.event_data and isinstance(value, str) else value


def _comparable_body(effect: Effect, known: Known) -> JsonValue:
    row, body = effect.operation, effect.body
    if body is None:
        return {}
    if not isinstance(body, dict):
        return _plain(body)
    numbers_or_text = {field.name for field in row.body_fields if {"integer", "string"} <= {*field.types}}
    audience = _audience(row, body, known)
    kept: dict[str, JsonValue] = {} if audience is None else {"audience": audience}
    for name, value in body.items():
        key = normalize("NFC", name)
        if audience is not None and name in AUDIENCES:
            continue
        if name not in row.not_compared and not _is_default(row, name, value):
            plain = _comparable_value(row, name, value, known)
            kept[key] = str(plain) if name in numbers_or_text else plain
    return kept


def _audience(row: Operation, body: Mapping[str, Any], known: Known) -> JsonValue:
    """The people whom a broadcast lists by whatever identifiers, each with the data for them alone, in any order.

    None where anyone of them was not looked up, or none is listed.
    """
    lists = [name for name in AUDIENCES if row.evidence == "trigger" and name in body]
    if len(lists) != 1 or not isinstance(body[lists[0]], list) or not body[lists[0]]:
        return None
    people: list[JsonValue] = []
    for entry in body[lists[0]]:
        named = entry if isinstance(entry, dict) else {AUDIENCES[lists[0]]: entry}
        keys = [key_of(Reference(named[kind], kind)) for kind in ("id", "email") if isinstance(named.get(kind), str)]
        if len(keys) != 1 or keys[0] not in known:
            return None
        people.append([known[keys[0]], _plain(named.get("data") or {})])
    return sorted(people, key=canonical)


def _comparable_value(row: Operation, name: str, value: Any, known: Known) -> JsonValue:
    if name not in row.people:
        return _plain(value)
    return identify_person(row, name, value, known) or _fold_address(name, value)


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
            return sorted((_fold_address(name, inner) for inner in value), key=canonical)
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
