"""A call as it leaves: classified and encoded once, since a batch has thousands of parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio.to_thread

from cio_mcp.customerio.api.tracking import MAX_BATCH_BYTES
from cio_mcp.customerio.batches import Operation, batch
from cio_mcp.customerio.body_sizes import BODY_BYTES
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.encoding import encode
from cio_mcp.customerio.operations import Retry, cache_families, classify_retry


@dataclass(frozen=True, slots=True)
class Request:
    """A call with what all its attempts share: `families` are the cache families that it fills or empties."""

    call: Call
    retry: Retry
    families: frozenset[str]
    body: bytes | None

    @classmethod
    def of(cls, call: Call) -> "Request":
        """Classify a call and encode its body."""
        return cls._with_body(call, None if call.body is None else encode(call.body).encode())

    @classmethod
    def of_batch(cls, operations: Sequence[Operation], encoded: Sequence[bytes]) -> "Request":
        """The request of a batch of the Track API whose operations have been encoded."""
        return cls._with_body(batch(operations), b'{"batch":[%b]}' % b",".join(encoded))

    @classmethod
    def _with_body(cls, call: Call, body: bytes | None) -> "Request":
        effects = call.effects
        return cls(call, classify_retry(effects), cache_families(effects), body)


async def prepare(call: Call) -> Request:
    """Make the request of a call; in a thread if it may be large, since half a megabyte takes tens of milliseconds."""
    if BODY_BYTES.get(call.operation, 0) < MAX_BATCH_BYTES:
        return Request.of(call)
    return await anyio.to_thread.run_sync(Request.of, call)
