"""One tool call over a persistent stdio connection, beside a bare SDK tool that makes the same request.

Both servers are called in turns by the SDK's client (era 2026-07-28), so far apart that the lane never makes
anybody wait; each call costs one request to the sandbox, which neither side caches.
"""

import sys
import tempfile
import time

import anyio
from mcp import Client, StdioServerParameters

from benchmarks.beside import OURS, ROOT, Pair, sandbox, table

TOOL = "find_customers"
ARGUMENTS = {"email": "ada@example.com"}
APART = 0.12  # seconds from call to call: the `app` lane holds 10 a second
MAX_RATIO = 1.10
MAX_FIRST_RATIO = 1.5
THINKING = 1.0  # seconds from the list of tools to the first call: a model reads the list before it calls
WARM_UP = 10


def measure(*, short: bool) -> bool:
    """Print a table for the first call of a process and one for later calls; whether the promises are kept."""
    first = table(f"First call of {TOOL} in a process over stdio", [anyio.run(_first_calls, 3 if short else 10)])
    later = table(f"One call of {TOOL} over stdio", [anyio.run(_calls, 30 if short else 200)])
    return first and later


async def _calls(rounds: int) -> Pair:
    with sandbox() as environment, tempfile.TemporaryDirectory() as folder:
        environment["CIO_DATA_DIR"] = folder
        async with (
            Client(_server(environment, *OURS)) as ours,
            Client(_server(environment, "-m", "benchmarks.bare_calls")) as bare,
        ):
            pair = Pair("tool call", [], [], MAX_RATIO)
            sides = (ours, pair.ours), (bare, pair.bare)
            for turn in range(WARM_UP + rounds):
                for client, taken in sides:
                    await anyio.sleep(APART)
                    seconds = await _call(client)
                    if turn >= WARM_UP:
                        taken.append(seconds)
            return pair


async def _first_calls(rounds: int) -> Pair:
    pair = Pair("first call", [], [], MAX_FIRST_RATIO)
    sides = (OURS, pair.ours), (("-m", "benchmarks.bare_calls"), pair.bare)
    with sandbox() as environment, tempfile.TemporaryDirectory() as folder:
        environment["CIO_DATA_DIR"] = folder
        for _ in range(rounds):
            for arguments, taken in sides:
                async with Client(_server(environment, *arguments)) as client:
                    await client.list_tools()
                    await anyio.sleep(THINKING)
                    taken.append(await _call(client))
    return pair


def _server(environment: dict[str, str], *arguments: str) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=list(arguments), env=environment, cwd=ROOT)


async def _call(client: Client) -> float:
    since = time.perf_counter()
    result = await client.call_tool(TOOL, ARGUMENTS)
    taken = time.perf_counter() - since
    content = result.structured_content
    assert content is not None, result.content
    assert len(content["customers"]) == 1
    return taken
