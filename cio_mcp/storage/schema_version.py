"""Versions of the schema, and which of them this release can use; loads neither SQLAlchemy nor alembic.

A version is `<number>_from_<oldest>`: the schema's number, and the oldest schema whose release can still use it. A
revision that only adds (expand) keeps `oldest`; one that removes (contract) raises it. So each release decides from
the version alone whether it can use a database that a newer release has migrated.
"""

import re

from cio_mcp.errors import StorageFailed

BASELINE = "0001_from_0001"
"""What databases have that were created before versions were recorded."""
HEAD = "0006_from_0001"
"""The schema of `schema.py`; a test compares it with the newest revision."""

_FORMAT = re.compile(r"(\d{4})_from_(\d{4})")


def needs_migration(version: str | None) -> bool:
    """Whether a database of a version (None: none recorded) must be migrated before this release can use it.

    Raises:
        StorageFailed: a newer release has removed what this one uses.
    """
    if version in (None, HEAD):
        return version is None
    match, ours = _FORMAT.fullmatch(version or ""), int(HEAD[:4])
    if match is None or int(match[2]) > ours:
        raise StorageFailed(
            "The server's database was upgraded by a newer cio-mcp that this release can't work with: "
            "install the newest cio-mcp, or set CIO_DATABASE_URL to another database."
        )
    return int(match[1]) < ours
