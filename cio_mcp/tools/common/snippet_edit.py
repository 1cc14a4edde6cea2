"""The plans to set and delete a snippet: for the tool that does it, and for its undo."""

from collections.abc import Sequence

import anyio.to_thread

from cio_mcp.customerio.api import snippets as api
from cio_mcp.customerio.api.snippets import Snippet
from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.plan import FROM_NOW_ON, Plan, ValueEdit
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.template_parts import snippets_in
from cio_mcp.tools.common.template_edit import check_liquid, missing_snippets, warn_of_new_uses
from cio_mcp.tools.common.template_search import snippet_uses
from cio_mcp.workspace import CallContext

IN_USE = "Customer.io doesn't delete a snippet that is in use."
MAX_USERS = 5
"""Messages and snippets that a refusal names. Chosen."""


async def plan_text(
    ws: CallContext, snippet: Snippet, text: str, snippets: Sequence[Snippet], *, new: bool = False, done: str = ""
) -> Plan:
    """Plan to set the text of a snippet; without calls where it is so already.

    Raises:
        InvalidArgument: the text does not parse, or contains the snippet itself.
    """
    warnings = await anyio.to_thread.run_sync(_examine, snippet, text, {each.name for each in snippets})
    uses = await snippet_uses(ws, snippet.name, snippets)
    same = snippet.value == text and not new
    return Plan(
        risk="send",
        summary=f"{done or ('Create' if new else 'Change')} the snippet {quoted(snippet.name)}.",
        notes=uses.notes,
        edits=() if same else (ValueEdit(name="value", before=None if new else snippet.value, after=text),),
        affected=uses.affected,
        warnings=warnings,
        effect_title="create 1 snippet" if new else f"change 1 snippet; {FROM_NOW_ON}",
        calls=() if same else (api.put(snippet.name, text),),
        rests_on={"snippet": None if new else snippet.value},
        next_step="To check the result, call list_snippets with this name.",
    )


async def plan_deletion(
    ws: CallContext, snippet: Snippet, snippets: Sequence[Snippet], *, done: str = "Delete"
) -> Plan:
    """Plan to delete a snippet.

    Raises:
        Refused: a message or another snippet uses it.
    """
    uses = await snippet_uses(ws, snippet.name, snippets)
    if uses.messages or uses.snippets:
        users = [str(use) for use in uses.messages[:MAX_USERS]] + [f"snippet {quoted(name)}" for name in uses.snippets]
        raise Refused(
            f"{IN_USE} It is used by {', '.join(users[:MAX_USERS])}. Remove it there first. Nothing was sent."
        )
    return Plan(
        risk="destroy",
        summary=f"{done} the snippet {quoted(snippet.name)}.",
        notes=uses.notes,
        edits=(ValueEdit(name="value", before=snippet.value, after=None),),
        affected=uses.affected,
        warnings=() if uses.complete else (IN_USE,),
        effect_title="delete 1 snippet",
        calls=(api.delete(snippet.name),),
        rests_on={"snippet": snippet.value},
    )


def _examine(snippet: Snippet, text: str, names: set[str]) -> tuple[str, ...]:
    """Warnings about a new text.

    Raises:
        InvalidArgument: it does not parse, or contains the snippet itself.
    """
    warnings: list[str] = []
    if found := check_liquid(snippet.value, text):
        if found.new:
            raise InvalidArgument("text", f"its Liquid doesn't parse: {found.fault}")
        warnings.append(f"Its Liquid doesn't parse, and didn't before: {found.fault}.")
    used = snippets_in(text)
    if snippet.name in used:
        raise InvalidArgument("text", "contains the snippet itself")
    if missing := missing_snippets(used, names):
        warnings.append(missing)
    return (*warnings, *warn_of_new_uses([snippet.value], [text]))
