"""Columns for what lists of changes and joins to events read, so that neither parses plans; the large columns last."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, RowMapping, column, table

revision = "0002_from_0001"
down_revision = "0001_from_0001"

READ_AT_ONCE = 20
"""Rows read at once: their plans may be a megabyte each."""

KEPT = (
    "id", "workspace", "principal", "tool", "arguments", "effect", "repeat", "state", "risk", "summary", "digest",
    "drifts", "planned_at", "expires_at", "asked_at", "decided_at", "decided_by", "decided_how", "sending_at", "due_at",
    "finished_at", "settle_at", "looks", "outcome", "baseline", "question", "plan",
)  # fmt: skip


def upgrade() -> None:
    """Copy the changes into a table with the new columns, which are read from plans and outcomes."""
    for name in ("changes_open", "changes_effect", "changes_unsettled", "changes_recent", "changes_bodies"):
        op.drop_index(name, "changes")
    for name in ("changes_delivery", "changes_event"):
        op.execute(f"DROP INDEX IF EXISTS {name}")
    op.rename_table("changes", "changes_0001")
    _create()
    _copy()
    op.drop_table("changes_0001")
    _index()


def _create() -> None:
    op.create_table(
        "changes",
        Column("id", sa.String, primary_key=True),
        Column("workspace", sa.String, nullable=False),
        Column("principal", sa.String, nullable=False),
        Column("tool", sa.String, nullable=False),
        Column("arguments", sa.String, nullable=False),
        Column("effect", sa.String),
        Column("repeat", sa.Boolean, nullable=False),
        Column("state", sa.String, nullable=False),
        Column("risk", sa.String, nullable=False),
        Column("summary", sa.Text, nullable=False),
        Column("digest", sa.String, nullable=False),
        Column("drifts", sa.Integer, nullable=False),
        Column("planned_at", sa.Float, nullable=False),
        Column("expires_at", sa.Float, nullable=False),
        Column("asked_at", sa.Float),
        Column("decided_at", sa.Float),
        Column("decided_by", sa.String),
        Column("decided_how", sa.String),
        Column("sending_at", sa.Float),
        Column("due_at", sa.Float),
        Column("finished_at", sa.Float),
        Column("settle_at", sa.Float),
        Column("looks", sa.Integer, nullable=False),
        Column("size", sa.Integer, nullable=False, server_default="0"),
        Column("event_id", sa.String),
        Column("delivery_id", sa.String),
        Column("next_step", sa.Text),
        Column("reads_back", sa.Boolean, nullable=False, server_default=sa.false()),
        Column("outcome", sa.Text),
        Column("baseline", sa.Text),
        Column("question", sa.Text, nullable=False),
        Column("plan", sa.Text, nullable=False),
    )


def _index() -> None:
    op.create_index("changes_open", "changes", ["workspace", "principal", "tool", "arguments"])
    op.create_index("changes_effect", "changes", ["workspace", "effect"])
    op.create_index("changes_unsettled", "changes", ["workspace", "settle_at"])
    op.create_index("changes_recent", "changes", ["workspace", "planned_at"])
    op.create_index("changes_state", "changes", ["workspace", "state", "planned_at"])
    op.create_index("changes_pending", "changes", ["state", "expires_at", "workspace", "principal", "size"])
    op.create_index("changes_event", "changes", ["workspace", "event_id"])
    op.create_index("changes_delivery", "changes", ["workspace", "delivery_id"])
    body = sa.text("question != ''")
    op.create_index("changes_bodies", "changes", ["planned_at"], sqlite_where=body, postgresql_where=body)


def _copy() -> None:
    database, last = op.get_bind(), ""
    old = table("changes_0001", *map(column, KEPT))
    new = table("changes", *map(column, (*KEPT, "size", "event_id", "delivery_id", "next_step", "reads_back")))
    page = sa.select(old).order_by(old.c.id).limit(READ_AT_ONCE)
    while rows := database.execute(page.where(old.c.id > last)).mappings().all():
        database.execute(sa.insert(new), [{**row, **_derived(row)} for row in rows])
        last = rows[-1]["id"]


def _derived(row: RowMapping) -> dict[str, Any]:
    plan, outcome = json.loads(row["plan"]), json.loads(row["outcome"] or "{}")
    return {
        "size": len(row["plan"].encode()) + len(row["question"].encode()),
        "event_id": _event_id(plan),
        "delivery_id": outcome.get("delivery_id"),
        "next_step": plan.get("find_out") or None,
        "reads_back": plan.get("reads_back") is not None,
    }


def _event_id(plan: dict[str, Any]) -> str | None:
    """The id that the plan's event is sent with; what the event starts names it."""
    sent = next((call.get("body") for call in plan.get("calls", ()) if call["route"].endswith("/events")), None)
    return str(sent["id"]) if isinstance(sent, dict) and sent.get("id") else None
