"""From a plan to the question about it."""

from pydantic import JsonValue

from cio_mcp.gate.plan import Before, Plan
from cio_mcp.text.question import Facts, question
from cio_mcp.text.sanitize import quoted, shown

LINES = 40
"""Values that a question lists; the digest binds all of them, and the plan in full shows them outside the client."""


def question_about(plan: Plan, change: str) -> str:
    """The text a person sees for `plan`; rendered once and stored, so that an answer is to exactly these words."""
    return question(
        Facts(
            change=change,
            summary=plan.summary,
            contents=plan.contents,
            whom=_whom(plan),
            examples=plan.examples,
            edits=_edits(plan.edits),
            why=plan.why,
            starts=plan.starts,
            warnings=plan.warnings,
            typed=None if plan.typed is None else quoted(plan.typed),
        )
    )


def _whom(plan: Plan) -> str | None:
    if plan.affected is None:
        return "an unknown number of people."
    if plan.affected == 0:
        return None
    return "1 person." if plan.affected == 1 else f"{plan.affected:,} people."


def _edits(edits: tuple[Before, ...]) -> tuple[str, ...]:
    more = len(edits) - LINES
    return (*map(_edit, edits[:LINES]), *((f"and {more} more",) if more > 0 else ()))


def _edit(edit: Before) -> str:
    return f"{quoted(edit.name)}: {_value(edit.before)} becomes {_value(edit.after)}"


def _value(value: JsonValue) -> str:
    return "(nothing)" if value in (None, "") else shown(value)
