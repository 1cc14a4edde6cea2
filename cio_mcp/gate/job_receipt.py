"""What the receipt of a change that started a job says of the job."""

from cio_mcp.gate.receipt import Receipt, Status
from cio_mcp.storage.jobs import JobRow, JobState
from cio_mcp.text.counts import count_of

TO_FOLLOW = "To follow it, call get_job with job={}. It goes on by itself, also after this chat."
TO_CORRECT = "get_job with job={} lists the rows that were not applied, which can be corrected and imported again."
STATUSES: dict[JobState, Status] = {
    "input_required": "approval_required",
    "working": "started",
    "completed": "done",
    "failed": "failed",
    "cancelled": "partly_done",
}
"""What the state of a job makes of the status of its change."""


def with_job(receipt: Receipt, summary: str, job: JobRow) -> Receipt:
    """The receipt of a change, with what became of the job that it started."""
    return receipt.model_copy(
        update={
            "status": _status_of(job),
            "message": f"{summary} {_state_of(job)}",
            "job": job.id,
            "next_step": _next_step(job),
        }
    )


def with_earlier_job(receipt: Receipt, job: JobRow) -> Receipt:
    """The receipt of a duplicate, with what became of the job that the earlier change started."""
    status = _status_of(job)
    found = with_job(receipt, receipt.message, job)
    return found.model_copy(update={"status": receipt.status}) if status == "done" else found


def _status_of(job: JobRow) -> Status:
    if job.state == "completed" and job.failed:
        return "partly_done" if job.failed < job.total else "failed"
    return "declined" if _never_sent(job) else STATUSES[job.state]


def _never_sent(job: JobRow) -> bool:
    """Whether a job was stopped before a worker took it; one that did may have sent rows of the first batch."""
    return job.state == "cancelled" and not job.cursor and not job.attempts


def _state_of(job: JobRow) -> str:
    done = f"{job.cursor:,} of {count_of(job.total, 'row')}"
    refused = f" Of them, {job.failed:,} {'was' if job.failed == 1 else 'were'} refused." if job.failed else ""
    match job.state:
        case "completed" if not job.failed:
            return (
                f"Job {job.id} is done. Customer.io accepted {'it' if job.total == 1 else f'all {job.total:,} rows'}."
            )
        case "completed":
            accepted = job.total - job.failed
            return f"Job {job.id} is done. Customer.io accepted {count_of(accepted, 'row')} and refused {job.failed:,}."
        case "failed":
            return f"Job {job.id} failed after {done}.{refused} {job.reason or ''}".rstrip()
        case "cancelled" if _never_sent(job):
            return f"Job {job.id} was canceled before its first row. Nothing was sent."
        case "cancelled":
            return f"Job {job.id} was canceled after {done}.{refused} What was sent stays."
        case _:
            return f"Job {job.id} is running: {done} so far.{refused}"


def _next_step(job: JobRow) -> str | None:
    if job.state == "working":
        return TO_FOLLOW.format(job.id)
    return TO_CORRECT.format(job.id) if job.failed or job.cursor < job.total else None
