"""Values that are compared as they are meant, not as they are spelled."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.gate.values import same

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


def as_the_app_api_returns_it(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@given(values)
def test_a_value_is_the_same_once_it_is_read_back(value: Any) -> None:
    assert same(value, value)
    assert same(None if value is None else as_the_app_api_returns_it(value), value)


@given(values, values)
def test_the_order_of_the_two_does_not_matter(one: Any, other: Any) -> None:
    assert same(one, other) is same(other, one)


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (None, ""),
        ("5", 5),
        ("5.0", 5),
        ("5", 5.0),
        ("1e2", 100),
        (5, "5"),
        ("0.1", 0.1),
        ("true", True),
        ('{"city": "B", "tags": ["a", 1]}', {"tags": ["a", 1], "city": "B"}),
        ('{"city":"B","tags":["a",1.0]}', {"city": "B", "tags": ["a", 1]}),
        ({"n": "1"}, {"n": 1}),
        ('{"deep": {"on": "true", "none": null}}', {"deep": {"on": True, "none": None}}),
        ("[]", []),
    ],
    ids=repr,
)
def test_these_are_the_same(read: Any, written: Any) -> None:
    assert same(read, written)


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (None, 0),
        (None, False),
        ("", []),
        ("007", 7),
        ("007", "7"),
        ("1.0", "1"),
        ("1", True),
        (1, True),
        ("True", True),
        ("NaN", float("nan")),
        ("٣", 3),
        (" 5", 5),
        ("[1, 2]", [2, 1]),
        ('{"a": 1}', {"a": 1, "b": None}),
        ('{"a": NaN}', {"a": 1}),
        ('"[]"', []),
        ("null", []),
        ("[" * 100_000, []),
        ("1e999999999999", 1),
        ("[" + "9" * 5000 + "]", [9]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_these_are_not_the_same(read: Any, written: Any) -> None:
    assert not same(read, written)
