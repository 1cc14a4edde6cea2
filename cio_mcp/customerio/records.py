"""The record that a write replaces or removes, as the read of the same resource answers it."""

from typing import Any, NamedTuple

from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.client import Reader
from cio_mcp.customerio.operations import OPERATIONS, Operation

MAX_WRAPPED = 3
"""Keys of an answer that wraps a list: the list, a category, and the token of the next page."""


class Found(NamedTuple):
    """The record of a resource; None where the answer doesn't show which it is. `absent` says that a list lacks it."""

    record: dict[str, Any] | None
    absent: bool = False


def reading_of(row: Operation) -> Operation | None:
    """The read of the same resource: it takes only path values of the write, and the write changes what is there."""
    reading = OPERATIONS.get(row.verify) if row.method in ("PUT", "DELETE") else None
    fits = reading is not None and {*reading.path_parameters} <= {*row.path_parameters}
    return reading if fits and reading is not None and reading.api == "app" else None


async def find_record(reader: Reader, reading: Operation, call: Call) -> Found:
    """Read the record that a write is about: what the answer wraps, or of a list the one that the write names.

    Raises:
        NotFound: it is not there.
        CioError: it could not be read.
    """
    path: dict[str, Any] = {name: call.path[name] for name in reading.path_parameters}
    answer = await reader.read(read(reading.id, **path))
    inner = [value for value in answer.values() if isinstance(value, dict)]
    if len(inner) == 1 and len(answer) == 1:
        return Found(inner[0])
    lists = [value for value in answer.values() if isinstance(value, list)]
    if len(lists) == 1 and len(answer) <= MAX_WRAPPED:
        names = {value for value in (*call.path.values(), call.subject) if value}
        matching = [one for one in lists[0] if isinstance(one, dict) and names & _identities(one)]
        return Found(matching[0] if len(matching) == 1 else None, absent=not matching and not answer.get("next"))
    return Found(answer if {*reading.path_parameters} else None)


def _identities(record: dict[str, Any]) -> set[str]:
    return {str(record[key]) for key in ("id", "name", "email") if record.get(key) not in (None, "")}
