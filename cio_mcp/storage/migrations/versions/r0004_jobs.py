"""Tables for jobs: long work that any process on the database can take over, and its rows."""

import sqlalchemy as sa
from alembic import op

revision = "0004_from_0001"
down_revision = "0003_from_0001"


def upgrade() -> None:
    """Add the tables and their indexes."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("principal", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("cursor", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("lease", sa.String),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("jobs_due", "jobs", ["workspace", "state", "lease_until"])
    op.create_index("jobs_recent", "jobs", ["workspace", "created_at"])
    op.create_index("jobs_digest", "jobs", ["workspace", "digest"])
    op.create_table(
        "job_rows",
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("problem", sa.Text),
        sqlite_with_rowid=False,
    )
