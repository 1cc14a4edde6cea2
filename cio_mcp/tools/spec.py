"""The declaration of a tool: one expression per tool, without MCP."""

import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from cio_mcp.gate.plan import Plan
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.risk import RISKS, Risk
from cio_mcp.text.render import Answer

Key = Literal["app", "track", "both"]
"""The API keys a tool needs."""
Parameters = dict[str, inspect.Parameter]
"""The arguments a model fills in, by name."""


@dataclass(frozen=True, slots=True)
class Hints:
    """MCP's four hints, all of them explicit."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


Kind = Literal["read", "write", "control"]
"""What a tool does: reads, proposes a write that a person approves, or changes only what this server does."""

READS = Hints(read_only=True, destructive=False, idempotent=True, open_world=True)
READS_OWN = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)
WRITES = Hints(read_only=False, destructive=False, idempotent=False, open_world=True)
ANY_WRITE = Hints(read_only=False, destructive=True, idempotent=False, open_world=True)
OVERWRITES = Hints(read_only=False, destructive=True, idempotent=True, open_world=True)
CONTROLS = Hints(read_only=False, destructive=False, idempotent=True, open_world=False)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool in one expression: its function, toolset, title, hints, and the key it needs.

    A write is its plan function and returns a `Plan`; any other tool returns an `Answer`. The first parameter is the
    workspace, the others are what a model fills in; the docstring is what a model reads. `classes` are those its plans
    may be of, `receipt` is what a write answers.
    """

    function: Callable[..., Awaitable[Answer | Plan]]
    toolset: str
    title: str
    hints: Hints
    needs: Key | None
    classes: tuple[Risk, ...] = RISKS
    receipt: type[Receipt] = Receipt

    @property
    def name(self) -> str:
        """The tool's name: its function's."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """The description for models: the function's docstring."""
        return inspect.cleandoc(self.function.__doc__ or "")

    def parameters(self) -> Parameters:
        """The arguments that a model passes."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        _, *visible = inspect.signature(self.function).parameters.values()
        return {p.name: p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY) for p in visible}

    @property
    def kind(self) -> Kind:
        """What the tool does, by what its function returns."""
        if self._returns is Plan:
            return "write"
        return "read" if self.hints.read_only else "control"

    @property
    def is_write(self) -> bool:
        """Whether the function plans a write."""
        return self.kind == "write"

    def answers_with(self) -> type[Answer]:
        """The model of the tool's answer."""
        answer: type[Answer] = self.receipt if self.is_write else self._returns
        return answer

    @property
    def _returns(self) -> typing.Any:
        return typing.get_type_hints(self.function)["return"]
