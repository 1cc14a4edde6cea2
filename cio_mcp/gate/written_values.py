"""Whether what a plan sets or removes can be read where it was set: evidence that its request was carried out."""

from cio_mcp.customerio.client import Reader
from cio_mcp.customerio.records import find_record, reading_of
from cio_mcp.errors import NotFound
from cio_mcp.gate.plan import Plan, is_unchanged
from cio_mcp.gate.values import same


async def is_written(plan: Plan, reader: Reader) -> bool:
    """Whether every value that the only request of a plan changes is there; False where that cannot be read.

    Raises:
        CioError: it could not be read.
    """
    if len(plan.calls) != 1 or (reading := reading_of(plan.calls[0].row)) is None:
        return False
    call = plan.calls[0]
    try:
        found = await find_record(reader, reading, call)
    except NotFound:
        return call.method == "DELETE"
    if call.method == "DELETE":
        return found.absent
    record, body = found.record, call.body
    if record is None or not isinstance(body, dict):
        return False
    names = [edit.name for edit in plan.edits if not is_unchanged(edit)] or [*body]
    return bool(names) and all(name in record and name in body and same(record[name], body[name]) for name in names)
