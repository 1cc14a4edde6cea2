"""Completions of arguments of prompts and of variables in resource templates.

Customers are not completed: the API finds them by an exact value only.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp_types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from cio_mcp.server.resources import FILTERS, RESOURCES
from cio_mcp.text.sanitize import quoted

MAX_VALUES = 100
"""The most that the protocol allows in one answer."""
MAX_TYPED_CHARACTERS = 200
SOURCES = ("campaign", "broadcast", "newsletter", "transactional")
PROMPT_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "campaign": SOURCES,
    "compare": SOURCES,
    "message": SOURCES,
    **{kind: (kind,) for kind in SOURCES[1:]},
    "segment": ("segment",),
    "segments": ("segment",),
    "kind": ("kind",),
}
"""What an argument of a prompt is completed from, by its name; an argument with another name has no completions."""
LISTED_BY = {"segment": "list_segments", **dict.fromkeys(SOURCES, "list_campaigns")}
"""The tool that lists the things of a kind; without it they are not completed."""

Complete = Callable[[Collection[str], str], Awaitable[list[str]]]
"""Completes a text from the lists of some kinds, for the caller of the request in progress."""
Offers = Callable[[str], bool]


def register(server: MCPServer, complete: Complete, offers: Offers) -> None:
    """Answer `completion/complete`; nothing is read for an argument that has no completions."""

    async def answer(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        await _check(server, ref)
        chosen = (context.arguments if context else None) or {}
        kinds = [kind for kind in kinds_of(ref, argument.name, chosen) if offers(LISTED_BY.get(kind, ""))]
        values = await complete(kinds, argument.value[:MAX_TYPED_CHARACTERS]) if kinds else []
        return Completion(values=values[:MAX_VALUES], total=len(values), has_more=len(values) > MAX_VALUES)

    handle: Any = server.completion
    handle()(answer)


async def _check(server: MCPServer, ref: PromptReference | ResourceTemplateReference) -> None:
    if isinstance(ref, PromptReference):
        kind, name, known = "prompt", ref.name, {prompt.name for prompt in await server.list_prompts()}
    else:
        kind, name = "resource template", ref.uri
        known = {template.uri_template for template in await server.list_resource_templates()}
    if name not in known:
        raise MCPError(INVALID_PARAMS, f"Unknown {kind} {quoted(name, 40)}.")


def kinds_of(
    ref: PromptReference | ResourceTemplateReference, argument: str, chosen: Mapping[str, str]
) -> tuple[str, ...]:
    """The kinds of things that an argument names; `chosen` are the other arguments so far."""
    if isinstance(ref, PromptReference):
        return PROMPT_ARGUMENTS.get(argument, ())
    resource = next((each for each in RESOURCES if each.uri == ref.uri), None)
    if resource is None:
        return ()
    if resource.by is not None and argument == "id":
        return (resource.arguments.get("kind", "campaign" if resource.by == "id" else resource.by),)
    if resource.has_query and argument in FILTERS:
        if argument == "id":
            return (chosen["kind"],) if chosen.get("kind") in SOURCES else ()
        return (argument,) if argument in {"kind", "object_type", "metric"} else ()
    return ()
