"""How DuckDB is used, without loading it."""

from pathlib import Path
from typing import Any


def duckdb_settings(memory: str, scratch: Path | None = None) -> dict[str, Any]:
    """Bounded memory, nothing on disk but in `scratch`, and no extension from the network.

    One thread, so that files come out alike, and other work goes on.
    """
    return {
        "threads": 1,
        "memory_limit": memory,
        "temp_directory": str(scratch or ""),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
