"""Newsletters: what they are, when they were sent, their variants and test groups."""

from typing import Annotated, Literal

from cio_mcp.customerio.api.base import LIST_SECONDS, Blank, Content, Listed, Model, Moment, Reads, by_id_or_name
from cio_mcp.customerio.call import read

PAGE = 100
"""Newsletters a page at most: https://docs.customer.io/integrations/api/app/"""

PAGES = 10
MOST = PAGE * PAGES
"""Newsletters read at most to find some by name; no source."""


class Newsletter(Model):
    """A newsletter; without `sent_at` it is a draft or still to be sent."""

    id: str
    name: str = ""
    type: str | None = None
    sent_at: Moment = None
    created: Moment = None
    updated: Moment = None
    tags: Annotated[tuple[str, ...], Listed] = ()
    content_ids: Annotated[tuple[str, ...], Listed] = ()
    recipient_segment_ids: Annotated[tuple[str, ...], Listed] = ()
    subscription_topic_id: Annotated[str | None, Blank] = None

    @property
    def state(self) -> Literal["sent", "draft"]:
        """Whether it went out."""
        return "sent" if self.sent_at else "draft"


class TestGroup(Model):
    """A group of an A/B test and the contents it got."""

    id: str
    name: str = ""
    label: str | None = None
    winner: bool = False
    content_ids: Annotated[tuple[str, ...], Listed] = ()


class NewsletterPage(Model):
    """A page of newsletters; `next` is empty on the last one."""

    newsletters: Annotated[tuple[Newsletter, ...], Listed] = ()
    next: str | None = None


class _Newsletter(Model):
    newsletter: Newsletter


class _Contents(Model):
    contents: Annotated[tuple[Content, ...], Listed] = ()


class _TestGroups(Model):
    test_groups: Annotated[tuple[TestGroup, ...], Listed] = ()


class Newsletters(Reads):
    """Reads of `/v1/newsletters`."""

    async def page(self, *, limit: int = PAGE, start: str | None = None) -> NewsletterPage:
        """Up to `limit` (at most 100) newsletters, newest first, from the page token `start` on."""
        call = read("/v1/newsletters", query={"limit": limit, "sort": "desc", "start": start})
        return NewsletterPage.of(await self._reader.read(call, cache=LIST_SECONDS))

    async def all(self) -> list[Newsletter]:
        """The newest newsletters, `MOST` at most."""
        found: list[Newsletter] = []
        start: str | None = None
        for _ in range(PAGES):
            page = await self.page(start=start)
            found += page.newsletters
            start = page.next
            if not start or not page.newsletters:
                break
        return found

    async def get(self, newsletter_id: str) -> Newsletter:
        """One newsletter by its id.

        Raises:
            NotFound: there is none.
        """
        answer = await self._reader.read(read("/v1/newsletters/{newsletter_id}", newsletter_id=newsletter_id))
        return _Newsletter.of(answer).newsletter

    async def find(self, wanted: str, *, field: str = "id") -> Newsletter:
        """One newsletter by id (digits) or exact name.

        Raises:
            NotFound: there is none (by name: among the newest 1000).
            Ambiguous: several have the name.
        """
        return await by_id_or_name(wanted, self.get, self.all, field=field, kind="newsletter")

    async def contents(self, newsletter_id: str) -> list[Content]:
        """Its variants: one for each language and test group."""
        call = read("/v1/newsletters/{newsletter_id}/contents", newsletter_id=newsletter_id)
        return list(_Contents.of(await self._reader.read(call)).contents)

    async def test_groups(self, newsletter_id: str) -> list[TestGroup]:
        """The groups of its A/B test; none where it is not tested."""
        call = read("/v1/newsletters/{newsletter_id}/test_groups", newsletter_id=newsletter_id)
        return list(_TestGroups.of(await self._reader.read(call)).test_groups)
