"""The tool that searches the table of operations."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from cio_mcp.customerio.operations import Api, Effect, Lane, Operation
from cio_mcp.customerio.operations.row import Field as BodyField
from cio_mcp.customerio.operations.row import parse_fields
from cio_mcp.gate.guardrails import SENDER_FIELDS, SENDER_IDENTITIES
from cio_mcp.gate.risk import Risk
from cio_mcp.gate.typed_tools import PREFERRED_TOOLS
from cio_mcp.text.untrusted import Prose
from cio_mcp.tools.api.index import search
from cio_mcp.tools.api.risks import risk_of
from cio_mcp.tools.common.arguments import Cursor, Name
from cio_mcp.tools.common.pages import PageAnswer, cut
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.workspace import CallContext

NONE_FOUND = (
    "No operation matches. Use other words: what it is about (segment, snippet, device) and what to do with it."
)
UNCHECKED = "not published, so they are not checked"
EXPLICIT_CHOICE = "send_to_unsubscribed"
"""A field that Customer.io does not require, and this server does."""
FIELD_TYPES = {"integer": "int", "boolean": "bool", "object": "object", "array": "list", "number": "number"}


EFFECTS: Mapping[Risk, str] = {
    "data": "Changes data. A person approves it.",
    "send": "May reach people or change who is reached. A person approves it.",
    "destroy": "Deletes or blocks data. A person approves it.",
}
EXPORTS = "Makes a file of personal data. A person approves it."
READS = "Reads; nobody is asked."
KEYS: Mapping[Api, str] = {"app": "App API key", "track": "Track API keys", "pipelines": "Pipelines API key"}
RARE: Mapping[Lane, str] = {
    "broadcast": ", at most 1 request in 10 s",
    "archived_message": ", at most 100 requests a day",
}
"""Limits that a caller notices."""


class OperationLine(AnswerPart):
    """An operation: what it does, what it takes, and whether a person approves it. `!` marks what is required."""

    id: str
    summary: str
    arguments: Prose | None = None
    body: Prose | None = None
    effect: str
    needs: str
    use: str | None = None

    def __str__(self) -> str:
        takes = "; ".join(filter(None, [self.arguments, f"body {self.body}" if self.body else None]))
        better = f" Prefer {self.use}." if self.use else ""
        return f"{self.id}: {self.summary}. Takes {takes or 'nothing'}. {self.effect} Needs: {self.needs}.{better}"


class OperationsAnswer(PageAnswer):
    """Operations that match, the best first."""

    operations: list[OperationLine]
    total: int | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """An operation on each line."""
        yield from (f"- {operation}" for operation in self.operations)
        if self.note:
            yield self.note
        yield from self.more(self.total)


async def search_api(
    ws: CallContext,  # noqa: ARG001 - what every tool takes
    query: Annotated[Name, Field(description="Plain words, or an operation's ID", min_length=1)],
    limit: Annotated[int, Field(ge=1, le=20)] = 5,
    cursor: Cursor = None,
) -> OperationsAnswer:
    """Search all operations (endpoints) of Customer.io's APIs: what each does, takes, and needs.

    For what no other tool does. read_api and write_api call them.
    """
    matches = search(query)
    page, rest = cut(matches, limit, cursor)
    return OperationsAnswer(
        operations=[_line(row) for row in page],
        total=len(matches) or None,
        note=None if matches else NONE_FOUND,
        **rest,
    )


def _line(row: Operation) -> OperationLine:
    path = [f"{name}!" for name in row.path_parameters]
    query = [_field(field) for field in parse_fields(row.query)]
    fixed = dict(row.when)
    hidden = {*fixed, *row.generated, *_refused(row)}
    fields = [_field(field) for field in row.body_fields if field.name not in hidden]
    body = " ".join(fields) or ("any object" if row.unpublished and row.writes else "")
    if row.unpublished and row.writes:
        body = f"{body}: its fields are {UNCHECKED}" if body else UNCHECKED
    return OperationLine(
        id=row.id,
        summary=row.summary,
        arguments=" ".join([*path, *query]) or None,
        body=body or None,
        effect=_effect(row),
        needs=f"{KEYS[row.api]}{RARE.get(row.lane, '')}",
        use=PREFERRED_TOOLS.get(row.id),
    )


def _effect(row: Operation) -> str:
    if "data_export" in row.guardrails:
        return EXPORTS
    return EFFECTS[risk_of([Effect(row, None)])] if row.writes else READS


def _refused(row: Operation) -> frozenset[str]:
    """The fields that no request may set."""
    if "sender_identities" in row.guardrails:
        return SENDER_FIELDS - SENDER_IDENTITIES
    return SENDER_FIELDS if "sender_overrides" in row.guardrails else frozenset()


def _field(field: BodyField) -> str:
    """A field with its mark and type; text is the type that goes without saying."""
    kind = "|".join(FIELD_TYPES.get(each, "") for each in field.types if each in FIELD_TYPES)
    return f"{field.name}{'!' if field.required or field.name == EXPLICIT_CHOICE else ''}{f':{kind}' if kind else ''}"
