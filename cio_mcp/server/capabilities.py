"""Corrects the capabilities that the server announces."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from cio_mcp.server.skills import Skills

LISTS = ("tools", "prompts", "resources")


async def announce_fixed_lists(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: announce that the lists of tools, prompts and resources never change while the server runs.

    Since 2026-07-28 the SDK announces changes wherever subscriptions are served, and clients then wait for them.
    """
    answer = await call_next(ctx)
    if ctx.method != "server/discover" or not isinstance(answer, dict):
        return answer
    capabilities = dict(answer["capabilities"])
    for name in LISTS:
        if name in capabilities:
            capabilities[name] = capabilities[name] | {"listChanged": False}
    return answer | {"capabilities": capabilities}


async def announce_skills(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: announce the skills to clients of the eras before 2026-07-28, too.

    The SDK leaves extensions out there, although a server may announce others in each era.
    """
    answer = await call_next(ctx)
    if ctx.method != "initialize" or not isinstance(answer, dict):
        return answer
    return answer | {"capabilities": answer["capabilities"] | {"extensions": {Skills.identifier: {}}}}
