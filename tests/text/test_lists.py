"""Long lists in answers."""

from cio_mcp.text.lists import join_first, list_first


def test_a_short_list_is_whole() -> None:
    assert join_first(["a", "b"], 2) == "a, b"
    assert [*list_first(["a", "b"], 2)] == ["a", "b"]


def test_a_long_list_ends_in_how_many_more_there_are() -> None:
    numbers = range(1_500)
    assert join_first(numbers, 2, separator="; ") == "0; 1; and 1,498 more"
    assert [*list_first(numbers, 1, lambda number: f"no. {number}")] == ["no. 0", "and 1,499 more"]


def test_an_empty_list_is_empty() -> None:
    assert join_first([], 2) == ""
    assert [*list_first([], 2)] == []
