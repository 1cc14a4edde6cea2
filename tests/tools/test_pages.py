"""Pages out of whole lists, and spans of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.people import PeoplePage
from cio_mcp.errors import InvalidArgument
from cio_mcp.tools.common.arguments import span
from cio_mcp.tools.common.pages import continuation, cut, page_of


@given(st.lists(st.integers(), max_size=60), st.integers(1, 20))
def test_the_pages_of_a_list_are_the_list(items: list[int], limit: int) -> None:
    seen: list[int] = []
    cursor: str | None = None
    while True:
        shown, page = cut(items, limit, cursor)
        seen += shown
        assert len(shown) <= limit
        assert (page["omitted"] or 0) == len(items) - len(seen)
        if not page["has_more"]:
            break
        cursor = page["cursor"]
    assert seen == items


@pytest.mark.anyio
@pytest.mark.parametrize(("size", "limit"), [(1, 1), (2, 2), (3, 2), (7, 3), (100, 4)])
async def test_a_page_keeps_to_its_limit_and_loses_nothing_whatever_customer_io_returns(size: int, limit: int) -> None:
    people = [{"cio_id": str(number)} for number in range(10)]

    async def read(*, limit: int, start: str | None) -> PeoplePage:  # noqa: ARG001 - a list that honors no limit
        first = int(start or 0)
        rows = people[first : first + size]
        return PeoplePage.of({"identifiers": rows, "next": str(first + size) if first + size < 10 else ""})

    seen: list[str | None] = []
    cursor: str | None = None
    while True:
        page = await page_of(read, "identifiers", limit, cursor)
        seen += [person.cio_id for person in page.identifiers]
        assert len(page.identifiers) <= limit
        cursor = page.next
        if not cursor:
            break
    assert seen == [str(number) for number in range(10)]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "²", "9" * 5000])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidArgument, match="cursor"):
        cut([1, 2, 3], 2, cursor)


def test_a_cursor_beyond_the_list_is_refused_and_never_an_empty_page() -> None:
    with pytest.raises(InvalidArgument, match="cursor"):
        cut([1, 2, 3], 2, "4")
    assert cut([1, 2, 3], 2, "3") == ([], {"has_more": False, "cursor": None, "omitted": None})


def test_the_token_of_customer_io_is_the_cursor() -> None:
    assert continuation("MTA=") == {"has_more": True, "cursor": "MTA="}
    assert continuation("") == continuation(None) == {"has_more": False, "cursor": None}


@pytest.mark.parametrize("field", ["since", "until"])
@pytest.mark.parametrize("text", ["yesterday", "1780000000000"])
def test_an_invalid_time_is_refused_by_its_field(field: str, text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        span(**{"since": None, "until": None, field: text})
    assert refused.value.field == field


def test_an_empty_span_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="until: is the same time as since"):
        span("2026-01-31T09:00:00Z", "2026-01-31T10:00:00+01:00")
