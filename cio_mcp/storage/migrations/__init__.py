"""Revisions of the schema, run by alembic. Import this only to migrate: alembic takes half a second to load."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cio_mcp.storage.schema_version import BASELINE

revisions = ScriptDirectory(str(Path(__file__).parent))
"""The revisions, in `versions/`."""


def upgrade(connection: Connection, version: str | None, target: str = "head") -> None:
    """Migrate a database inside the caller's transaction, which must hold the write lock.

    `version` is the recorded one; None means that the schema was created by a release that recorded none.
    """

    def steps(current: Any, _context: object) -> Iterable[Any]:
        return revisions._upgrade_revs(target, current)  # noqa: SLF001 - as alembic's own upgrade command does

    with EnvironmentContext(Config(), revisions, fn=steps) as environment:
        # SQLite's DDL is transactional too, once the driver no longer commits by itself.
        environment.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
        if version is None:
            environment.get_context().stamp(revisions, BASELINE)
        environment.run_migrations()
