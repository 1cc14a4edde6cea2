"""Uploading operations of the Track API (v2) in batches, each of which may come twice."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
from ulid import ULID

from cio_mcp.customerio import batches
from cio_mcp.customerio.batches import Operation
from cio_mcp.customerio.caller import Work, background_caller
from cio_mcp.customerio.writer import Failed, Sent, Unknown, Writer
from cio_mcp.customerio.writer import Result as Written
from cio_mcp.errors import CioError
from cio_mcp.jobs.job import Batch, Result
from cio_mcp.jobs.packing import pack
from cio_mcp.storage.jobs import JobRow

REQUEST_SECONDS = 30.0
"""Seconds that one request may take, its turn in the rate limit included. Chosen."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The function of a job whose rows are operations, without what makes them safe to repeat.

    That comes from the job and the number of the row, so it is the same in each attempt: a `timestamp` for a profile,
    an `id` for an event.
    """

    writer: Writer

    async def __call__(self, job: JobRow, batch: Batch) -> Result:
        """Send as many rows as one request holds; those that Customer.io refuses are sent once more by themselves.

        Raises:
            CioError: Customer.io accepted none of them; the batch can be repeated.
        """
        stamped = (
            stamp(row if isinstance(row, dict) else {}, job, number)  # Customer.io refuses it by its number
            for number, row in enumerate(batch.rows, batch.first)
        )
        operations = next(pack((row, row) for row in stamped), [])
        refused = await self._send(job, batch, operations)
        if refused:
            left = list(refused)
            again = await self._send(job, batch, [operations[index] for index in left])
            refused = {left[index]: field for index, field in again.items()}
        problems = {batch.first + index: _problem(field) for index, field in refused.items()}
        return Result(len(operations), problems)

    async def _send(self, job: JobRow, batch: Batch, operations: Sequence[Operation]) -> dict[int, str]:
        """Send operations in one request; the refused ones by index, each with the field that was wrong."""
        batch.check()
        work = Work(background_caller(job.principal), anyio.current_time() + REQUEST_SECONDS, bulk=True)
        written: Written = await self.writer.send(batches.batch(operations), work)
        match written:
            case Sent(status=batches.PARTIAL_STATUS, body=body):
                if refused := batches.refusals(body, len(operations)):
                    return refused
                raise CioError("Customer.io accepted some operations without naming the others.")
            case Sent():
                return {}
            case Failed(reason=reason) | Unknown(reason=reason):
                raise CioError(reason)


def stamp(operation: Operation, job: JobRow, number: int) -> Operation:
    """Add what makes an operation safe to repeat, where it isn't there."""
    started = job.started_at or job.created_at
    if operation.get("action") != "event":
        return {"timestamp": int(started), **operation}
    random = hashlib.sha256(f"{job.id} {number}".encode()).digest()[:10]
    return {"id": str(ULID.from_bytes(int(started * 1000).to_bytes(6, "big") + random)), **operation}


def _problem(field: str) -> str:
    return f"Customer.io refused {field}" if field else "Customer.io refused it"
