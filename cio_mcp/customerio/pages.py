"""Lists that come in pages: each answer's `next` is the following request's `start`."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from cio_mcp.customerio.call import Call

if TYPE_CHECKING:
    from cio_mcp.customerio.client import Reader

MOST_PAGES = 10
"""Requests that one list may cost unless the caller says otherwise."""


def following(call: Call, page: dict[str, Any]) -> Call | None:
    """The call for the page after `page`; None after the last, and when Customer.io repeats itself."""
    start = page.get("next")
    if start in (None, "", 0) or str(start) == call.query.get("start"):
        return None
    return call.model_copy(update={"query": {**call.query, "start": str(start)}})


async def pages(reader: "Reader", call: Call, *, most: int = MOST_PAGES) -> AsyncIterator[dict[str, Any]]:
    """The pages of a list, at most `most` of them; whoever stops early pays for no more."""
    ahead: Call | None = call
    for _ in range(most):
        if ahead is None:
            return
        page = await reader.read(ahead)
        yield page
        ahead = following(ahead, page)
