"""Packing: every operation in its order, in batches that are full, and never too large."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.body_sizes import size_of
from cio_mcp.jobs.packing import FRAME_BYTES, pack

LIMIT = 100
texts = st.lists(st.text("x", max_size=80), max_size=40)


def body(values: list[str]) -> int:
    return len(json.dumps({"batch": values}, separators=(",", ":")))


@given(texts)
def test_batches_keep_the_order_are_within_the_limit_and_as_full_as_can_be(values: list[str]) -> None:
    sized = [(value, len(json.dumps(value))) for value in values]
    batches = [*pack(sized, LIMIT)]
    assert [value for batch in batches for value in batch] == values
    assert all(batches)
    assert all(body(batch) <= LIMIT for batch in batches)
    assert all(body([*batch, after[0]]) > LIMIT for batch, after in pairwise(batches))


def test_an_operation_larger_than_a_batch_has_one_of_its_own() -> None:
    assert [*pack([("a", 5), ("b", 2 * LIMIT), ("c", 5)], LIMIT)] == [["a"], ["b"], ["c"]]


def test_a_batch_is_as_large_as_its_json() -> None:
    operations: list[JsonValue] = [{"id": number, "name": "Zoë"} for number in range(50)]
    (batch,) = pack((operation, size_of(operation)) for operation in operations)
    sent = json.dumps({"batch": batch}, separators=(",", ":")).encode()
    assert len(sent) == FRAME_BYTES + sum(size_of(operation) + 1 for operation in operations) - 1
