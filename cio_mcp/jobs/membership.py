"""Edits of a manual segment as rows of a job, and the function that sends them in requests of up to 1,000 people."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, Literal, NamedTuple

from pydantic import JsonValue

from cio_mcp.customerio.api import segments
from cio_mcp.customerio.writer import Failed, Sent, Unknown, Writer
from cio_mcp.errors import CioError
from cio_mcp.jobs.job import Batch, Result
from cio_mcp.jobs.segment_list import PersonKey
from cio_mcp.storage.jobs import JobRow

KIND = "segment"
"""The kind of such a job; its option `segment` is the ID of the segment."""
OPERATIONS = ("add_to_segment", "remove_from_segment")
REFUSALS = frozenset({400, 404, 413, 422})
"""Statuses with which Customer.io refuses a request for good; another attempt would end the same way."""


class Edit(NamedTuple):
    """One person who joins a segment or leaves it, by the identifier that the request names."""

    action: Literal["add", "remove"]
    kind: Literal["id", "cio_id"]
    value: str

    @property
    def row(self) -> JsonValue:
        """The edit as a row of a job."""
        return {"action": self.action, "identifiers": {self.kind: self.value}}

    @classmethod
    def of(cls, row: Any) -> "Edit":
        """Read a row of a job."""
        ((kind, value),) = row["identifiers"].items()
        return cls(row["action"], kind, value)

    @property
    def reverse(self) -> "Edit":
        """The edit that undoes it."""
        return self._replace(action="remove" if self.action == "add" else "add")


def edits(action: Literal["add", "remove"], people: Iterable[PersonKey]) -> Iterator[tuple[PersonKey, Edit]]:
    """The edits that add people or remove them, each with its person, in as few requests as possible.

    People are named by their ID, which the documentation promises to take, and those without one by `cio_id`. Of a
    whole job the removals come first, so that one that ends early leaves nobody in who should be out.
    """
    known = [*people]
    yield from ((person, Edit(action, "id", person.id)) for person in known if person.id)
    others = ((person, person.cio_id) for person in known if not person.id)
    yield from ((person, Edit(action, "cio_id", cio_id)) for person, cio_id in others if cio_id)


@dataclass(frozen=True, slots=True)
class ChangeMembers:
    """The function of a job whose rows are edits of one segment; each may come twice without a second effect."""

    writer: Writer

    async def __call__(self, job: JobRow, batch: Batch) -> Result:
        """Send the first rows that fit into one request: the same action, and the same kind of identifier.

        Raises:
            CioError: Customer.io could not be reached, or refused the key; the batch can be repeated.
        """
        rows = [Edit.of(row) for row in islice(batch.rows, segments.MAX_IDS)]
        action, kind, _ = rows[0]
        values = [edit.value for edit in takewhile(lambda edit: edit[:2] == (action, kind), rows)]
        call = segments.change_members(str(job.options["segment"]), values, kind, add=action == "add")
        batch.check()
        match await self.writer.send(call, batch.work(job)):
            case Sent():
                return Result(len(values))
            case Failed(status=status) if status in REFUSALS:
                reason = f"Customer.io refused the request ({status})"
                return Result(len(values), {batch.first + index: reason for index in range(len(values))})
            case Failed(reason=reason) | Unknown(reason=reason):
                raise CioError(reason)
