"""Transactional messages: what they are and what they say."""

from collections.abc import Iterable

from cio_mcp.customerio.api.base import Content, Moment
from cio_mcp.customerio.api.reads import NamedModel, SourceReads
from cio_mcp.customerio.call import read
from cio_mcp.errors import NotFound
from cio_mcp.text import liquid


class TransactionalMessage(NamedModel):
    """A transactional message and the settings a send inherits."""

    trigger_name: str | None = None
    description: str | None = None
    send_to_unsubscribed: bool | None = None
    link_tracking: bool | None = None
    open_tracking: bool | None = None
    hide_message_body: bool | None = None
    queue_drafts: bool | None = None
    created_at: Moment = None
    updated_at: Moment = None


class Transactional(SourceReads[TransactionalMessage]):
    """Reads of `/v1/transactional`."""

    model, key, kind = TransactionalMessage, "message", "transactional message"
    listing, reading = "list_transactional_messages", "get_transactional_message"

    async def find(self, id_or_name: str, *, field: str = "id") -> TransactionalMessage:
        """Find one by its id (digits), exact name, or trigger name in any case; see `SourceReads.find`."""
        try:
            return await super().find(id_or_name, field=field)
        except NotFound:
            key = id_or_name.strip().casefold()
            triggered = [each for each in await self.all() if (each.trigger_name or "").casefold() == key]
            if len(triggered) == 1:
                return triggered[0]
            raise

    async def contents(self, transactional_id: str) -> list[Content]:
        """What it says, in each of its languages."""
        return await self._list(
            Content, "contents", read("list_transactional_contents", transactional_id=transactional_id)
        )


def variables(contents: Iterable[Content]) -> frozenset[str]:
    """The Liquid variables that any of the contents uses, as dotted paths; a malformed template has none."""
    read = (liquid.variables(template) for content in contents for template in content.templates)
    return frozenset().union(*(paths for paths in read if paths))
