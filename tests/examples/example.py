"""One tool as every drill uses it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcp import Client

from cio_mcp.sandbox import Sandbox
from cio_mcp.workspace import CallContext

Arguments = dict[str, Any]
Call = tuple[str, Arguments]
Source = Callable[[Client, str], Awaitable[str]]
"""Makes calls about a customer, and returns the argument that only their answers contain."""

CIO_ID = "cio_a3000001"
"""Ada's."""
EVERYTHING = ["segments", "messages", "activities", "subscriptions", "relationships"]
LONG_AGO = "2026-01-01T00:00:00Z"
KINDS = (("campaign", "1"), ("broadcast", "10"), ("newsletter", "31"), ("transactional", "1"))
"""A source of messages of each kind."""


@dataclass(frozen=True)
class Write:
    """What a write does in the sandbox: drills disturb its request and count its effects.

    `arguments` and `effects` take the number of the write; each number is a change of its own.
    """

    arguments: Callable[[int], Arguments]
    method: str
    path: str
    """How the path of its request starts."""
    effects: Callable[[Sandbox, int], int]


@dataclass(frozen=True, kw_only=True)
class Example:
    """Arguments for each drill, and what its answers contain. `tool` is its function in the catalog."""

    tool: Callable[..., Awaitable[Any]]
    arguments: Arguments
    """The least with which it answers, about Ada."""
    failure: Arguments
    failed_argument: str
    """The argument that its sentence names when it fails."""
    full: tuple[Arguments, ...]
    """Between them they bring every field of an answer, about Mallory, in a workspace with planted text."""
    private: tuple[Arguments, ...]
    """With these it meets addresses and phone numbers."""
    hostile: tuple[Arguments, ...]
    """With these it meets hostile text."""
    free_text: bool = True
    """It answers with free text of others; the rest name it in quotes at most."""
    personal: bool = True
    """It answers with something about a person."""
    destructive: bool = False
    free_form: tuple[str, ...] = ()
    """Arguments that are objects of any members."""
    open_parts: tuple[str, ...] = ()
    """Arguments with declared members, some of which are such objects."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Required arguments that only other calls can give; they are left out above."""
    before: tuple[Call, ...] = ()
    """Calls without which its full answer has nothing to list."""
    write: Write | None = None
    """None also where a job makes the requests: its faults and deaths have tests of their own, in `tests/jobs`."""
    starts_job: bool = False

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.tool.__name__

    async def complete(self, client: Client, given: Arguments, customer: str = "ada") -> Arguments:
        """The given arguments with those that only other calls can give."""
        later = {name: await find(client, customer) for name, find in self.sources.items() if name not in given}
        return given | later

    def plan(self, ws: CallContext, number: int) -> Callable[[], Awaitable[Any]]:
        """The function that plans the write with this number."""
        assert self.write
        return partial(self.tool, ws, **self.write.arguments(number))
