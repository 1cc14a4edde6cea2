"""The templates that a request of `write_api` sets: their Liquid must parse, as for the tools that edit content."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.customerio.api.snippets import Snippet
from cio_mcp.customerio.call import Call
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import ValueEdit
from cio_mcp.tools.common.snippet_edit import plan_deletion, plan_text
from cio_mcp.tools.common.template_edit import check_liquid
from cio_mcp.tools.data.list_snippets import find_snippet
from cio_mcp.workspace import CallContext

TEMPLATES = frozenset({"body", "body_amp", "body_plain", "subject", "preheader", "preheader_text", "value"})
"""Body fields that may hold Liquid, where they are content."""


class Uses(NamedTuple):
    """What a change of shared content reaches, and what is odd about it."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


async def check_templates(ws: CallContext, call: Call, edits: tuple[ValueEdit, ...]) -> Uses:
    """Refuse templates that do not parse, and snippets that may not be changed so; say what a snippet is used by.

    Raises:
        InvalidArgument: a new template does not parse, and the one before did, or failed otherwise.
        Refused: a snippet that is in use would be deleted.
    """
    before = {edit.name: edit.before for edit in edits}
    faults = await anyio.to_thread.run_sync(lambda: list(_faults(call, before)))
    if faults:
        raise InvalidArgument("arguments", "; ".join(faults))
    if not ws.settings.has_app or call.row.domain != "snippets":
        return Uses()
    snippets = await ws.snippets.all()
    if call.method == "DELETE":
        planned = await plan_deletion(ws, find_snippet(snippets, call.path["snippet_name"]), snippets)
        return Uses(planned.notes, planned.warnings)
    body = call.body if isinstance(call.body, dict) else {}
    name, value = body.get("name"), body.get("value")
    if not isinstance(name, str) or not isinstance(value, str):
        return Uses()
    known = next((each for each in snippets if each.name == name), None)
    planned = await plan_text(ws, known or Snippet(name=name), value, snippets, new=known is None)
    return Uses(planned.notes, planned.warnings)


def _faults(call: Call, before: Mapping[str, JsonValue]) -> Iterator[str]:
    body = call.body if isinstance(call.body, dict) else {}
    for name in TEMPLATES.intersection(call.row.content).intersection(body):
        after, earlier = body[name], before.get(name)
        found = check_liquid(earlier if isinstance(earlier, str) else None, after) if isinstance(after, str) else None
        if found and found.new:
            yield f"body.{name}: its Liquid doesn't parse: {found.fault}"
