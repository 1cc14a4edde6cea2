"""Columns for what a job was staged from, and for what its plan shows of the rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0005_from_0001"
down_revision = "0004_from_0001"


def upgrade() -> None:
    """Add the columns, and find waiting jobs by key instead of digest."""
    op.add_column("jobs", Column("key", sa.String, nullable=False, server_default=""))
    op.add_column("jobs", Column("report", sa.Text, nullable=False, server_default="{}"))
    op.add_column("job_rows", Column("line", sa.Integer))
    op.drop_index("jobs_digest", "jobs")
    op.create_index("jobs_key", "jobs", ["workspace", "key"])
