"""The question a person decides on: a pure function of the plan that shows every value its requests would send.

Order: what; options that are not defaults; values that decide the recipients; recipients; what it may trigger;
warnings; the message; the rest. Each sentence ends in a full stop and each value stands in quotes, so that the text
also reads well where a client joins its lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from cio_mcp.customerio.operations import operation
from cio_mcp.gate.choice import recipients
from cio_mcp.gate.permanence import no_way_back
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.question_values import Field, Group, renders
from cio_mcp.gate.values import texts_in
from cio_mcp.text.bidi import isolate
from cio_mcp.text.names import mixes_scripts
from cio_mcp.text.sanitize import cut
from cio_mcp.text.visible import MAX_VALUE_CHARACTERS, hides, visible

MAX_CHARACTERS = 4_000
MAX_LINES = 60
"""The longest question that is asked in a client; anything larger is decided outside."""

TOO_LARGE = "This change is too large to show here."
MAX_SHORT_FIELDS = 20
"""Values listed where a question is too large; the full requests are shown beside it."""

MAX_LOOKALIKES = 3
"""Texts that the warning about mixed scripts names; each stands below, too."""


@dataclass(frozen=True, slots=True)
class Question:
    """The text of a question, and whether it shows everything; only one that does may be asked in a client."""

    text: str
    fits: bool


def question_about(plan: Plan, change: str) -> Question:
    """Render the question about a plan; rendered once and stored, so that an answer is to exactly these words."""
    fields, more = _fields(plan)
    if not more and all(field.whole for field in fields):
        text = isolate("\n\n".join(_paragraphs(plan, fields, change)))
        if len(text) <= MAX_CHARACTERS and text.count("\n") < MAX_LINES:
            return Question(text, fits=True)
    left_out = max(0, len(fields) - MAX_SHORT_FIELDS) + more
    short = "\n\n".join(_paragraphs(plan, fields[:MAX_SHORT_FIELDS], change, left_out=left_out))
    return Question(_cut_isolated(short), fits=False)


def _fields(plan: Plan) -> tuple[list[Field], int]:
    """As many fields as a question may have room for, and how many more there are, which are not rendered."""
    pending = renders(plan)
    fields: list[Field] = []
    size = 0
    for render in pending:
        fields.append(field := render())
        size += len(field.line)
        if size > MAX_CHARACTERS or len(fields) > MAX_LINES:
            break
    return fields, sum(1 for _ in pending)


def _cut_isolated(text: str) -> str:
    excerpt = isolate(cut(text, MAX_CHARACTERS))
    return excerpt if len(excerpt) <= MAX_CHARACTERS else isolate(cut(text, 2 * MAX_CHARACTERS - len(excerpt)))


def _paragraphs(plan: Plan, fields: list[Field], change: str, left_out: int | None = None) -> Iterator[str]:
    yield _list(plan.summary, (*plan.missing_data, *plan.notes))
    if left_out is not None:
        more = f" {left_out:,} more values are not listed here." if left_out > 0 else ""
        yield f"{TOO_LARGE}{more} Read the full requests before you decide."
    yield from _section("Options:", _lines(fields, "option"))
    yield from _section("Values that affect who is reached:", _lines(fields, "reach"))
    if plan.affected != 0:
        yield _list(f"Recipients: {recipients(plan)}.", plan.examples)
    if plan.starts is not None:
        yield _starts(plan.starts)
    if plan.why:
        yield plan.why
    yield from _section("Warnings:", (*plan.warnings, *_warnings(plan)))
    yield from _section("Message (approximate):", plan.preview)
    yield from _section("Sample rows:", plan.sample)
    yield from _section("Rejected rows, which are not sent:", plan.rejected_rows)
    yield from _section("Values:", _lines(fields, "rest"))
    yield from _section("Sent again unchanged:", _lines(fields, "unchanged"))
    yield plan.job.line if plan.job else f"Requests: {'; '.join(call.endpoint for call in plan.calls)}."
    if plan.confirmation is not None:
        yield f"To approve, also type {visible(plan.confirmation)}{', in the same case' if plan.exact_case else ''}."
    operations = [effect.operation for call in plan.calls for effect in call.effects]
    operations += [operation(id_) for id_ in plan.job.operations] if plan.job else []
    closing = ("Nothing is sent unless you approve", "Each approval applies once", *no_way_back(operations))
    yield f"Change {change}. {'. '.join(closing)}."


def _section(head: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    return (_list(head, lines),) if lines else ()


def _starts(starts: tuple[str, ...] | Literal["unknown"]) -> str:
    if starts == "unknown":
        return "May trigger: unknown."
    return _list("May trigger:", starts) if starts else "May trigger: no running campaign."


def _list(head: str, lines: Iterable[str]) -> str:
    return "\n".join([head, *(f"- {line if line.endswith(('.', '?', '!')) else f'{line}.'}" for line in lines)])


def _lines(fields: Iterable[Field], group: Group) -> tuple[str, ...]:
    return tuple(field.line for field in fields if field.group == group)


def _warnings(plan: Plan) -> Iterator[str]:
    sent = [text for call in plan.calls for text in texts_in([dict(call.path), dict(call.query), call.body])]
    if hides("\n".join(sent)) or any(map(hides, sent)):
        yield "Some values contain invisible characters. They are shown as \\u escapes."
    if alike := [text for text in sent if len(text) <= MAX_VALUE_CHARACTERS and _is_name(text) and mixes_scripts(text)]:
        examples = ", ".join(visible(text) for text in alike[:MAX_LOOKALIKES])
        yield f"Some values mix scripts, so letters may look like others: {examples}."


def _is_name(text: str) -> bool:
    """Whether a text may be an address, a URL, a domain, or the name of an attribute or event."""
    return not any(map(str.isspace, text.strip()))
