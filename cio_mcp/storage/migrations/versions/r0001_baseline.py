"""The schema from before versions were recorded; a database that has it is stamped, not migrated to it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0001_from_0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _changes()
    _events()
    op.create_table(
        "pauses",
        Column("workspace", sa.String, primary_key=True),
        Column("at", sa.Float, nullable=False),
        Column("by", sa.String, nullable=False),
        Column("reason", sa.Text),
    )
    op.create_table(
        "rejections",
        Column("workspace", sa.String, primary_key=True),
        Column("reason", sa.String, primary_key=True),
        Column("count", sa.Integer, nullable=False),
        Column("last_at", sa.Float, nullable=False),
    )


def _changes() -> None:
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
        Column("question", sa.Text, nullable=False),
        Column("plan", sa.Text, nullable=False),
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
        Column("outcome", sa.Text),
        Column("baseline", sa.Text),
        Column("settle_at", sa.Float),
        Column("looks", sa.Integer, nullable=False),
    )
    op.create_index("changes_open", "changes", ["workspace", "principal", "tool", "arguments"])
    op.create_index("changes_effect", "changes", ["workspace", "effect"])
    op.create_index("changes_unsettled", "changes", ["workspace", "settle_at"])
    op.create_index("changes_recent", "changes", ["workspace", "planned_at"])
    body = sa.text("question != ''")
    op.create_index("changes_bodies", "changes", ["planned_at"], sqlite_where=body, postgresql_where=body)
    if op.get_context().dialect.name == "sqlite":  # the next revision replaces them by columns
        op.create_index("changes_delivery", "changes", ["workspace", sa.text("json_extract(outcome, '$.delivery_id')")])
        event = sa.text("""json_extract("plan", '$.calls[0].body.id')""")
        op.create_index("changes_event", "changes", ["workspace", event])


def _events() -> None:
    op.create_table(
        "events",
        Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        Column("workspace", sa.String, nullable=False),
        Column("event_id", sa.String, nullable=False),
        Column("object_type", sa.String, nullable=False),
        Column("metric", sa.String, nullable=False),
        Column("at", sa.BigInteger, nullable=False),
        Column("received_at", sa.Float, nullable=False),
        Column("delivery_id", sa.String),
        Column("trigger_event_id", sa.String),
        Column("cio_id", sa.String),
        Column("person_id", sa.String),
        Column("email", sa.String),
        Column("kind", sa.String),
        Column("parent_id", sa.String),
        Column("data", sa.Text, nullable=False),
        sa.UniqueConstraint("workspace", "event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_recent", "events", ["workspace", "at"])
    op.create_index("events_sequence", "events", ["workspace", "sequence"])
    op.create_index("events_received", "events", ["workspace", "received_at"])
    op.create_index("events_metric", "events", ["workspace", "metric", "at"])
    op.create_index("events_type", "events", ["workspace", "object_type", "at"])
    op.create_index("events_type_metric", "events", ["workspace", "object_type", "metric", "at"])
    for name in ("delivery_id", "trigger_event_id", "cio_id", "person_id", "email"):
        there = sa.text(f"{name} IS NOT NULL")
        columns = ["workspace", name, "at"]
        op.create_index(f"events_{name}", "events", columns, sqlite_where=there, postgresql_where=there)
    there = sa.text("parent_id IS NOT NULL")
    columns = ["workspace", "kind", "parent_id", "at"]
    op.create_index("events_parent", "events", columns, sqlite_where=there, postgresql_where=there)
