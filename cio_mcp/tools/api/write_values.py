"""What a request of `write_api` replaces or removes, read beforehand where an operation shows the same resource."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.call import Call, canonical
from cio_mcp.customerio.records import find_record, reading_of
from cio_mcp.customerio.redaction import reduced
from cio_mcp.errors import CioError, NotFound
from cio_mcp.gate.plan import NOT_READ, ValueEdit
from cio_mcp.gate.values import same
from cio_mcp.text.sanitize import quoted_value, word
from cio_mcp.text.urls import HIDDEN, only_hidden_differs
from cio_mcp.workspace import CallContext

UNREADABLE = "The current values could not be read."
MAX_NOTES = 6
"""Values of what is removed that a question shows. Chosen: enough to recognize it."""
SHOWN_FIRST = ("name", "subject", "type", "state", "email", "status", "reason", "language", "value")
"""The values by which people recognize something."""


@dataclass(frozen=True, slots=True)
class Current:
    """What there is now: edits of values, notes, and what the plan rests on."""

    edits: tuple[ValueEdit, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rests_on: dict[str, JsonValue] = field(default_factory=dict)


async def current_values(ws: CallContext, call: Call) -> Current:
    """Read what a request replaces or removes.

    Raises:
        NotFound: there is nothing at its path.
    """
    row = call.row
    reading = reading_of(row)
    if reading is None or not ws.settings.has_app:
        return Current()
    try:
        record = (await find_record(ws.reader, reading, call)).record
    except NotFound:
        raise NotFound(f"arguments: nothing has these path values ({row.id}). Nothing was sent.") from None
    except CioError:
        record = None
    if record is None:
        return Current(warnings=(UNREADABLE,), rests_on={"current": NOT_READ})
    secrets = {*row.secrets, *reading.answer_secrets}
    if row.method == "DELETE":
        return Current(notes=_notes(record, secrets), rests_on={"current": _digest(record, secrets)})
    body = call.body if isinstance(call.body, dict) else {}
    edits = tuple(
        _secret_edit(name, record[name], value)
        if name in secrets
        else ValueEdit(name=name, before=record[name], after=value)
        for name, value in body.items()
        if name in record and not same(record[name], value)
    )
    names = [name for name in body if name in record]
    warnings = tuple(_hidden_changes((edit for edit in edits if edit.name in secrets), record, body))
    return Current(
        edits=edits, warnings=warnings, rests_on={"current": _digest({name: record[name] for name in names}, secrets)}
    )


def _secret_edit(name: str, before: JsonValue, after: JsonValue) -> ValueEdit:
    """An edit of a value that may hold credentials, both as they may be shown."""
    return ValueEdit(name=name, before=None if before is None else reduced(before), after=reduced(after))


def _hidden_changes(
    edits: Iterable[ValueEdit], record: Mapping[str, JsonValue], body: Mapping[str, JsonValue]
) -> Iterator[str]:
    """A warning for each URL that leads to the same place, with other credentials or query values."""
    for edit in edits:
        then, now = record.get(edit.name), body.get(edit.name)
        if isinstance(then, str) and isinstance(now, str) and only_hidden_differs(then, now):
            yield f"Of {word(edit.name)} only what is hidden changes: it gets other credentials or query values."


def _notes(record: dict[str, Any], secrets: set[str]) -> tuple[str, ...]:
    shown = [name for name in SHOWN_FIRST if record.get(name) not in (None, "") and name not in secrets][:MAX_NOTES]
    return (f"It is now: {', '.join(f'{name} {quoted_value(record[name])}' for name in shown)}.",) if shown else ()


def _digest(record: dict[str, Any], secrets: set[str]) -> str:
    """What the plan rests on; the contents of a message would be too much for the journal."""
    bare = {name: HIDDEN if name in secrets else value for name, value in record.items()}
    return hashlib.sha256(canonical(bare).encode(errors="surrogatepass")).hexdigest()
