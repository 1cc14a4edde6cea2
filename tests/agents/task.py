"""A task as data: what a user says, what the agent does, and what must be so in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cio_mcp.sandbox import Sandbox

Someone = Literal["form", "terminal", "rejects"]
"""Who decides: a person in a client with forms, a person outside a client without them, or one who rejects."""


@dataclass(frozen=True)
class Take:
    """What the agent takes from an answer under a name.

    `text` is a pattern whose first group is the value; `path` leads to it in structured content: keys with dots
    between them, a number for an item, and `name=VIP` for the first item of a list with this value.
    """

    name: str
    text: str
    path: str


@dataclass(frozen=True)
class Step:
    """One call. `{name}` in its arguments stands for what was taken before; `refused` is in the error it expects."""

    tool: str
    arguments: Mapping[str, Any]
    takes: tuple[Take, ...] = ()
    refused: str = ""
    advance: float = 0.0
    """Seconds that pass in the workspace before the call."""


@dataclass(frozen=True)
class End:
    """How it ended: the sandbox, and what the agent took."""

    sandbox: Sandbox
    taken: Mapping[str, str]


class Check:
    """Something that must be so in the end."""

    def problem(self, end: End) -> str:
        """What is wrong; empty if nothing is."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task, its steps, and its limits: calls, and tokens (o200k) of all answers in the channel that is read.

    `sends` are the messages, events, and broadcasts that the task allows: `transactional 1 ada`, `event signed_up ada`,
    `broadcast 10`. Anything else that is sent is a failure. `faults` and `changes` set the start state through the
    sandbox's own API: requests to `/_sandbox/faults`, and Track or App API requests.
    """

    name: str
    words: str
    steps: tuple[Step, ...]
    end: tuple[Check, ...]
    sends: tuple[str, ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    person: Someone = "form"
    calls: int = 3
    tokens: int = 1500
    settings: Mapping[str, Any] = field(default_factory=dict)
