"""Rows of the journal, with what a test does not care about."""

from dataclasses import replace
from typing import Any

from cio_mcp.gate.plan import Plan
from cio_mcp.storage.rows import ChangeRow

PLAN = Plan(risk="send", summary="Send it.")


def change_row(id_: str, about: Plan = PLAN, *, planned_at: float = 0.0, **columns: Any) -> ChangeRow:
    """A change that Ada proposed and that waits an hour for a decision, unless columns say otherwise."""
    row = ChangeRow(
        id=id_,
        workspace="acme",
        principal="local:ada",
        tool="send_event",
        arguments_digest=id_,
        effect=about.effect,
        repeat=False,
        state="planned",
        risk=about.risk,
        summary=about.summary,
        question="",
        plan=about.model_dump_json(),
        digest=about.digest,
        planned_at=planned_at,
        expires_at=planned_at + 3600,
        event_id=about.event_id,
    )
    return replace(row, **columns)
