"""What can't be undone, in the words of questions and of `undo_change`."""

from collections.abc import Iterable

from cio_mcp.customerio.operations.row import Operation, Permanence

NO_WAY_BACK: dict[Permanence, str] = {
    "": "this kind of change has no undo",
    "event": "events can't be undone, nor can their effects",
    "message": "sent messages can't be undone",
    "removal": "deletions can't be undone",
    "merge": "merges can't be undone",
}
"""Why a write has no undo."""


def no_way_back(operations: Iterable[Operation]) -> tuple[str, ...]:
    """A sentence for each kind of operation that no other request can undo."""
    kinds = dict.fromkeys(operation.permanent for operation in operations)
    return tuple(f"{NO_WAY_BACK[kind][0].upper()}{NO_WAY_BACK[kind][1:]}" for kind in kinds if kind)
