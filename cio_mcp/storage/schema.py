"""The tables, once."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    literal_column,
    or_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cio_mcp.storage.rows import BY_SOMEBODY, MACHINE

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
    Column("reason", Text),
)
"""Workspaces (or `*`: every one) whose writes an operator has stopped."""


class InJson(FunctionElement[str]):
    """The text at a path inside a column of JSON, spelt the same in an index and in a query, so that it is used."""

    type = String()
    inherit_cache = True
    name = "in_json"

    def __init__(self, column: Any, *path: str | int) -> None:
        self.path = path
        super().__init__(column, *(literal_column(f"'{part}'") for part in path))


@compiles(InJson, "sqlite")
def _in_sqlite(element: InJson, compiler: SQLCompiler, **options: Any) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in element.path)
    return f"json_extract({compiler.process(next(iter(element.clauses)), **options)}, '${steps}')"


@compiles(InJson, "postgresql")
def _in_postgresql(element: InJson, compiler: SQLCompiler, **options: Any) -> str:
    steps = ",".join(str(step) for step in element.path)
    return f"(({compiler.process(next(iter(element.clauses)), **options)})::jsonb #>> '{{{steps}}}')"


caused_delivery = InJson(changes.c.outcome, "delivery_id")
"""The delivery that a change caused, if Customer.io named one."""
caused_event = InJson(changes.c.plan, "calls", 0, "body", "id")
"""The id that an event was sent with: what it starts carries it as `trigger_event_id`."""

Index("changes_delivery", changes.c.workspace, caused_delivery)
Index("changes_event", changes.c.workspace, caused_event)

has_body = changes.c.question != literal_column("''")
"""Whether a change still has its body; spelt in full, so that the index is used."""

Index("changes_bodies", changes.c.planned_at, sqlite_where=has_body, postgresql_where=has_body)

events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("workspace", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("object_type", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("delivery_id", String),
    Column("trigger_event_id", String),
    Column("cio_id", String),
    Column("person_id", String),
    Column("email", String),
    Column("kind", String),
    Column("parent_id", String),
    Column("data", Text, nullable=False),
    UniqueConstraint("workspace", "event_id"),
    sqlite_autoincrement=True,
)
"""Reporting webhooks, each once. `sequence` grows with every one stored and is never used twice; `at` is when it
happened, `received_at` when it came, in Unix seconds; `data` is the event's own part, JSON; `email` is lower case."""

Index("events_recent", events.c.workspace, events.c.at)
Index("events_sequence", events.c.workspace, events.c.sequence)
Index("events_received", events.c.workspace, events.c.received_at)
Index("events_metric", events.c.workspace, events.c.metric, events.c.at)
Index("events_type", events.c.workspace, events.c.object_type, events.c.at)
Index("events_type_metric", events.c.workspace, events.c.object_type, events.c.metric, events.c.at)
for _name in ("delivery_id", "trigger_event_id", "cio_id", "person_id", "email"):
    _there = events.c[_name].is_not(None)
    Index(
        f"events_{_name}",
        events.c.workspace,
        events.c[_name],
        events.c.at,
        sqlite_where=_there,
        postgresql_where=_there,
    )
by_machine = events.c.metric.in_(BY_SOMEBODY) & or_(
    *(cast(InJson(events.c.data, sign), String).in_(("1", "true")) for sign in MACHINE)
)
"""Whether no person made an open or click; read out of the data, so only where these are counted."""

_parent = events.c.parent_id.is_not(None)
Index(
    "events_parent",
    events.c.workspace,
    events.c.kind,
    events.c.parent_id,
    events.c.at,
    sqlite_where=_parent,
    postgresql_where=_parent,
)

rejections = Table(
    "rejections",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("reason", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Float, nullable=False),
)
"""Webhook requests that were not accepted, counted by reason."""
