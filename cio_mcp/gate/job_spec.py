"""The job of a plan: its rows are staged, and an approval starts it."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from cio_mcp.clock import Clock
from cio_mcp.storage.jobs import EFFECT, JobRow, Jobs


class JobSpec(BaseModel):
    """What a plan and its approval bind of a job: `digest` is the SHA-256 (hex) over its kind, options, and rows.

    `effect` is one over kind and rows, whatever their order, by which duplicates are recognized. `operations` are those
    of the operation table that its rows stand for; rules on operations hold for them, too.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    digest: str
    rows: int
    operations: tuple[str, ...]
    effect: str = ""

    @classmethod
    def of(cls, job: JobRow, *operations: str) -> "JobSpec":
        """What a plan binds of a staged job."""
        effect = str(job.report.get(EFFECT, job.digest))
        return cls(id=job.id, kind=job.kind, digest=job.digest, rows=job.total, operations=operations, effect=effect)

    @property
    def line(self) -> str:
        """The paragraph of a question that says what would be sent."""
        rows = "1 row. Its" if self.rows == 1 else f"{self.rows:,} rows in batches. Their"
        to_read = f"`cio-mcp jobs rows {self.id} --to FILE.csv` writes them."
        return f"Job {self.id}: sends {rows} SHA-256 starts with {self.digest[:16]}. {to_read}"


@dataclass(frozen=True, slots=True)
class JobStarter:
    """Starts the jobs of approved plans; `look` has the runner of this process look for one at once."""

    jobs: Jobs
    clock: Clock
    look: Callable[[], None]

    async def start(self, job: JobSpec) -> bool:
        """Start a job, or find that an earlier attempt did; False if its rows are no longer stored.

        Raises:
            StorageFailed: the database cannot be used.
        """
        if not await self.jobs.start(job.id, job.digest, now=self.clock.now()):
            return await self.has_started(job)
        self.look()
        return True

    async def has_started(self, job: JobSpec) -> bool:
        """Whether a job with the rows that were approved was started.

        Raises:
            StorageFailed: the database cannot be used.
        """
        stored = await self.jobs.get(job.id)
        return stored is not None and stored.digest == job.digest and stored.started_at is not None
