"""Rows of an import as operations of the Track API (v2), each checked for what Customer.io refuses or misreads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue
from ulid import ULID

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.attribute_checks import REACHING_ATTRIBUTES, one_address, within
from cio_mcp.customerio.batches import Operation
from cio_mcp.customerio.body_sizes import size_of
from cio_mcp.customerio.url_values import check_path_value
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.guardrails import MAIL_REDIRECTS
from cio_mcp.jobs.cells import Form
from cio_mcp.jobs.columns import UNSETTABLE, Columns, Role, Target
from cio_mcp.jobs.files import EVENT_ID_COLUMN
from cio_mcp.jobs.identifiers import IDENTIFIERS
from cio_mcp.jobs.import_values import (
    SURE_CHARACTERS,
    bytes_of,
    check_attribute,
    check_bytes,
    check_value,
    read_value,
)
from cio_mcp.text.names import hidden_characters, meanings
from cio_mcp.text.sanitize import quoted

Values = Mapping[str, JsonValue]
"""A row: its values by column."""

STAMP_BYTES = 100
"""What an upload adds to an operation, its time or ID, at most."""
_SHORTENED = ("e+", "E+")
"""What a spreadsheet makes of a long number, as in 4.15E+11."""


class Person(NamedTuple):
    """The customer of a row: the kind of the identifier, and its value as a request has it (no `cio_`)."""

    kind: Role
    value: str


def person_of(columns: Columns, values: Values) -> tuple[Person, Target]:
    """The customer whom a row names, and by which column.

    Raises:
        InvalidArgument: it names none, or not in the form of an identifier.
    """
    for target in columns.identifying:
        value = values.get(target.column)
        if isinstance(value, str):
            text = value.strip()
        elif value is None:
            continue
        elif isinstance(value, int) and not isinstance(value, bool):
            text = str(value)
        else:
            raise InvalidArgument(quoted(target.column), f"expected the customer's {target.name} as text")
        if text:
            return Person(target.role or "id", _identifier(target, text)), target
    names = [quoted(target.column) for target in columns.identifying]
    raise InvalidArgument(
        "customer", f"the row names none: {' and '.join(names)} {'is' if len(names) == 1 else 'are'} empty"
    )


def identifier_of(target: Target, value: JsonValue) -> str:
    """The identifier that a value stands for, unchecked, as a request has it; empty if there is none."""
    text = "" if value is None else str(value).strip()
    return text.removeprefix("cio_") if target.role == "cio_id" else text


def _identifier(target: Target, text: str) -> str:
    field = quoted(target.column)
    bytes_of(target.column, text)
    if target.role == "email":
        one_address(field, text)
        return text
    bare = identifier_of(target, text)
    check_path_value(field, bare)
    if any(mark in bare for mark in _SHORTENED) and bare[0].isdecimal():
        raise InvalidArgument(field, "looks like a long number that a spreadsheet shortened, such as 4.15E+11")
    return bare


@dataclass(frozen=True, slots=True)
class CustomerRows:
    """Rows that set attributes of customers; without `create`, none of them creates a customer.

    `forms` are what the columns of a text file hold, by name, where that was found out.
    """

    columns: Columns
    forms: Mapping[str, Form]
    create: bool

    def operation(self, values: Values) -> Operation:
        """The operation of a row.

        Raises:
            InvalidArgument: Customer.io would refuse or misread it, or there is nothing to set; the field names the
                column.
        """
        person, by = person_of(self.columns, values)
        attributes, roles = _read(self, values, by)
        attributes |= roles
        if not attributes:
            raise InvalidArgument("row", "there is nothing to set")
        if len(attributes) > tracking.ATTRIBUTES:
            raise InvalidArgument(
                "row", f"has {len(attributes)} attributes; Customer.io accepts at most {tracking.ATTRIBUTES}"
            )
        if not self.create:
            attributes["_update"] = True
        operation: Operation = {
            "type": "person",
            "identifiers": {person.kind: person.value},
            "action": "identify",
            "attributes": attributes,
        }
        _check_size(operation)
        return operation

    def check(self, target: Target, value: JsonValue) -> None:
        """Refuse a value that its attribute can't have."""
        if target.role == "id":
            check_path_value(quoted(target.column), str(value))
        if target.checked:
            check_attribute(target, value)
        inside = meanings(target.name, value) - meanings(target.name, None)
        if inside & (UNSETTABLE | REACHING_ATTRIBUTES):
            raise InvalidArgument(quoted(target.column), "has names inside that can't be set by an import")


@dataclass(frozen=True, slots=True)
class EventRows:
    """Rows that are events; all have the same `name`, or one from a column."""

    columns: Columns
    forms: Mapping[str, Form]
    name: str | None

    def operation(self, values: Values) -> Operation:
        """The operation of a row; the ID by which Customer.io knows an event again is left to the job, if it has none.

        Raises:
            InvalidArgument: Customer.io would refuse or misread it; the field names the column.
        """
        person, by = person_of(self.columns, values)
        data, roles = _read(self, values, by)
        name = self.name if self.name is not None else roles.get("name")
        if not isinstance(name, str):
            raise InvalidArgument("row", "has no event name")
        operation: Operation = {
            "type": "person",
            "identifiers": {person.kind: person.value},
            "action": "event",
            "name": name,
            "attributes": data,
        }
        if "timestamp" in roles:
            operation["timestamp"] = roles["timestamp"]
        if EVENT_ID_COLUMN in roles:
            operation["id"] = _event_id(str(roles[EVENT_ID_COLUMN]))
        _check_size(operation)
        return operation

    def check(self, target: Target, value: JsonValue) -> None:
        """Refuse a value that would redirect mail, or is no name of an event."""
        if target.role == "name":
            check_event_name(quoted(target.column), str(value))
        if isinstance(value, dict) and meanings(target.name, value) & MAIL_REDIRECTS:
            raise InvalidArgument(quoted(target.column), "has names inside that would redirect a campaign's mail")


def _event_id(text: str) -> str:
    try:
        return str(ULID.from_str(text))
    except ValueError:
        raise InvalidArgument(quoted(EVENT_ID_COLUMN), "expected a ULID, as in the file of a job's rows") from None


def check_event_name(field: str, name: str) -> None:
    """Refuse what can't be the name of an event.

    Raises:
        InvalidArgument: it is empty, too long, or has characters that can't be seen.
    """
    if not name.strip():
        raise InvalidArgument(field, "expected the event's name")
    within(field, name, tracking.EVENT_NAME_BYTES)
    if hidden := hidden_characters(name):
        raise InvalidArgument(field, f"contains invisible characters ({', '.join(hidden[:5])})")


def _read(
    rows: CustomerRows | EventRows, values: Values, by: Target
) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """What a row sets, by name, and the values of its roles; what is empty is left alone."""
    plain: dict[str, JsonValue] = {}
    roles: dict[str, JsonValue] = {}
    targets, forms, is_event = rows.columns.targets, rows.forms, rows.columns.kind == "events"
    limit = tracking.EVENT_DATA_BYTES if is_event else tracking.ATTRIBUTE_VALUE_BYTES
    for column, value in values.items():
        target = targets[column]
        if value is None or value == "" or target is None or target is by:
            continue
        role, form = target.role, target.form or forms.get(column)
        if isinstance(value, str) and role is None and form in (None, "text") and not target.checked:
            # Nearly all cells are short and plain, so they get no further.
            if not (len(value) <= SURE_CHARACTERS and value.isascii()):
                check_bytes(column, bytes_of(column, value), limit)
            if not value.isspace():
                plain[target.name] = value
            continue
        if is_event and role in IDENTIFIERS:
            continue
        read = read_value(target, form, value)
        if read == "":
            continue
        check_value(column, read, limit)
        if role or target.checked or isinstance(read, dict):
            rows.check(target, read)
        (roles if role else plain)[target.name] = read
    return plain, roles


def _check_size(operation: Operation) -> None:
    size = size_of(operation) + STAMP_BYTES
    if size > tracking.MAX_OPERATION_BYTES:
        raise InvalidArgument(
            "row", f"makes an operation of {size:,} bytes; Customer.io accepts at most {tracking.MAX_OPERATION_BYTES:,}"
        )
