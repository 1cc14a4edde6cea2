"""Messages: the deliveries of a workspace, of one campaign, broadcast, newsletter or transactional message."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from cio_mcp.customerio.api.base import Blank, Kind, Message, MessagePage, Model
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import read
from cio_mcp.errors import NotFound
from cio_mcp.text.sanitize import quoted

ARCHIVE_SECONDS = 300.0
"""How long the content of a message is kept: it does not change, and Customer.io allows 100 such reads a day."""
LISTINGS: dict[Kind | None, str] = {
    None: "list_messages",
    "campaign": "list_campaign_messages",
    "broadcast": "list_broadcast_messages",
    "newsletter": "list_newsletter_messages",
    "transactional": "list_transactional_deliveries",
}
"""The operation that lists deliveries, by the kind of what sent them; None lists all."""
TYPED: frozenset[Kind | None] = frozenset({None, "campaign", "broadcast"})
"""The lists that Customer.io filters by `type`; the others hold messages of one channel."""


class ArchivedMessage(Model):
    """What was sent, as it was sent."""

    id: str = ""
    subject: Annotated[str | None, Blank] = None
    from_: Annotated[str | None, Blank] = Field(default=None, alias="from")
    reply_to: Annotated[str | None, Blank] = None
    recipient: Annotated[str | None, Blank] = None
    preheader_text: Annotated[str | None, Blank] = None
    body: Annotated[str | None, Blank] = None
    forgotten: bool = False


class Messages(Reads):
    """Reads of `/v1/messages` and of the deliveries of one campaign, broadcast, newsletter or transactional message."""

    async def list(
        self,
        kind: Kind | None = None,
        id_: str | None = None,
        *,
        limit: int,
        start: str | None = None,
        metric: str | None = None,
        type_: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> MessagePage:
        """Read a page of deliveries, newest first; `kind` and `id_` belong together.

        `type_` is given only to lists in `TYPED`. Without times Customer.io answers the last six months.

        Raises:
            NotFound: there is no such campaign, broadcast, newsletter or transactional message.
        """
        query = {
            "start": start,
            "limit": limit,
            "metric": metric,
            "type": type_ if kind in TYPED else None,
            "start_ts": since and int(since.timestamp()),
            "end_ts": until and int(until.timestamp()),
        }
        path: dict[str, Any] = {f"{kind}_id": id_} if kind else {}
        call = read(LISTINGS[kind], query=query, **path)
        try:
            return MessagePage.of(await self._reader.read(call))
        except NotFound:
            if kind is None:
                raise
            raise NotFound(f"id: there is no {kind} {quoted(id_ or '')}. Check kind.") from None

    async def get(self, id_: str) -> Message:
        """Read one delivery.

        Raises:
            NotFound: there is none of this id.
        """
        call = read("get_message", message_id=id_)
        try:
            return await self._item(Message, "message", call)
        except NotFound:
            raise NotFound("id: no message has this ID. list_messages returns IDs.") from None

    async def archived(self, id_: str) -> ArchivedMessage:
        """Read the archived content of a message; Customer.io allows 100 such reads a day.

        Raises:
            NotFound: there is none of this id, or its content was not kept.
            RateLimited: the quota of the day is used up.
        """
        call = read("get_archived_message", message_id=id_)
        try:
            return await self._item(ArchivedMessage, "archived_message", call, cache=ARCHIVE_SECONDS)
        except NotFound:
            raise NotFound("id: the content of this message was not kept.") from None
