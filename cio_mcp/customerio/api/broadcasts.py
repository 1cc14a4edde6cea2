"""API-triggered broadcasts: what they are, and their actions."""

from typing import Annotated

from cio_mcp.customerio.api.base import Content, Listed, Moment
from cio_mcp.customerio.api.reads import SourceModel, SourceReads
from cio_mcp.customerio.call import read


class Broadcast(SourceModel):
    """A broadcast that an API call triggers; its audience is not in the API."""

    type: str | None = None
    state: str | None = None
    active: bool = False
    created: Moment = None
    updated: Moment = None
    first_started: Moment = None
    tags: Annotated[tuple[str, ...], Listed] = ()


class Broadcasts(SourceReads[Broadcast]):
    """Reads of `/v1/broadcasts`."""

    model, key, kind = Broadcast, "broadcast", "broadcast"
    listing, reading = "list_broadcasts", "get_broadcast"

    async def actions(self, broadcast: Broadcast) -> list[Content]:
        """Its actions, in Customer.io's order."""
        return await self._list(Content, "actions", read("list_broadcast_actions", broadcast_id=broadcast.id))
