"""Corrects the capabilities that the server announces."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

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
