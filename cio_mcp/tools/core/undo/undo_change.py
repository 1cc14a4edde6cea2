"""The undo of a change, as a write like any other; each domain has a module."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from pydantic import Field

from cio_mcp.customerio.api.contents import UPDATED_KINDS
from cio_mcp.customerio.operations import Operation
from cio_mcp.errors import NotFound
from cio_mcp.gate.change import Change
from cio_mcp.gate.job_spec import JobSpec
from cio_mcp.gate.permanence import NO_WAY_BACK
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.receipt import happened_at, outcome_of
from cio_mcp.jobs import membership, sync_upload
from cio_mcp.storage.rows import EFFECTIVE, ChangeRow
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Name
from cio_mcp.tools.core.undo.content import undo_collection, undo_content, undo_snippet
from cio_mcp.tools.core.undo.object import undo_device, undo_object, undo_relationships
from cio_mcp.tools.core.undo.profile import undo_profile
from cio_mcp.tools.core.undo.segment import undo_creation, undo_deletion, undo_member_edits, undo_membership
from cio_mcp.tools.core.undo.suppression import undo_suppression
from cio_mcp.tools.core.undo.values import PastChange, refusal
from cio_mcp.workspace import CallContext

NOT_VISIBLE = "its effect is not visible yet; try again in a minute"

Undo = Callable[[CallContext, PastChange], Awaitable[Plan]]
"""Plans the undo of a change that was applied; raises Refused where there is none."""

UNDOS: Mapping[str, Undo] = {
    "add_to_segment": undo_membership,
    "remove_from_segment": undo_membership,
    "create_segment": undo_creation,
    "delete_segment": undo_deletion,
    "object_identify": undo_object,
    "object_add_relationships": undo_relationships,
    "object_delete_relationships": undo_relationships,
    "add_device": undo_device,
    "person_add_device": undo_device,
    "person_delete_device": undo_device,
    "suppress_email": undo_suppression,
    "unsuppress_email": undo_suppression,
    **dict.fromkeys(UPDATED_KINDS, undo_content),
    **dict.fromkeys(("update_snippet", "delete_snippet"), undo_snippet),
    **dict.fromkeys(("create_collection", "update_collection", "delete_collection"), undo_collection),
}
"""The undo of each operation, beside profile edits. A change is undone by one function or not at all."""

OF_JOBS: Mapping[str, Undo] = {membership.KIND: undo_member_edits}
"""The undo of each kind of job."""

NOT_READ = "an import replaces values that this server didn't read; import a file with the former values"
IMPORTS: Mapping[str, str] = {
    "import_customers": NOT_READ,
    sync_upload.KIND: NOT_READ,
    "import_events": NO_WAY_BACK["event"],
}
"""Why a job can't be undone, by its kind."""

VISIBLE_SECONDS = 60.0
"""After a change, how long old values may only mean that its effect is not visible yet. Chosen: writes are accepted
before they are applied, by https://docs.customer.io/integrations/api/track/."""


async def undo_change(ws: CallContext, change: Annotated[Name, Field(description="Change ID")]) -> Plan:
    """Put back what a change replaced: attributes, segments, objects, devices, content, snippets, or collections.

    Requires approval. Sends can't be undone.
    """
    row = await _applied(ws, change)
    past = PastChange(change, Change.of(row).plan, outcome_of(row).get("refused", {}))
    if past.plan.job is not None:
        return await _undo_job(ws, past, past.plan.job)
    effects = [effect.operation for call in past.plan.calls for effect in call.effects]
    undos = {row: _undo_of(row) for row in effects}
    if without := next((row for row, undo in undos.items() if undo is None), None):
        raise refusal(change, NO_WAY_BACK[without.permanent])
    ways = {undo for undo in undos.values() if undo}
    if len(ways) != 1:
        raise refusal(change, "its requests are of different kinds" if ways else "its details are no longer stored")
    planned = await ways.pop()(ws, past)
    is_recent = row.state == "sent" and ws.clock.now() - happened_at(row).timestamp() < VISIBLE_SECONDS
    if not planned.calls and is_recent and any(effect.api == "track" for effect in effects):
        raise refusal(change, NOT_VISIBLE)
    return planned


async def _undo_job(ws: CallContext, past: PastChange, spec: JobSpec) -> Plan:
    """Plan the undo of what a job did, once it has ended."""
    undo = OF_JOBS.get(spec.kind)
    if undo is None:
        raise refusal(past.id, IMPORTS.get(spec.kind, NO_WAY_BACK[""]))
    job = await ws.jobs.get(spec.id)
    if job is not None and job.is_open:
        raise refusal(past.id, f"its job {job.id} still runs")
    planned = await undo(ws, past)
    if not planned.is_needed and job is not None and ws.clock.now() - job.updated_at < VISIBLE_SECONDS:
        raise refusal(past.id, NOT_VISIBLE)
    return planned


def _undo_of(row: Operation) -> Undo | None:
    """The function that undoes an operation; None where there is none."""
    if row.inverse == row.id and row.verify == "get_customer_attributes":
        return undo_profile
    return UNDOS.get(row.id)


async def _applied(ws: CallContext, change: str) -> ChangeRow:
    """A change that was applied."""
    row = await ws.gate.journal.get(change)
    if row is None:
        raise NotFound(f"change: there is no change {quoted(change)}; list_changes lists them.")
    if row.state not in EFFECTIVE:
        raise refusal(change, f"it is {row.state_at(ws.clock.now())}, and only an applied change can be undone")
    return row
