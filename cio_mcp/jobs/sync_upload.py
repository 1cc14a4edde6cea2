"""Uploading the rows of a sync: a row counts as sent once Customer.io has accepted it."""

from dataclasses import dataclass

from cio_mcp.jobs.job import Batch, Result
from cio_mcp.jobs.upload import Upload
from cio_mcp.storage.jobs import JobRow
from cio_mcp.storage.sync_rows import SyncRow, SyncRows

KIND = "sync_customers"
"""The kind of such a job; its option `sync` is the name of the sync."""


@dataclass(frozen=True, slots=True)
class SyncUpload:
    """The function of a job whose rows are operations of a sync."""

    upload: Upload
    rows: SyncRows

    async def __call__(self, job: JobRow, batch: Batch) -> Result:
        """Send as many rows as one request holds, and record those that were accepted.

        After a crash in between, the same rows come again, which changes nothing.

        Raises:
            CioError: Customer.io accepted none of them, or they can't be recorded; the batch can be repeated.
        """
        result = await self.upload(job, batch)
        accepted = [
            SyncRow.of(row)
            for number, row in enumerate(batch.rows[: result.done], batch.first)
            if isinstance(row, dict) and number not in result.problems
        ]
        batch.check()
        await self.rows.record(str(job.options["sync"]), accepted)
        return result
