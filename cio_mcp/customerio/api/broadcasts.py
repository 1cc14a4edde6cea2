"""API-triggered broadcasts: what they are, and their actions."""

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.reads import JourneySource, SourceReads
from cio_mcp.customerio.call import read


class Broadcast(JourneySource):
    """A broadcast that an API call triggers; its audience is not in the API."""


class Broadcasts(SourceReads[Broadcast]):
    """Reads of `/v1/broadcasts`."""

    model, key, kind = Broadcast, "broadcast", "broadcast"
    listing, reading = "list_broadcasts", "get_broadcast"

    async def actions(self, broadcast: Broadcast) -> list[Content]:
        """Its actions, in Customer.io's order."""
        return await self._list(Content, "actions", read("list_broadcast_actions", broadcast_id=broadcast.id))
