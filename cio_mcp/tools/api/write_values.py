"""What a request of `write_api` replaces or removes, read beforehand where an operation shows the same resource."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.call import Call, canonical, read
from cio_mcp.customerio.operations import OPERATIONS, Operation
from cio_mcp.errors import CioError, NotFound
from cio_mcp.gate.plan import ValueEdit
from cio_mcp.gate.values import same
from cio_mcp.text.sanitize import quoted_value
from cio_mcp.text.urls import HIDDEN
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
    reading = _reading(row)
    if reading is None or not ws.settings.has_app:
        return Current()
    path: dict[str, Any] = {name: call.path[name] for name in reading.path_parameters}
    try:
        answer = await ws.reader.read(read(reading.id, **path))
    except NotFound:
        raise NotFound(f"arguments: nothing has these path values ({row.id}). Nothing was sent.") from None
    except CioError:
        return Current(warnings=(UNREADABLE,))
    record = _record(reading, answer, call)
    if record is None:
        return Current(warnings=(UNREADABLE,))
    secrets = {*row.secrets, *reading.answer_secrets}
    if row.method == "DELETE":
        return Current(notes=_notes(record, secrets), rests_on={"current": _digest(record, secrets)})
    body = call.body if isinstance(call.body, dict) else {}
    edits = tuple(
        ValueEdit(name=name, before=record.get(name), after=value)
        for name, value in body.items()
        if name not in secrets and name in record and not same(record[name], value)
    )
    names = [name for name in body if name in record]
    return Current(edits=edits, rests_on={"current": _digest({name: record[name] for name in names}, secrets)})


def _reading(row: Operation) -> Operation | None:
    """The read of the same resource: it takes only path values of the write, and the write changes what is there."""
    reading = OPERATIONS.get(row.verify) if row.method in ("PUT", "DELETE") else None
    fits = reading is not None and {*reading.path_parameters} <= {*row.path_parameters}
    return reading if fits and reading is not None and reading.api == "app" else None


def _record(reading: Operation, answer: dict[str, Any], call: Call) -> dict[str, Any] | None:
    """The record of an answer: what it wraps, or of a list the one that the write names."""
    inner = [value for value in answer.values() if isinstance(value, dict)]
    if len(inner) == 1 and len(answer) == 1:
        return inner[0]
    lists = [value for value in answer.values() if isinstance(value, list)]
    if len(lists) == 1 and len(answer) <= MAX_WRAPPED:
        names = {value for value in (*call.path.values(), call.subject) if value}
        matching = [one for one in lists[0] if isinstance(one, dict) and names & _identities(one)]
        return matching[0] if len(matching) == 1 else None
    return answer if {*reading.path_parameters} else None


MAX_WRAPPED = 3
"""Keys of an answer that wraps a list: the list, a category, and the token of the next page."""


def _identities(record: dict[str, Any]) -> set[str]:
    return {str(record[key]) for key in ("id", "name", "email") if record.get(key) not in (None, "")}


def _notes(record: dict[str, Any], secrets: set[str]) -> tuple[str, ...]:
    shown = [name for name in SHOWN_FIRST if record.get(name) not in (None, "") and name not in secrets][:MAX_NOTES]
    return (f"It is now: {', '.join(f'{name} {quoted_value(record[name])}' for name in shown)}.",) if shown else ()


def _digest(record: dict[str, Any], secrets: set[str]) -> str:
    """What the plan rests on; the contents of a message would be too much for the journal."""
    bare = {name: HIDDEN if name in secrets else value for name, value in record.items()}
    return hashlib.sha256(canonical(bare).encode(errors="surrogatepass")).hexdigest()
