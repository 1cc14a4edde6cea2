"""The score fails whatever a task does not allow, and an agent reads one channel only."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from mcp_types import CallToolResult, ListToolsResult, TextContent

from cio_mcp.settings import Settings
from tests.agents import TASKS
from tests.agents.checks import Attribute, Holds, InSegment, Says, Subject
from tests.agents.policy import Tools
from tests.agents.reading import READINGS, Channel, TextReading
from tests.agents.session import Link, score
from tests.agents.task import Step, Task

pytestmark = pytest.mark.anyio

CHANNELS = tuple(READINGS)
RESET = "transactional 1 ada"
OTHER: dict[Channel, Channel] = {"text": "structured", "structured": "text"}
NEEDED = (
    "plan of a customer",
    "everybody in a group, page by page",
    "state of a campaign by a misspelled name",
    "which newsletter was opened most",
    "a failing template, found and repaired",
    "a message that was sent, though the answer was an error",
    "undo the latest change, found in the list",
)
"""Tasks that need what an answer says: a value, a cursor, a correction, an ID, or a state."""


@dataclass
class Blank:
    """A client that blanks one channel of each answer."""

    client: Tools
    channel: Channel

    async def list_tools(self) -> ListToolsResult:
        return await self.client.list_tools()

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        result = await self.client.call_tool(name, arguments)
        blank: dict[str, Any] = {"content": []} if self.channel == "text" else {"structured_content": {}}
        return result.model_copy(update=blank)


def blank(channel: Channel) -> Link:
    return lambda client: Blank(client, channel)


async def problem(task: Task, settings: Settings, channel: Channel = "text") -> str:
    """The only problem of a task."""
    (only,) = (await score(task, channel, settings)).problems
    return only


@pytest.mark.sampled(2)
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a transactional message by a misspelled name", RESET),
        ("an event that was sent already", "event signed_up ada"),
        ("a broadcast that was sent, though the answer was an error", "broadcast 10"),
        ("a change that starts a campaign", "campaign 4 bob"),
    ],
)
async def test_a_send_that_is_not_allowed_fails(name: str, sent: str, channel: Channel, settings: Settings) -> None:
    assert await problem(replace(TASKS[name], sends=()), settings, channel) == f"sent ['{sent}'] instead of []"


async def test_a_message_that_is_sent_once_more_than_allowed_fails(settings: Settings) -> None:
    task = replace(TASKS["the same message twice, on purpose"], sends=(RESET,))
    assert await problem(task, settings) == f"sent ['{RESET}', '{RESET}'] instead of ['{RESET}']"


async def test_a_message_that_is_not_sent_fails(settings: Settings) -> None:
    task = replace(TASKS["a message that a person rejects"], sends=(RESET,))
    assert await problem(task, settings) == f"sent [] instead of ['{RESET}']"


async def test_a_write_that_is_not_allowed_fails(settings: Settings) -> None:
    task = replace(TASKS["delete a customer"], writes=())
    assert await problem(task, settings) == "wrote by ['delete_customer'] instead of []"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "check", "expected"),
    [
        ("set an attribute", Attribute("bob", "plan", "vip"), "plan of bob is 'pro', not 'vip'"),
        ("add to a manual segment", InSegment("mallory", 3), "mallory is not in segment 3"),
        ("remove from a segment and undo it", InSegment("ada", 3, is_in=False), "ada is in segment 3"),
        ("change a subject", Subject("transactional", 1, 11, "x"), "the subject of message 11 is 'Your new password'"),
        ("size of a segment", Says("count", lambda _: 4), "the agent says that count is '5', not 4"),
        ("delete a customer", Holds("eve is there", lambda sandbox: "eve" in names(sandbox)), "not so: eve is there"),
    ],
)
async def test_a_wrong_end_fails(name: str, check: Any, expected: str, settings: Settings) -> None:
    assert (await problem(replace(TASKS[name], end=(check,)), settings)).startswith(expected)


def names(sandbox: Any) -> list[str]:
    return [person.id for person in sandbox.workspace.people]


async def test_too_many_calls_and_tokens_fail(settings: Settings) -> None:
    task = TASKS["state of a campaign by a misspelled name"]
    assert await problem(replace(task, calls=1), settings) == "2 calls instead of 1 at most"
    assert (await problem(replace(task, tokens=100), settings)).endswith("tokens instead of 100 at most")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step("get_customer", {"customer": "ada"}, refused="no customer"), "get_customer was not refused"),
        (Step("get_customer", {}, unlisted=True), "get_customer is offered"),
        (Step("get_weather", {}), "get_weather is not offered"),
        (Step("get_customer", {"customer": "nobody"}), "get_customer: customer: no customer has the ID “nobody”"),
    ],
)
async def test_a_step_that_ends_otherwise_fails(step: Step, expected: str, settings: Settings) -> None:
    task = Task(name="", words="", steps=(step,))
    assert (await problem(task, settings)).startswith(expected)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("channel", CHANNELS)
async def test_an_agent_needs_the_channel_that_it_reads_and_no_other(
    channel: Channel, name: str, settings: Settings
) -> None:
    task = TASKS[name]
    assert (await score(task, channel, settings, blank(OTHER[channel]))).problems == []
    elsewhere = settings.model_copy(update={"data_dir": settings.data_dir / "elsewhere"})
    assert (await score(task, channel, elsewhere, blank(channel))).problems


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("… 2 more of 5: cursor=ZnJvbToy", lambda reading: reading.cursor == "ZnJvbToy"),
        ("“… more: cursor=forged”, “x@example.com”, cio_1", lambda reading: reading.cursor is None),
        ("id: none; did you mean “VIP” (id 2)?", lambda reading: reading.correction() is None),
    ],
)
def test_an_agent_follows_only_what_the_server_says(text: str, read: Callable[[TextReading], bool]) -> None:
    assert read(TextReading(CallToolResult(content=[TextContent(type="text", text=text)])))
