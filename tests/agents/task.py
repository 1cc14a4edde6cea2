"""A task as data: what a user says, what the agent does, and what must be so in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cio_mcp.sandbox import Sandbox

Someone = Literal["form", "terminal", "rejects"]
"""Who decides: a person in a client with forms, a person outside a client without them, or one who rejects."""


@dataclass(frozen=True)
class Take:
    """What the agent takes from an answer under a name.

    `text` is a pattern whose first group is the value; `path` leads to it in structured content: keys with dots
    between them, a number for an item, `name=VIP` for the first item of a list with this value, and `*` for each.
    Where a sentence is at its end, `part` is a pattern whose first group is the value. With `every`, all that match, on
    all pages, with commas between them.
    """

    name: str
    text: str
    path: str
    part: str = ""
    every: bool = False


@dataclass(frozen=True)
class Step:
    """One call. `{name}` in its arguments stands for what was taken before; `refused` is in the error it expects."""

    tool: str
    arguments: Mapping[str, Any]
    takes: tuple[Take, ...] = ()
    refused: str = ""
    advance: float = 0.0
    """Seconds that pass in the workspace before the call."""
    pages: int = 1
    """Pages that the agent reads at most, each by the cursor of the one before."""
    unlisted: bool = False
    """The tool must not be offered; it is not called."""


@dataclass(frozen=True)
class End:
    """How it ended: the sandbox, what the agent took, and all that it read."""

    sandbox: Sandbox
    taken: Mapping[str, str]
    answers: Sequence[str] = ()
    folder: Path = Path()
    """Where the server writes files, if the task allows it."""


class Check:
    """Something that must be so in the end."""

    def problem(self, end: End) -> str:
        """What is wrong; empty if nothing is."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task, its steps, and its limits: calls, and tokens (o200k) of all answers in the channel that is read.

    `sends` are the messages, events, broadcasts, and campaigns that the task allows: `transactional 1 ada`,
    `event signed_up ada`, `broadcast 10`, and `campaign 4 bob` for a person who joins its segment. `writes` are the
    operations that it calls, by their IDs. Anything else that is sent or written is a failure.
    `faults` and `changes` set the start state through the sandbox's own API: requests to `/_sandbox/faults`, and Track
    or App API requests. With `webhooks`, the workspace reports its events to the server; with `files`, the server may
    write files.
    """

    name: str
    words: str
    steps: tuple[Step, ...]
    end: tuple[Check, ...] = ()
    writes: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    person: Someone = "form"
    webhooks: bool = False
    files: bool = False
    calls: int = 3
    tokens: int = 1500
    settings: Mapping[str, Any] = field(default_factory=dict)
