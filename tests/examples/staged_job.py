"""Jobs for the examples: rows of an import, staged in the database of a server in this process."""

from mcp import Client
from pydantic import JsonValue

from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.jobs.progress import follow
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.server.app import CioServer
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import JobRow
from cio_mcp.workspace import CallContext
from tests.hostile import LINE, PLANTED_TEXT

JOB = "3f2a91c0"
END_SECONDS = 60.0
"""The longest wait for the end of a job."""


def _row(id_: str, **attributes: JsonValue) -> JsonValue:
    return {"type": "person", "action": "identify", "identifiers": {"id": id_}, "attributes": attributes}


async def waiting_job(client: Client, customer: str) -> str:
    """A job that waits for approval, about a customer."""
    await _staged(await _workspace(client), customer)
    return JOB


async def ended_job(client: Client, customer: str) -> str:
    """A job that the server's runner has done, with rows that were rejected and refused."""
    ws = await _workspace(client)
    job = await _staged(ws, customer)
    await ws.gate.executor.jobs.start(JobSpec.of(job, "person_identify"))
    await follow(ws.jobs, job.id, ws.clock, END_SECONDS)
    return JOB


async def _workspace(client: Client) -> CallContext:
    server = client.server
    assert isinstance(server, CioServer)
    return await server.runtime.workspace_for_caller()


async def _staged(ws: CallContext, customer: str) -> JobRow:
    """Stage the job, if it isn't there yet."""
    if (job := await ws.jobs.get(JOB)) is not None:
        return job
    planted = customer != "ada"  # the reference page has Ada's
    note = PLANTED_TEXT if planted else "met in Berlin"
    rejected: JsonValue = {"id": customer, "email": f"{customer}@example.com, other@example.com", "note": note}
    odd = {"note": LINE, "x" * 200: 1, "phone": "+447700900001"} if planted else {"x" * 200: 1}
    rows = [
        StagedRow(2, _row(customer, plan="pro", email="ada@example.com")),
        StagedRow(3, rejected, "email: expected one email address"),
        StagedRow(4, _row(customer, **odd)),
        StagedRow(5, _row("bob", plan="pro")),
    ]
    return await ws.jobs.stage(
        JOB, principal=ws.caller.id, kind="import_customers", key="example", options={}, source=ListedRows(rows),
        now=ws.clock.now(),
    )  # fmt: skip
