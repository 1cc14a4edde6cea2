"""Asking in the client: a plan function becomes a tool whose hidden parameters the SDK fills in by asking a person.

No `from __future__ import annotations` here: the SDK reads these, and strings cannot name a closure's variables.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, Field

from cio_mcp.customerio.caller import Caller, Work
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan, Risk, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Gate, Planner
from cio_mcp.tools.spec import Parameters

ASKS_BY_RESULT = "2026-07-28"
"""The first protocol version that carries questions in results; the SDK keeps the same constant private."""

log = logging.getLogger(__name__)


class Decision(BaseModel):
    """A person's decision; required and without a default, so that an empty form approves nothing."""

    decision: Literal["reject", "approve"] = Field(description="Approve exactly what is shown, once, or reject it")


class TypedDecision(Decision):
    """A decision with something typed back."""

    typed: str = Field(description="To approve, type here what the text above asks for")


class NotAsked(BaseModel):
    """Nobody is asked in the client: it cannot ask, may not, or nothing waits for an answer."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One call of a write tool, bound to a workspace and a caller."""

    gate: Gate
    caller: Caller
    plan: Planner
    work: Callable[[], Work]
    asks_here: Callable[[Risk], bool]
    patience: float
    finish: Callable[[Receipt], CallToolResult]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a call proposes: a change in the journal (its row), or a receipt where nothing is left to decide."""

    binding: Binding
    row: Any
    receipt: Receipt | None


Binder = Callable[[dict[str, Any]], Awaitable[Binding]]
"""Binds a call's arguments."""


def gated(name: str, visible: Parameters, bind: Binder) -> Callable[..., Awaitable[CallToolResult]]:
    """The tool of a plan function: its own parameters, and hidden ones filled in through the gate."""

    async def propose(**arguments: Any) -> Proposal:
        binding = await bind(arguments)
        found = await binding.gate.propose(binding.caller.id, name, digest_of(arguments), binding.plan)
        return Proposal(binding, None, found) if isinstance(found, Receipt) else Proposal(binding, found, None)

    async def approval(
        proposal: Annotated[Proposal, Resolve(with_parameters(propose, visible))], ctx: Context[Any, Any]
    ) -> NotAsked | Decision | Elicit[Any]:
        row = proposal.row
        if row is None or row.state != "planned" or not (proposal.binding.asks_here(row.risk) and can_ask(ctx)):
            return NotAsked()
        if ctx.request_state is None:
            await proposal.binding.gate.asked(row)
        typed = Plan.model_validate_json(row.plan).typed
        question = Elicit(row.question, Decision if typed is None else TypedDecision)
        return question if _asks_by_result(ctx) else await _ask(ctx, question)

    async def tool(
        *,
        proposal: Annotated[Proposal, Resolve(propose)],
        answer: Annotated[ElicitationResult[Decision], Resolve(approval)],
        **arguments: Any,  # noqa: ARG001 - named by `with_parameters`; the proposal holds them
    ) -> CallToolResult:
        return proposal.binding.finish(await settle(proposal, answer))

    approval.__qualname__ = f"{name}.approval"
    asking: Callable[..., Awaitable[CallToolResult]] = with_parameters(tool, visible)
    return asking


async def settle(proposal: Proposal, answer: object) -> Receipt:
    """Take the answer, if one was asked for, and carry out what is approved."""
    binding, row = proposal.binding, proposal.row
    if proposal.receipt is not None:
        return proposal.receipt
    given = answer.data if isinstance(answer, AcceptedElicitation) else None
    if isinstance(given, NotAsked):
        if row.state == "planned":
            row = await binding.gate.outside(row, binding.patience)
    else:
        approve = isinstance(given, Decision) and given.decision == "approve"
        typed = given.typed if isinstance(given, TypedDecision) else None
        await binding.gate.answered(row, approve=approve, typed=typed, by=binding.caller.id)
    return await binding.gate.make(row, binding.plan, binding.work())


def digest_of(arguments: dict[str, Any]) -> str:
    """The digest of validated arguments, whatever models they hold.

    Raises:
        InvalidArgument: they hold something that JSON cannot say.
    """
    plain = {
        name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in arguments.items()
    }
    try:
        return arguments_digest(plain)
    except (ValueError, RecursionError):
        raise InvalidArgument(
            "arguments", "hold half a character, a number too long, or are nested too deeply"
        ) from None


def can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether the client declared form elicitation; the SDK fails a call that asks a client which did not."""
    form = ctx.client_capabilities.elicitation if ctx.client_capabilities else None
    return form is not None and (form.form is not None or form.url is None)


def _asks_by_result(ctx: Context[Any, Any]) -> bool:
    """Whether the protocol carries questions in the result of a call: then no error can answer one."""
    return ctx.protocol_version is not None and is_version_at_least(ctx.protocol_version, ASKS_BY_RESULT)


async def _ask(ctx: Context[Any, Any], question: Elicit[Any]) -> NotAsked | Decision:
    """Send the question now; a client that answers it with an error cannot ask, whatever it declared.

    The SDK would make that error the error of the tool call, which says nothing about the write.
    """
    try:
        answer = await ctx.elicit(question.message, question.schema)
    except MCPError as refused:
        log.warning("the client declared elicitation but answered a question with error %s", refused.error.code)
        return NotAsked()
    except ValueError as unusable:
        raise ToolError("Resolver for the approval: the answer to the question is invalid") from unusable
    decision: Decision = answer.data if isinstance(answer, AcceptedElicitation) else Decision(decision="reject")
    return decision


def with_parameters(function: Any, visible: Parameters) -> Any:
    """`function(**arguments)` as one that names its arguments: the SDK reads signature and annotations both."""
    own = inspect.signature(function)
    hidden = {name: p for name, p in own.parameters.items() if p.kind is not p.VAR_KEYWORD}
    hidden = {name: p.replace(kind=p.KEYWORD_ONLY) for name, p in hidden.items()}
    if clash := hidden.keys() & visible.keys():
        raise TypeError(f"a write tool cannot have parameters named {', '.join(sorted(clash))}: the gate has them")
    function.__signature__ = own.replace(parameters=[*visible.values(), *hidden.values()])
    function.__annotations__ = {n: p.annotation for n, p in (visible | hidden).items()} | {
        "return": own.return_annotation
    }
    return function
