"""Packing: every operation in its order, in batches that are full, and never too large."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.jobs.packing import pack

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
