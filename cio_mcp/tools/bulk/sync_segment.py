"""The write tool that makes a manual segment equal to a list of people."""

from typing import Annotated

import anyio.to_thread
from pydantic import Field

from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.jobs.identifiers import Identifier
from cio_mcp.tools.bulk.rows import File
from cio_mcp.tools.common.arguments import CustomerInList, Name, SegmentRef
from cio_mcp.tools.common.people_list import PeopleList, list_of, read_list
from cio_mcp.tools.common.segment_members import refuse_dynamic
from cio_mcp.tools.common.segment_sync import difference, plan_sync
from cio_mcp.workspace import CallContext

MAX_INLINE = 10_000
"""Customers of one call. Chosen: longer lists come from a file."""


async def sync_segment(
    ws: CallContext,
    segment: SegmentRef,
    customers: Annotated[list[CustomerInList] | None, Field(description="All who should be in it")] = None,
    file: File = None,
    column: Annotated[Name | None, Field(description="That names the customers")] = None,
    id_type: Annotated[Identifier | None, Field(description="If ambiguous")] = None,
) -> Plan:
    """Sync a manual segment with a complete list of people: add the missing, remove all others. Requires approval."""
    people = await _list(ws, customers, file, column, id_type)
    current = await ws.segments.find(segment)
    refuse_dynamic(current, "sync")
    found = await difference(ws, current, people, field="customers" if file is None else "file")
    return await plan_sync(ws, found)


async def _list(
    ws: CallContext, customers: list[str] | None, file: str | None, column: str | None, id_type: Identifier | None
) -> PeopleList:
    """The list of a call.

    Raises:
        InvalidArgument: there is none, or two.
    """
    if file is not None:
        if customers is not None:
            raise InvalidArgument("customers", "omit it when passing file")
        return await read_list(file, ws.settings.files_dirs, column, id_type)
    if column is not None:
        raise InvalidArgument("column", "is for file; omit it")
    if customers is None:
        raise InvalidArgument("customers", "expected everyone who should be in the segment, or a file")
    if len(customers) > MAX_INLINE:
        raise InvalidArgument("customers", f"lists {len(customers):,}; at most {MAX_INLINE:,} per call. Pass a file")
    return await anyio.to_thread.run_sync(list_of, customers, id_type)
