"""`cio-mcp demo`: a guided tour with the real server, a real client, and a simulated workspace."""

import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from subprocess import DEVNULL
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from mcp import Client, StdioServerParameters
from mcp.client.stdio import get_default_environment, stdio_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.errors import first_of
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background

TOUR_SECONDS = 60.0
"""Seconds after which the tour is given up; it takes about ten."""
PEOPLE_COUNT = 300
LOG_LINES = 20
"""Last lines of the server's log that a failed tour shows."""

KEYS = {
    "CIO_SITE_ID": "sandbox-site",
    "CIO_TRACK_API_KEY": "sandbox-track-key",
    "CIO_APP_API_KEY": "sandbox-app-key",
    "CIO_WEBHOOK_SIGNING_KEYS": "sandbox-signing-key",
}
EVENT = {"customer": "ada", "name": "order_placed", "data": {"order_id": "1042", "total": 59.9}}
EMAIL = {
    "message": "Order shipped",
    "customer": "ada",
    "data": {"order_id": "1042", "tracking_url": "https://example.com/1042"},
}


class Wrong(Exception):
    """A step did not do what it says."""


class Person:
    """The person at the client: answers each question as the tour requires."""

    def __init__(self, console: Console) -> None:
        self.approve = False
        self.questions = 0
        self._console = console

    async def __call__(self, context: object, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG002 - the SDK gives it
        """Show the question; answer it."""
        await anyio.lowlevel.checkpoint()
        self.questions += 1
        decision = "approve" if self.approve else "reject"
        self._console.print(Panel(Text(params.message), title="The question a person sees", title_align="left"))
        self._console.print(Text(f"The person chooses: {decision}"))
        return ElicitResult(action="accept", content={"decision": decision})


class Tour:
    """The steps, each of which checks what it claims."""

    def __init__(self, console: Console, client: Client, person: Person, sandbox: Sandbox) -> None:
        self._console, self._client, self._person, self._sandbox = console, client, person, sandbox
        self._number = 0

    async def take(self) -> None:
        """Take every step.

        Raises:
            Wrong: one did not do what it says.
        """
        await self._reads()
        await self._event()
        await self._email()
        with self._step("List all events reported for Ada"):
            reported = await self._call("recent_events", {"customer": "ada"})
            self._check(len(reported["events"]) >= 4, "both messages were reported as sent and as delivered")  # noqa: PLR2004 - two of two
        with self._step("List the changes in the journal"):
            changes = await self._call("list_changes", {})
            self._check(len(changes["changes"]) == 3, "the journal has the declined change and both sent ones")  # noqa: PLR2004 - one no, two yes

    async def _reads(self) -> None:
        with self._step("Find a customer"):
            answer = await self._call("find_customers", {"email": "ada@example.com"})
            self._check(answer["customers"][0]["id"] == "ada", "Ada was found")
        with self._step("Find a shared email address: both people are listed"):
            answer = await self._call("find_customers", {"email": "two@example.com"})
            self._check(len(answer["customers"]) == 2, "both were listed")  # noqa: PLR2004 - the cast has two of them
        with self._step("Read a campaign's metrics"):
            metrics = await self._call("get_metrics", {"kind": "campaign", "id": "Onboarding"})
            self._check(metrics["totals"]["sent"] > 0, "the metrics are there")

    async def _event(self) -> None:
        with self._step("The assistant proposes an event; the person rejects it"):
            self._person.approve = False
            receipt = await self._call("send_event", EVENT)
            self._check(receipt["status"] == "declined" and self._requests("/events") == 0, "nothing was sent")
        with self._step("It proposes the event again; the person approves it"):
            self._person.approve = True
            receipt = await self._call("send_event", EVENT)
            self._check(receipt["status"] == "done" and self._requests("/events") == 1, "exactly one request was sent")
        with self._step("The event triggers a campaign; wait until its email is delivered"):
            await self._delivered(receipt["change"])
        with self._step("Repeat the same call: nothing is sent twice"):
            await self._again("send_event", EVENT, "/events")

    async def _email(self) -> None:
        with self._step("Send a transactional email, with approval"):
            receipt = await self._call("send_transactional", EMAIL)
            sent = self._requests("/v1/send/email")
            self._check(bool(receipt.get("delivery_id")) and sent == 1, "exactly one email was sent")
        with self._step("Wait until it is delivered"):
            await self._delivered(receipt["change"])
        with self._step("Repeat it with another identifier of Ada: nothing is sent twice"):
            await self._again("send_transactional", EMAIL | {"customer": "ada@example.com"}, "/v1/send/email")

    async def _delivered(self, change: str) -> None:
        waited = await self._call("wait_for_event", {"change": change, "metric": "delivered"})
        caused = waited["happened"] and waited["event"].get("cause", {}).get("change") == change
        self._check(caused, "a signed webhook reported the delivery, linked to the change that caused it")

    async def _again(self, tool: str, arguments: dict[str, Any], path: str) -> None:
        questions = self._person.questions
        receipt = await self._call(tool, arguments)
        unsent = receipt["status"] == "already_done" and self._requests(path) == 1
        self._check(unsent and self._person.questions == questions, "nothing was sent, and no approval was requested")

    async def _call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._console.print(Text(f"> {tool} {json.dumps(arguments)}", style="cyan"))
        result = await self._client.call_tool(tool, arguments)
        self._console.print(Text(_text(result)))
        if result.structured_content is None:
            raise Wrong(f"{tool} answered with an error")
        return dict(result.structured_content)

    def _requests(self, ending: str) -> int:
        return sum(request["path"].endswith(ending) for request in self._sandbox.requests)

    def _check(self, so: bool, claim: str) -> None:
        if not so:
            raise Wrong(f"not true: {claim}")
        self._console.print(Text(f"✓ {claim}", style="green"))

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self._number += 1
        self._console.print(Text(f"\n{self._number}. {title}", style="bold"))
        yield


def demo() -> int:
    """Take the tour; 0 if every step did what it says, else 1."""
    console = Console(highlight=False)
    began = SYSTEM_CLOCK.steady()
    failed, log = "", list[str]()
    try:
        anyio.run(_tour, console, log)
    except* Wrong as wrong:
        failed = str(first_of(wrong))
    except* TimeoutError:
        failed = f"the tour took longer than {TOUR_SECONDS:g} s"
    if failed:
        console.print(Text(f"✗ {failed}", style="bold red"))
        console.print(Text("".join(log[-LOG_LINES:])))
        return 1
    console.print(Text(f"\nDone in {SYSTEM_CLOCK.steady() - began:.1f} s.\n", style="bold"))
    console.print(Text(PLUG_IN))
    return 0


async def _tour(console: Console, log: list[str]) -> None:
    console.print("A simulated workspace, the real server, and a real client. Nothing leaves this machine.")
    person = Person(console)
    with tempfile.TemporaryDirectory(prefix="cio-mcp-demo-") as folder, anyio.fail_after(TOUR_SECONDS):
        environment = KEYS | {"CIO_DATA_DIR": folder}
        async with _receiver(environment) as webhook_url:
            sandbox = Sandbox(people=PEOPLE_COUNT, webhook_url=webhook_url)
            with serve_in_background(sandbox) as where:
                urls = {"CIO_TRACK_URL": where.url, "CIO_APP_URL": where.url}
                async with _connected(environment | urls, person, log) as client:
                    await Tour(console, client, person, sandbox).take()


@asynccontextmanager
async def _receiver(environment: dict[str, str]) -> AsyncIterator[str]:
    """Receive webhooks in a separate process, which writes its address in its first line."""
    process = await anyio.open_process(
        [sys.executable, "-m", "cio_mcp", "webhooks", "serve", "--port", "0"],
        env=get_default_environment() | environment,
        stdin=DEVNULL,
        stdout=DEVNULL,
    )
    try:
        yield await _address(process)
    finally:
        process.terminate()
        await process.aclose()


async def _address(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    output = ""
    async for text in TextReceiveStream(process.stderr):
        output += text
        if match := re.search(r"http://\S+\n", output):
            return match[0].strip()
    raise Wrong("the webhook receiver did not start")


@asynccontextmanager
async def _connected(environment: dict[str, str], person: Person, log: list[str]) -> AsyncIterator[Client]:
    """A client of the server, whose log is kept out of the story; afterwards it stands in `log`."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "cio_mcp", "serve"], env=environment)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stderr:
        try:
            async with Client(stdio_client(server, errlog=stderr), elicitation_callback=person) as client:
                yield client
        finally:
            stderr.seek(0)
            log.extend(stderr.readlines())


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


PLUG_IN = """\
To connect a client, install cio-mcp (`pipx install .`) and add this to the client's MCP settings, with your keys.
Without installing, use the full path of .venv/bin/cio-mcp as the command.

  {"mcpServers": {"customerio": {
    "command": "cio-mcp",
    "env": {
      "CIO_SITE_ID": "…",
      "CIO_TRACK_API_KEY": "…",
      "CIO_APP_API_KEY": "…"}}}}

To try it in a client without an account:

  {"mcpServers": {"customerio": {
    "command": "cio-mcp",
    "args": ["serve", "--sandbox"]}}}
"""
