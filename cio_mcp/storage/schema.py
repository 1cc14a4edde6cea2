"""The tables, once."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

changes = Table(
    "changes",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("arguments", String, nullable=False),
    Column("effect", String),
    Column("repeat", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("risk", String, nullable=False),
    Column("summary", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("drifts", Integer, nullable=False, default=0),
    Column("planned_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("asked_at", Float),
    Column("decided_at", Float),
    Column("decided_by", String),
    Column("decided_how", String),
    Column("sending_at", Float),
    Column("due_at", Float),
    Column("finished_at", Float),
    Column("outcome", Text),
    Column("baseline", Text),
    Column("settle_at", Float),
    Column("looks", Integer, nullable=False, default=0),
    Index("changes_open", "workspace", "principal", "tool", "arguments"),
    Index("changes_effect", "workspace", "effect"),
    Index("changes_unsettled", "workspace", "settle_at"),
    Index("changes_recent", "workspace", "planned_at"),
)
"""Proposed writes and what became of them. Times are Unix seconds; `plan` and `outcome` are JSON;
`arguments`, `effect` and `digest` are SHA-256 in hex; `due_at` is when a scheduled send goes out;
`baseline` (JSON) lists what was there just before sending, `settle_at` is when an open outcome is looked into next."""

pauses = Table(
    "pauses",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("by", String, nullable=False),
)
"""Workspaces whose writes an operator has stopped."""
