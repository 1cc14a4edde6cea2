"""A table for syncs: digests of the rows that Customer.io accepted, so that unchanged ones are not sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0006_from_0001"
down_revision = "0005_from_0001"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sync_rows",
        sa.Column("workspace", sa.String, primary_key=True),
        sa.Column("sync", sa.String, primary_key=True),
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
