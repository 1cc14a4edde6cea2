"""Uploading operations of the Track API (v2) in batches, each of which may come twice."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import anyio
import anyio.to_thread
from pydantic import JsonValue
from ulid import ULID

from cio_mcp.customerio import batches
from cio_mcp.customerio.batches import Operation
from cio_mcp.customerio.encoding import encode
from cio_mcp.customerio.request import Request
from cio_mcp.customerio.writer import Failed, Sent, Unknown, Writer
from cio_mcp.customerio.writer import Result as Written
from cio_mcp.errors import CioError
from cio_mcp.jobs.job import Batch, Result, Step
from cio_mcp.jobs.packing import pack
from cio_mcp.storage.jobs import JobRow


class _Part(NamedTuple):
    """An operation, and its JSON as it leaves."""

    operation: Operation
    encoded: bytes


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
        return await (await anyio.to_thread.run_sync(self.prepare, job, batch)).carry_out()

    def prepare(self, job: JobRow, batch: Batch) -> Step:
        """Make the request for as many rows as it holds; nothing is sent."""
        parts = _parts(job, batch)
        return Step(len(parts), partial(self._carry_out, job, batch, parts, _request(parts)))

    async def _carry_out(self, job: JobRow, batch: Batch, parts: Sequence[_Part], request: Request) -> Result:
        refused = await self._send(job, batch, request)
        if refused:
            left = list(refused)
            again = await self._send(job, batch, _request([parts[index] for index in left]))
            refused = {left[index]: field for index, field in again.items()}
        problems = {batch.first + index: _problem(field) for index, field in refused.items()}
        return Result(len(parts), problems)

    async def _send(self, job: JobRow, batch: Batch, request: Request) -> dict[int, str]:
        """Send a request; the refused operations by index, each with the field that was wrong."""
        batch.check()
        written: Written = await self.writer.send_request(request, batch.work(job))
        match written:
            case Sent(status=batches.PARTIAL_STATUS, body=body):
                if refused := batches.refusals(body, batches.size(request.call)):
                    return refused
                raise CioError("Customer.io accepted some operations without naming the others.")
            case Sent():
                return {}
            case Failed(reason=reason) | Unknown(reason=reason):
                raise CioError(reason)


def _parts(job: JobRow, batch: Batch) -> list[_Part]:
    """The operations of a batch that one request holds."""
    rows = enumerate(zip(batch.rows, batch.texts, strict=True), batch.first)
    parts = (_part(job, number, row, text) for number, (row, text) in rows)
    return next(pack((part, len(part.encoded)) for part in parts), [])


def _part(job: JobRow, number: int, row: JsonValue, text: str) -> _Part:
    operation = row if isinstance(row, dict) else {}  # Customer.io refuses it by its number
    stamped = stamp(operation, job, number)
    if len(stamped) != len(operation) + 1 or not operation:
        return _Part(stamped, encode(stamped).encode())
    # The stamp comes first, and the rest is encoded already.
    name, value = next(iter(stamped.items()))
    first = f'"{name}":{value}' if isinstance(value, int) else f'"{name}":"{value}"'
    return _Part(stamped, f"{{{first},{text[1:]}".encode())


def _request(parts: Sequence[_Part]) -> Request:
    return Request.of_batch([part.operation for part in parts], [part.encoded for part in parts])


def stamp(operation: Operation, job: JobRow, number: int) -> Operation:
    """Add what makes an operation safe to repeat, where it isn't there."""
    started = job.started_at or job.created_at
    if operation.get("action") != "event":
        return {"timestamp": int(started), **operation}
    random = hashlib.sha256(f"{job.id} {number}".encode()).digest()[:10]
    return {"id": str(ULID.from_bytes(int(started * 1000).to_bytes(6, "big") + random)), **operation}


def _problem(field: str) -> str:
    return f"Customer.io refused {field}" if field else "Customer.io refused it"
