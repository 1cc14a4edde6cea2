"""Columns for changes that are nearly equal, and for carrying out what was approved without a further call.

Effects and targets of older rows are not computed here: that takes the code that compares requests, which changes.
`form` is 0 in each row that an older release wrote, before the upgrade or after it: the gate computes those again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0003_from_0001"
down_revision = "0002_from_0001"


def upgrade() -> None:
    """Add the columns and their indexes; no row is rewritten."""
    op.add_column("changes", Column("input", sa.Text))
    op.add_column("changes", Column("target", sa.String))
    op.add_column("changes", Column("form", sa.Integer, nullable=False, server_default="0"))
    op.add_column("changes", Column("unread", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("changes_target", "changes", ["workspace", "target"])
    op.create_index("changes_form", "changes", ["workspace", "form"])
