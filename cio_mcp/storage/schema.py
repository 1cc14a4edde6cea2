"""The tables: the newest schema, which `migrations` leads to."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    false,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cio_mcp.storage.rows import HUMAN_METRICS, MACHINE_MARKS
from cio_mcp.storage.schema_version import HEAD

metadata = MetaData()

changes = Table(
    "changes",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("arguments", String, nullable=False, key="arguments_digest"),
    Column("effect", String),
    Column("repeat", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("risk", String, nullable=False),
    Column("summary", Text, nullable=False),
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
    Column("settle_at", Float),
    Column("looks", Integer, nullable=False, default=0),
    Column("size", Integer, nullable=False, server_default="0"),
    Column("event_id", String),
    Column("delivery_id", String),
    Column("next_step", Text),
    Column("reads_back", Boolean, nullable=False, server_default=false()),
    Column("outcome", Text),
    Column("baseline", Text),
    Column("question", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("input", Text, key="arguments_json"),
    Column("target", String),
    Column("form", Integer, nullable=False, server_default="0"),
    Column("unread", Boolean, nullable=False, server_default=false()),
    Index("changes_open", "workspace", "principal", "tool", "arguments_digest"),
    Index("changes_effect", "workspace", "effect"),
    Index("changes_target", "workspace", "target"),
    Index("changes_form", "workspace", "form"),
    Index("changes_unsettled", "workspace", "settle_at"),
    Index("changes_recent", "workspace", "planned_at"),
    Index("changes_state", "workspace", "state", "planned_at"),
    Index("changes_pending", "state", "expires_at", "workspace", "principal", "size"),
    Index("changes_event", "workspace", "event_id"),
    Index("changes_delivery", "workspace", "delivery_id"),
)
"""Proposed writes and their outcomes. Times are Unix seconds.

`plan`, `arguments_json`, `outcome` and `baseline` are JSON; `arguments_digest`, `effect`, `target` and `digest` are
SHA-256 in hex, `form` is the version of the form in which `effect` and `target` were computed. `size` is in bytes, of
plan, question and arguments (0 once they are erased). `due_at` is when a scheduled send goes out. `baseline` lists what
was there just before sending. `event_id` and `delivery_id` name what the change caused.

`settle_at` is from when another process may take up the change, by its state:
`approved`: when it may be carried out: at once if empty, else once the call or the server that has it gave it up;
`sending`: when the process that sends it counts as dead, so that its outcome is looked for;
`unknown`: when its outcome is looked for next; a process that looks postpones it meanwhile. Never again if empty.

The large columns stand last: SQLite reads a row from its start, so lists never read them. What stands behind them is
read for single changes only."""

has_body = changes.c.question != literal_column("''")
"""Whether a change still has its body; spelt in full, so that the index is used."""

Index("changes_bodies", changes.c.planned_at, sqlite_where=has_body, postgresql_where=has_body)

pauses = Table(
    "pauses",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", Text),
)
"""Workspaces (or `*`: every one) whose writes an operator has paused."""


class InJson(FunctionElement[str]):
    """The text at a path inside a column of JSON."""

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
by_machine = events.c.metric.in_(HUMAN_METRICS) & or_(
    *(cast(InJson(events.c.data, sign), String).in_(("1", "true")) for sign in MACHINE_MARKS)
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

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("principal", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("options", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("total", Integer, nullable=False),
    Column("cursor", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("lease", String),
    Column("lease_until", Float, nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("updated_at", Float, nullable=False),
    Column("reason", Text),
    Column("key", String, nullable=False, server_default=""),
    Column("report", Text, nullable=False, server_default="{}"),
    Index("jobs_due", "workspace", "state", "lease_until"),
    Index("jobs_recent", "workspace", "created_at"),
    Index("jobs_key", "workspace", "key"),
)
"""Long work. Times are Unix seconds, `options` and `report` are JSON.
`digest` is the SHA-256 (hex) over kind, options, and rows; `key` is equal for calls that would stage the same rows.
`cursor` is how many of the `total` rows are behind it, `failed` how many of them were refused.
`lease` is the worker that owns it until `lease_until`; `attempts` counts the workers since the last batch was done."""

job_rows = Table(
    "job_rows",
    metadata,
    Column("job", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", Text, nullable=False),
    Column("problem", Text),
    Column("line", Integer),
    sqlite_with_rowid=False,
)
"""The rows of a job in their order, from 0: `data` is JSON, `problem` says why a row was refused.
Rows that were rejected before the job have negative numbers and are never sent. `line` is that of the file."""

sync_rows = Table(
    "sync_rows",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("sync", String, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""What each named sync sent last: digests of who a row is about, and of what it says."""

_versions = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where alembic records the version; as alembic itself creates it."""


def schema_version(connection: Connection) -> str | None:
    """Read the version of a database's schema; None where none is recorded."""
    if not connection.dialect.has_table(connection, _versions.name):
        return None
    return connection.scalar(select(_versions.c.version_num))


def create_schema(connection: Connection) -> None:
    """Create the newest schema in an empty database, at once instead of revision by revision."""
    metadata.create_all(connection)
    _versions.create(connection, checkfirst=True)
    connection.execute(insert(_versions).values(version_num=HEAD))
