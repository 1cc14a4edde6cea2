"""Pages of answers: how a list states that there is more, and how a complete list is cut into pages."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from cio_mcp.customerio.api.base import Model
from cio_mcp.errors import InvalidArgument
from cio_mcp.text.mask import mask_text
from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import harmless
from cio_mcp.text.untrusted import Excerpt, Opaque
from cio_mcp.tools.common.arguments import FOREIGN_CURSOR

Item = TypeVar("Item")
AnyPage = TypeVar("AnyPage", bound=Model)
MAX_OFFSET_DIGITS = 9
OFFSET_MARK = "|"
"""Stands in a cursor between Customer.io's token and how many rows of its page were shown; in no token seen."""


class PageAnswer(Answer):
    """A page of a list; `cursor` leads to the next one, and `omitted` items follow it, where that is known."""

    has_more: bool = False
    cursor: Opaque | None = None
    omitted: int | None = None

    def more(self, total: int | None = None, *, at_least: bool = False) -> Iterable[str]:
        """The closing line: how many follow, of how many if that is known, and that the cursor leads on."""
        if self.has_more:
            count = "" if self.omitted is None else f"{self.omitted:,}{' or' if at_least else ''} "
            of_all = "" if total is None else f" of {total:,}"
            yield f"… {count}more{of_all}: cursor={self.cursor}"


def continuation(token: str | None) -> dict[str, Any]:
    """The fields of `PageAnswer` for a list that Customer.io pages: its token is our cursor."""
    return {"has_more": bool(token), "cursor": token or None}


async def page_of(
    read: Callable[..., Awaitable[AnyPage]], rows: str, limit: int, cursor: str | None, **filters: Any
) -> AnyPage:
    """Read a page of at most `limit` rows, which stand in the field `rows` of Customer.io's page.

    Not every list honors a limit. Where a page has more rows, the cursor leads to the rest of it.
    """
    token, skipped = _position(cursor)
    page = await read(limit=limit, start=token, **filters)
    every = getattr(page, rows)
    end = skipped + limit
    if not skipped and len(every) <= limit:
        return page
    following = f"{token or ''}{OFFSET_MARK}{end}" if len(every) > end else getattr(page, "next", None)
    return page.model_copy(update={rows: every[skipped:end], "next": following})


def _position(cursor: str | None) -> tuple[str | None, int]:
    token, mark, offset = (cursor or "").rpartition(OFFSET_MARK)
    if mark and offset.isascii() and offset.isdigit() and len(offset) <= MAX_OFFSET_DIGITS:
        return token or None, int(offset)
    return cursor, 0


def offset_of(cursor: str | None) -> int:
    """Read a cursor that is an offset; without one it is the beginning.

    Raises:
        InvalidArgument: the cursor is none of ours.
    """
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MAX_OFFSET_DIGITS):
        raise InvalidArgument("cursor", FOREIGN_CURSOR)
    return int(cursor)


def cut(items: Sequence[Item], limit: int, cursor: str | None) -> tuple[list[Item], dict[str, Any]]:
    """Cut a page out of a list that Customer.io only gives whole; the cursor is an offset.

    Raises:
        InvalidArgument: the cursor is none of ours, or leads beyond the list.
    """
    start = offset_of(cursor)
    if start > len(items):
        raise InvalidArgument("cursor", FOREIGN_CURSOR)
    end = start + limit
    omitted = max(0, len(items) - end)
    return list(items[start:end]), {
        "has_more": omitted > 0,
        "cursor": str(end) if omitted else None,
        "omitted": omitted or None,
    }


def text_page(text: str, characters: int, start: int, *, mask: bool) -> tuple[str, str | None]:
    """A part of a text from `start` on, and the cursor to the next one; it may take long for megabytes.

    The whole text is cleaned and masked before it is cut, so that no part holds half an address.

    Raises:
        InvalidArgument: the text ends before `start`.
    """
    whole = harmless(text, keep_lines=True)
    whole = mask_text(whole, "text") if mask else whole
    if start and start >= len(whole):
        raise InvalidArgument("cursor", FOREIGN_CURSOR)
    end = start + characters - 1  # the last character of a cut text is an ellipsis
    return Excerpt.of(whole, characters, start), str(end) if len(whole) > end + 1 else None


def total_of(count: int, cursor: str | None, next_cursor: str | None) -> int | None:
    """How many items there are in all, where Customer.io does not count them: known if one page has them all."""
    return count if cursor is None and not next_cursor else None
