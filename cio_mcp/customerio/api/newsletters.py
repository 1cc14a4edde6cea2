"""Newsletters: what they are, when they were sent, their variants and test groups."""

from typing import Annotated, Literal

from cio_mcp.customerio.api.base import (
    LIST_SECONDS,
    MAX_PAGES,
    Blank,
    Content,
    Enumerated,
    Id,
    Listed,
    Model,
    Moment,
    NextToken,
    Subject,
)
from cio_mcp.customerio.api.reads import NamedModel, SourceReads
from cio_mcp.customerio.call import Call, read

PAGE_SIZE = 100
"""Newsletters a page at most: https://docs.customer.io/integrations/api/app/"""

MAX_NEWSLETTERS = PAGE_SIZE * MAX_PAGES
"""Newsletters read at most to find some by name. Chosen."""


class Newsletter(NamedModel):
    """A newsletter; without `sent_at` it is a draft or still to be sent."""

    type: Enumerated | None = None
    sent_at: Moment = None
    created: Moment = None
    updated: Moment = None
    tags: Annotated[tuple[str, ...], Listed] = ()
    content_ids: Annotated[tuple[Id, ...], Listed] = ()
    recipient_segment_ids: Annotated[tuple[Id, ...], Listed] = ()
    subscription_topic_id: Annotated[str | None, Blank] = None

    @property
    def state(self) -> Literal["sent", "draft"]:
        """Whether it went out."""
        return "sent" if self.sent_at else "draft"


class TestGroup(NamedModel):
    """A group of an A/B test and the contents it got."""

    label: str | None = None
    winner: bool = False
    content_ids: Annotated[tuple[Id, ...], Listed] = ()


class NewsletterPage(Model):
    """A page of newsletters; `next` is empty on the last one."""

    newsletters: Annotated[tuple[Newsletter, ...], Subject]
    next: NextToken = None


class Newsletters(SourceReads[Newsletter]):
    """Reads of `/v1/newsletters`."""

    model, key, kind = Newsletter, "newsletter", "newsletter"
    listing, reading = "list_newsletters", "get_newsletter"

    async def page(self, *, limit: int = PAGE_SIZE, start: str | None = None) -> NewsletterPage:
        """Read up to `limit` (at most 100) newsletters, newest first, from the page token `start` on."""
        return NewsletterPage.of(await self._reader.read(_list(limit, start), cache=LIST_SECONDS))

    async def all(self, *, most: int = MAX_PAGES) -> list[Newsletter]:
        """The newest newsletters, at most `most` pages."""
        return await self._pages(self.model, "newsletters", _list(PAGE_SIZE), most=most, cache=LIST_SECONDS)

    async def contents(self, newsletter_id: str) -> list[Content]:
        """Its variants: one for each language and test group."""
        return await self._list(Content, "contents", read("list_newsletter_contents", newsletter_id=newsletter_id))

    async def test_groups(self, newsletter_id: str) -> list[TestGroup]:
        """The groups of its A/B test; none where it is not tested."""
        return await self._list(
            TestGroup, "test_groups", read("list_newsletter_test_groups", newsletter_id=newsletter_id)
        )


def _list(limit: int, start: str | None = None) -> Call:
    return read("list_newsletters", query={"limit": limit, "sort": "desc", "start": start})
