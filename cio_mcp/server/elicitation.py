"""Elicitation: a write tool's hidden parameters, which the SDK fills in by asking a person in the client.

No `from __future__ import annotations` here: the SDK reads these, and strings cannot name a closure's variables.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import anyio
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, Field, create_model

from cio_mcp.customerio.call import canonical
from cio_mcp.customerio.caller import Work
from cio_mcp.errors import InvalidAnswer, InvalidArgument
from cio_mcp.gate.change import Change
from cio_mcp.gate.choice import approval_title
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt, prompt_refusal
from cio_mcp.jobs.progress import follow
from cio_mcp.server.errors import INVALID_ANSWER
from cio_mcp.server.result import result
from cio_mcp.storage.jobs import JobRow
from cio_mcp.text.visible import visible
from cio_mcp.tools.spec import Parameters, ToolSpec
from cio_mcp.workspace import CallContext

QUESTIONS_IN_RESULTS_SINCE = "2026-07-28"
"""The first protocol version that carries questions in results; the SDK keeps the same constant private."""
ANSWER_SECONDS = 4.0
"""Seconds after its arrival when a write call stops waiting for a decision.

Some clients give up after 5 s, and over HTTP an answer took up to 0.6 s more (measured).
"""
FOLLOW_SECONDS = 2.0
"""Seconds that a call waits for the end of the job that it started. Chosen: a short import ends within its call."""
PROGRESS = "Waiting for approval in cio-mcp on your computer"

log = logging.getLogger(__name__)


class Decision(BaseModel):
    """A person's decision; required and without a default, so that an empty form approves nothing."""

    decision: Literal["reject", "approve"]
    confirmation: str | None = None


class NotAsked(BaseModel):
    """Nothing is asked in the client: it can't ask, may not, or nothing waits for an answer."""


@dataclass(frozen=True, slots=True)
class WriteCall:
    """One call of a write tool: the tool, its arguments, and the workspace as its caller sees it.

    `arrived` is when the call came, in `anyio.current_time()` seconds.
    """

    spec: ToolSpec
    context: CallContext
    arguments: dict[str, Any]
    arrived: float

    async def plan(self) -> Plan:
        """Run the plan function; a person may have thought for minutes, so each planning has its own time and reads."""
        context = replace(self.context, reader=self.context.reader.again(self.work()))
        planned = await self.spec.function(context, **self.arguments)
        assert isinstance(planned, Plan)  # noqa: S101 - a declaration's promise, not input
        assert planned.risk in self.spec.classes  # noqa: S101 - a declaration's promise, not input
        return planned

    def work(self) -> Work:
        """Work for the caller, with the time that one step may take from now on."""
        return Work(self.context.caller, anyio.current_time() + self.context.settings.max_wait)

    async def propose(self) -> "Proposal":
        """Find or create the change of this call."""
        proposed = await self.context.gate.propose(
            self.context.caller.id, self.spec.name, self.digest, self.plan, arguments_json=self.arguments_json
        )
        return Proposal(self, proposed)

    @property
    def digest(self) -> str:
        """The digest of the arguments.

        Raises:
            InvalidArgument: they hold something that JSON cannot express.
        """
        return digest_of(self.arguments)

    @property
    def arguments_json(self) -> str:
        """The arguments as JSON, from which the call can be made again."""
        return canonical(_plain(self.arguments))

    def asks_here(self, change: Change) -> bool:
        """Whether this change may be decided in the client: the policy allows it, and the question shows everything.

        A person who rejected it too often is not prompted again.
        """
        policy, settings = self.context.gate.policy, self.context.settings
        may_be_asked = self.context.caller.may_be_asked
        allowed = policy.asks_here(self.spec.name, change.plan, settings, may_be_asked=may_be_asked)
        allowed = allowed and not prompt_refusal(change, self.context.gate.clock.now())
        return allowed and change.plan.fits_prompt


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a call proposes: a change, or a receipt where nothing is left to decide."""

    call: WriteCall
    proposed: Change | Receipt


def write_function(
    spec: ToolSpec, begin: Callable[[dict[str, Any]], Awaitable[WriteCall]]
) -> Callable[..., Awaitable[CallToolResult]]:
    """The function of a write tool: its plan function's parameters, and hidden ones filled in through the gate."""
    visible = spec.parameters()

    async def propose(**arguments: Any) -> Proposal:
        return await (await begin(arguments)).propose()

    async def approval(
        proposal: Annotated[Proposal, Resolve(with_parameters(propose, visible))], ctx: Context[Any, Any]
    ) -> NotAsked | Decision | Elicit[Any]:
        change, call = proposal.proposed, proposal.call
        if isinstance(change, Receipt) or change.state != "planned" or not (can_ask(ctx) and call.asks_here(change)):
            return NotAsked()
        if ctx.request_state is None:
            await call.context.gate.approvals.record_prompt(change)
        question = Elicit(change.question, decision_form(change.plan))
        return question if _asks_by_result(ctx) else await _ask(ctx, question)

    async def tool(
        *,
        ctx: Context[Any, Any],
        proposal: Annotated[Proposal, Resolve(propose)],
        answer: Annotated[ElicitationResult[Any], Resolve(approval)],
        **arguments: Any,  # noqa: ARG001 - named by `with_parameters`; the proposal holds them
    ) -> CallToolResult:
        receipt = await settle(proposal, answer, ctx)
        return result(receipt, mask=proposal.call.context.settings.mask_pii)

    approval.__qualname__ = f"{spec.name}.approval"
    function: Callable[..., Awaitable[CallToolResult]] = with_parameters(tool, visible)
    return function


async def settle(proposal: Proposal, answer: object, ctx: Context[Any, Any]) -> Receipt:
    """Take the answer, if a question was asked, and execute what is approved."""
    call, change = proposal.call, proposal.proposed
    if isinstance(change, Receipt):
        return change
    with call.context.gate.hold(change.id):
        return await _settle(call, change, answer, ctx)


async def _settle(call: WriteCall, change: Change, answer: object, ctx: Context[Any, Any]) -> Receipt:
    approvals = call.context.gate.approvals
    form = answer.data if isinstance(answer, AcceptedElicitation) else None
    if isinstance(form, NotAsked):
        if change.state == "planned" and not prompt_refusal(change, call.context.gate.clock.now()):
            await ctx.report_progress(0, None, PROGRESS)
            left = ANSWER_SECONDS - (anyio.current_time() - call.arrived)
            change = await approvals.wait(change, max(0.0, left))
    else:
        approve = getattr(form, "decision", None) == "approve"
        confirmation = getattr(form, "confirmation", None)
        await approvals.answer(change, approve=approve, confirmation=confirmation, by=call.context.caller.id)
    receipt = await call.context.gate.make(change, call.plan, call.work())
    return await _follow(call, change, receipt, ctx) if receipt.status == "started" else receipt


async def _follow(call: WriteCall, change: Change, receipt: Receipt, ctx: Context[Any, Any]) -> Receipt:
    """Wait for the end of a job: as long as a call may take if the client follows its progress, else for a moment."""
    context = call.context

    async def report(job: JobRow) -> None:
        await ctx.report_progress(job.cursor, job.total, f"{job.cursor:,} of {job.total:,} rows")

    seconds = context.settings.max_wait - ANSWER_SECONDS if _is_followed(ctx) else FOLLOW_SECONDS
    await follow(context.jobs, receipt.job or "", context.clock, seconds, report)
    return await context.gate.describe(await context.gate.approvals.current(change))


def _is_followed(ctx: Context[Any, Any]) -> bool:
    meta = ctx.request_context.meta
    return bool(meta and meta.get("progress_token"))


def decision_form(plan: Plan) -> type[BaseModel]:
    """The form for a decision: titled choices, reject first, no default, and what must be typed."""
    choices = [
        {"const": "reject", "title": "Reject"},
        {"const": "approve", "title": f"Approve: {approval_title(plan)}"},
    ]
    choice = Annotated[
        Literal["reject", "approve"],
        Field(description="Approve exactly what is shown, once, or reject it", json_schema_extra=_with_titles(choices)),
    ]
    fields: dict[str, Any] = {"decision": (choice, ...)}
    if plan.confirmation is not None:
        # Not required, so that a person can reject without it.
        fields["confirmation"] = (str, Field("", description=f"To approve, type {visible(plan.confirmation)}"))
    return create_model("Decision", **fields)


def _with_titles(choices: list[dict[str, str]]) -> Callable[[dict[str, Any]], None]:
    def replace_enum(schema: dict[str, Any]) -> None:
        schema.pop("enum", None)
        schema["oneOf"] = choices

    return replace_enum


def digest_of(arguments: dict[str, Any]) -> str:
    """The digest of validated arguments, whatever models they hold.

    Raises:
        InvalidArgument: they hold something that JSON cannot express.
    """
    try:
        return arguments_digest(_plain(arguments))
    except (ValueError, RecursionError):
        raise InvalidArgument(
            "arguments", "contain an incomplete character, a number that is too long, or too many levels"
        ) from None


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in arguments.items()
    }


def can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether the client declared form elicitation; the SDK fails a call that asks a client which did not."""
    form = ctx.client_capabilities.elicitation if ctx.client_capabilities else None
    return form is not None and (form.form is not None or form.url is None)


def _asks_by_result(ctx: Context[Any, Any]) -> bool:
    """Whether the protocol carries questions in the result of a call: then no error can answer one."""
    return ctx.protocol_version is not None and is_version_at_least(ctx.protocol_version, QUESTIONS_IN_RESULTS_SINCE)


async def _ask(ctx: Context[Any, Any], question: Elicit[Any]) -> NotAsked | Decision:
    """Send the question now; a client that answers it with an error can't ask, whatever it declared.

    The SDK would make that error the error of the tool call, which says nothing about the write.
    """
    try:
        answer = await ctx.elicit(question.message, question.schema)
    except MCPError as refused:
        log.warning("the client declared elicitation but answered a question with error %s", refused.error.code)
        return NotAsked()
    except ValueError as unusable:
        raise InvalidAnswer(INVALID_ANSWER) from unusable
    if not isinstance(answer, AcceptedElicitation):
        return Decision(decision="reject")
    return Decision.model_validate(answer.data.model_dump())


def with_parameters(function: Any, visible: Parameters) -> Any:
    """`function(**arguments)` as one that names its arguments: the SDK reads signature and annotations both."""
    own = inspect.signature(function)
    hidden = {name: p for name, p in own.parameters.items() if p.kind is not p.VAR_KEYWORD}
    hidden = {name: p.replace(kind=p.KEYWORD_ONLY) for name, p in hidden.items()}
    if clash := hidden.keys() & visible.keys():
        raise TypeError(f"a write tool cannot have parameters named {', '.join(sorted(clash))}: the gate uses them")
    function.__signature__ = own.replace(parameters=[*visible.values(), *hidden.values()])
    function.__annotations__ = {n: p.annotation for n, p in (visible | hidden).items()} | {
        "return": own.return_annotation
    }
    return function
