"""From a plan to the question about it."""

from pydantic import JsonValue

from cio_mcp.gate.plan import Before, Plan
from cio_mcp.text.foreign import quoted, shown
from cio_mcp.text.question import Facts, question


def question_about(plan: Plan, change: str) -> str:
    """The text a person sees for `plan`; rendered once and stored, so that an answer is to exactly these words."""
    return question(
        Facts(
            change=change,
            summary=plan.summary,
            contents=plan.contents,
            whom=_whom(plan),
            examples=plan.examples,
            edits=tuple(_edit(edit) for edit in plan.edits),
            why=plan.why,
            starts=plan.starts,
            warnings=plan.warnings,
            typed=None if plan.typed is None else quoted(plan.typed),
        )
    )


def _whom(plan: Plan) -> str:
    if plan.affected is None:
        return "an unknown number of people."
    return "1 person." if plan.affected == 1 else f"{plan.affected:,} people."


def _edit(edit: Before) -> str:
    return f"{quoted(edit.name)}: {_value(edit.before)} becomes {_value(edit.after)}"


def _value(value: JsonValue) -> str:
    return "(nothing)" if value in (None, "") else shown(value)
