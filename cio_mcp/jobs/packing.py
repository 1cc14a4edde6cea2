"""Packing: operations into as few batches as Customer.io's limits allow, in their order."""

import json
from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import MAX_BATCH_BYTES

T = TypeVar("T")

FRAME_BYTES = len(b'{"batch":[]}')
MARGIN_BYTES = 1_000
"""What is left free of the documented size of a batch. Chosen."""


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def pack(operations: Iterable[tuple[T, JsonValue]], limit: int = MAX_BATCH_BYTES - MARGIN_BYTES) -> Iterator[list[T]]:
    """Split operations, each with what it stands for, into batches of at most `limit` bytes as JSON.

    An operation that is larger than a whole batch has a batch of its own; it has been refused before.
    """
    packed: list[T] = []
    size = FRAME_BYTES
    for item, operation in operations:
        more = size_of(operation) + 1
        if packed and size + more > limit:
            yield packed
            packed, size = [], FRAME_BYTES
        packed.append(item)
        size += more
    if packed:
        yield packed


def size_of(operation: JsonValue) -> int:
    """Count the bytes of an operation as it is sent: in ASCII, with everything else as escapes."""
    return len(_ENCODE(operation))
