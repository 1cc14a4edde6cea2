"""Batches of the Track API (v2), as calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.call import Call
from cio_mcp.text.sanitize import word

PARTIAL_STATUS = 207
"""What Customer.io answers when it accepted some operations and lists the others by index (Track API, v2 batch)."""

Operation = dict[str, JsonValue]


def batch(operations: Sequence[Operation]) -> Call:
    """Make many operations at once; each must be one that may come twice (events have an `id`)."""
    body: JsonValue = {"batch": list(operations)}
    # Without validation, which takes 20 ms of 2,000 operations that are JSON already, and lets no other thread run.
    return Call.model_construct(operation="apply_batch", body=body)


def size(call: Call) -> int:
    """How many operations a batch has."""
    operations = call.body.get("batch") if isinstance(call.body, dict) else None
    return len(operations) if isinstance(operations, list) else 0


def refusals(answered: Mapping[str, Any], size: int) -> dict[int, str]:
    """The indexes in a batch of a size that a 207 lists, each with its field; what a field held is never repeated."""
    errors = answered.get("errors")
    listed = errors if isinstance(errors, list) else []
    known = [error for error in listed if isinstance(error, dict) and error.get("batch_index") in range(size)]
    return {int(error["batch_index"]): word(str(error["field"])) if error.get("field") else "" for error in known}


def only(call: Call, indexes: Sequence[int]) -> Call:
    """The same batch with these operations alone."""
    operations = call.body.get("batch") if isinstance(call.body, dict) else None
    there = operations if isinstance(operations, list) else []
    return call.model_copy(update={"body": {"batch": [there[index] for index in indexes if 0 <= index < len(there)]}})
