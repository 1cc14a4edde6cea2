"""Staging: the rows of a job are stored before a person is asked, so that they approve exactly what is sent."""

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from pydantic import JsonValue

from cio_mcp.clock import Clock
from cio_mcp.errors import CioError, Refused, StorageFailed, Unavailable
from cio_mcp.storage.job_rows import RowSource, StagedRow
from cio_mcp.storage.jobs import JobRow, Jobs

MAX_AT_ONCE = 4
"""Sources that one process reads at the same time. Chosen: each takes a thread."""
TOO_MANY = "The server already reads rows for {} other jobs. Nothing was sent. Try again in a minute."
MAX_WAITING_ROWS = 5_000_000
"""Rows of a workspace that wait for approval, when no more are staged. Chosen: some 2 GB."""
TOO_MANY_ROWS = (
    "Imports of {:,} rows already wait for approval. Nothing was sent. Have them decided, or stop their jobs with "
    "cancel_job, and try again."
)
STILL_READING = (
    "The server is still reading the rows: {:,} so far. Nothing was sent. Call again with the same arguments."
)
UNFORESEEN = (
    "The rows can't be read, for a reason that this server did not foresee. Its log has the details. Nothing was sent."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListedRows:
    """Rows that are in memory, and what the plan shows of them."""

    listed: Sequence[StagedRow]
    shown: Mapping[str, JsonValue] = field(default_factory=dict)

    def rows(self) -> Iterator[StagedRow]:
        """The rows in their order."""
        return iter(self.listed)

    def report(self) -> Mapping[str, JsonValue]:
        """What the plan shows of them."""
        return self.shown


@dataclass(slots=True)
class _Reading:
    """Rows that are being staged: how many were read so far, and what came of it once `ended` is set."""

    ended: anyio.Event = field(default_factory=anyio.Event)
    read: int = 0
    job: JobRow | None = None
    failure: CioError | None = None

    def count(self, read: int) -> None:
        self.read = read


@dataclass(frozen=True, slots=True)
class Staging:
    """Stages the rows of jobs in the background; a call waits for its own as long as it may.

    `tasks` are the workspace's: they end with it, and what was staged by half is deleted later.
    """

    jobs: Jobs
    tasks: TaskGroup
    clock: Clock
    readings: dict[tuple[str, str], _Reading] = field(default_factory=dict)

    async def stage(
        self, principal: str, kind: str, key: str, options: Mapping[str, JsonValue], source: RowSource, seconds: float
    ) -> JobRow:
        """Find the job of a principal that waits under `key`, or stage the rows of its source.

        Raises:
            UserError: the rows cannot be read.
            Refused: too many are being read, or wait for approval.
            Unavailable: `seconds` were not enough; a later call finds the job.
            StorageFailed: they cannot be stored.
        """
        if (principal, key) not in self.readings and (waiting := await self._waiting(principal, key)):
            return waiting
        waiting_rows = await self.jobs.waiting_rows()
        reading = self.readings.get((principal, key))  # only now, since an equal call may have begun meanwhile
        if reading is None:
            if len(self.readings) >= MAX_AT_ONCE:
                raise Refused(TOO_MANY.format(len(self.readings)))
            if waiting_rows >= MAX_WAITING_ROWS:
                raise Refused(TOO_MANY_ROWS.format(waiting_rows))
            reading = self.readings[principal, key] = _Reading()
            self.tasks.start_soon(self._read, reading, principal, kind, key, options, source)
        await self.clock.wait(reading.ended, max(0.0, seconds))
        if reading.failure is not None:
            raise reading.failure
        if reading.job is None:
            raise Unavailable(STILL_READING.format(reading.read))
        return reading.job

    async def _read(
        self,
        reading: _Reading,
        principal: str,
        kind: str,
        key: str,
        options: Mapping[str, JsonValue],
        source: RowSource,
    ) -> None:
        id_ = secrets.token_hex(4)
        try:
            reading.job = await self._waiting(principal, key) or await self.jobs.stage(
                id_, principal=principal, kind=kind, key=key, options=options, source=source, now=self.clock.now(),
                read=reading.count,
            )  # fmt: skip
        except CioError as failure:
            reading.failure = failure
            await self._drop(id_)
        except Exception as unforeseen:  # noqa: BLE001 - one file must not end the server
            log.error("rows cannot be staged: %s", type(unforeseen).__name__)  # noqa: TRY400 - class only
            reading.failure = Unavailable(UNFORESEEN)
            await self._drop(id_)
        finally:
            del self.readings[principal, key]
            reading.ended.set()

    async def _waiting(self, principal: str, key: str) -> JobRow | None:
        return await self.jobs.waiting(principal, key, now=self.clock.now())

    async def _drop(self, id_: str) -> None:
        with suppress(StorageFailed):  # what is left of it is deleted later
            await self.jobs.drop(id_)
