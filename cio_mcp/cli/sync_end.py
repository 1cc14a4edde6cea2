"""How a run of `cio-mcp sync` ends."""

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of a run; wrong settings, files, and databases end it with 2 as well."""

    DONE = 0
    PARTLY = 1
    FAILED = 2
    WAITS = 3
    BUSY = 4
    REJECTED = 5


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: the exit code, one line for standard output, and lines about rows for standard error."""

    code: Exit
    summary: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How a sync is run: `everything` sends unchanged rows, too; `wait` is in seconds."""

    dry_run: bool = False
    everything: bool = False
    wait: float = 0.0
