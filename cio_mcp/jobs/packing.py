"""Packing: operations into as few batches as Customer.io's limits allow, in their order."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from cio_mcp.customerio.api.tracking import MAX_BATCH_BYTES

T = TypeVar("T")

FRAME_BYTES = len(b'{"batch":[]}')
MARGIN_BYTES = 1_000
"""What is left free of the documented size of a batch. Chosen."""


def pack(operations: Iterable[tuple[T, int]], limit: int = MAX_BATCH_BYTES - MARGIN_BYTES) -> Iterator[list[T]]:
    """Split operations, each with its size in bytes, into batches of at most `limit` bytes.

    An operation that is larger than a whole batch has a batch of its own; it has been refused before.
    """
    packed: list[T] = []
    size = FRAME_BYTES
    for operation, bytes_ in operations:
        if packed and size + bytes_ > limit:
            yield packed
            packed, size = [], FRAME_BYTES
        packed.append(operation)
        size += bytes_ + 1
    if packed:
        yield packed
