"""Audiences of a broadcast's trigger: what a request may name, and whom it reaches."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cio_mcp.sandbox.api.fields import is_optional_object
from cio_mcp.sandbox.http import ApiError, app_error
from cio_mcp.sandbox.world.filters import check_filter, matches
from cio_mcp.sandbox.world.people import Person, as_string
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Send Messages)
MAX_DATA_BYTES = 50_000
MAX_RECIPIENTS = 10_000
LISTS = ("emails", "ids", "per_user_data")
NAMES = ("recipients", *LISTS, "data_file_url")
FILES = "/_sandbox/files/"
"""Where the sandbox serves data files; no other file can be downloaded."""


class Entry(NamedTuple):
    """One entry of a list: how it names a person, and the data for them."""

    id_type: str
    value: Any
    data: dict[str, Any]


class Audience(NamedTuple):
    """The people of an audience with their own data, and what keeps the broadcast from being sent."""

    people: list[tuple[Person, dict[str, Any]]]
    errors: list[str]


def check(body: Any) -> None:
    """Check the body of a trigger.

    Raises:
        ApiError: it is not as documented.
    """
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    audiences = [name for name in NAMES if body.get(name) is not None]
    if len(audiences) > 1:
        raise app_error(422, f"only one of {', '.join(NAMES)} can be given")
    data = {} if body.get("data") is None else body["data"]
    if not isinstance(data, dict) or len(as_string(data).encode()) > MAX_DATA_BYTES:
        raise app_error(422, f"data must be an object of at most {MAX_DATA_BYTES} bytes")
    for name in audiences:
        _check_audience(name, body[name])


def of(workspace: Workspace, source: Source, body: dict[str, Any]) -> Audience:
    """The audience of a checked body; without one, that of the broadcast itself."""
    if any(body.get(name) for name in (*LISTS, "data_file_url")):
        return of_list(workspace, body)
    condition = body.get("recipients") or {"or": [{"segment": {"id": number}} for number in source.trigger_segments]}
    return Audience([(person, {}) for person in workspace.people if matches(workspace, condition, person)], [])


def of_list(workspace: Workspace, body: dict[str, Any]) -> Audience:
    """The people that a list or a data file names; each who is missing is an error, unless missing ones are ignored.

    An address that several people share is an error too, unless all of them are to be reached.
    """
    try:
        entries = list(_entries(workspace, body))
    except ValueError as wrong:
        return Audience([], [str(wrong)])
    people: list[tuple[Person, dict[str, Any]]] = []
    errors: list[str] = []
    for line, (id_type, value, own) in enumerate(entries, 1):
        named = workspace.people.with_email(str(value)) if id_type == "email" else _with_id(workspace, str(value))
        if not named and not body.get(f"{id_type}_ignore_missing"):
            errors.append(f"line {line}: no person with this {id_type}")
        if len(named) > 1 and not body.get("email_add_duplicates"):
            errors.append(f"line {line}: {len(named)} people have this email")
        people.extend((person, own) for person in named)
    return Audience(people, errors)


def _entries(workspace: Workspace, body: dict[str, Any]) -> Iterator[Entry]:
    yield from (Entry("id", value, {}) for value in body.get("ids") or ())
    yield from (Entry("email", value, {}) for value in body.get("emails") or ())
    yield from _with_data(body.get("per_user_data") or ())
    if url := body.get("data_file_url"):
        yield from _with_data(_lines(workspace, url))


def _with_data(entries: Iterable[dict[str, Any]]) -> Iterator[Entry]:
    for one in entries:
        id_type = "id" if "id" in one else "email"
        yield Entry(id_type, one.get(id_type), one.get("data") or {})


def _lines(workspace: Workspace, url: str) -> Iterator[dict[str, Any]]:
    path = urlsplit(url).path
    text = workspace.files.get(path.removeprefix(FILES)) if path.startswith(FILES) else None
    if text is None:
        raise ValueError("data_file_url could not be downloaded")
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not _is_user_data(entry):
            raise ValueError(f"line {number}: expected an object with an id or email, and data")
        yield entry


def _check_audience(name: str, value: Any) -> None:
    if name == "recipients":
        try:
            check_filter(value)
        except ApiError as error:
            raise ApiError(422, {"errors": [{**error.response.body["errors"][0], "status": "422"}]}) from None
    elif name == "data_file_url":
        if not isinstance(value, str) or not value.startswith(("http://", "https://")):
            raise app_error(422, "data_file_url must be an http or https URL")
    elif not isinstance(value, list) or not 1 <= len(value) <= MAX_RECIPIENTS:
        raise app_error(422, f"{name} must be a list of 1 to {MAX_RECIPIENTS}")
    if name == "per_user_data" and not all(map(_is_user_data, value)):
        raise app_error(422, "per_user_data must hold objects with an id or email, and data")


def _is_user_data(value: Any) -> bool:
    return isinstance(value, dict) and bool({"id", "email"} & value.keys()) and is_optional_object(value.get("data"))


def _with_id(workspace: Workspace, value: str) -> list[Person]:
    person = workspace.people.get("id", value)
    return [person] if person else []
