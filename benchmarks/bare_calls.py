"""A bare SDK server whose one tool answers with the same model, after the same request, as ours."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from cio_mcp import __version__
from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.tools.common.person_ref import who
from cio_mcp.tools.core.customers import CustomersAnswer


@asynccontextmanager
async def connected(_: MCPServer[httpx.AsyncClient]) -> AsyncIterator[httpx.AsyncClient]:
    headers = {
        "accept": "application/json",
        "accept-encoding": "gzip",
        "user-agent": f"cio-mcp/{__version__}",
        "authorization": f"Bearer {os.environ['CIO_APP_API_KEY']}",
    }
    async with httpx.AsyncClient(base_url=os.environ["CIO_APP_URL"], headers=headers) as http:
        yield http


server = MCPServer("bare", lifespan=connected, log_level="WARNING")


@server.tool()
async def find_customers(email: str, ctx: Context[httpx.AsyncClient]) -> CustomersAnswer:
    """Find people by email."""
    answer = await ctx.request_context.lifespan_context.get("/v1/customers", params={"email": email})
    answer.raise_for_status()
    return CustomersAnswer(customers=[who(Identifiers.of(person)) for person in answer.json()["results"]])


if __name__ == "__main__":
    server.run()
