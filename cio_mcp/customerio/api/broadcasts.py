"""API-triggered broadcasts: what they are, and their actions."""

from typing import Annotated

from cio_mcp.customerio.api.base import LIST_SECONDS, Content, Listed, Model, Moment, Reads, by_id_or_name
from cio_mcp.customerio.call import read


class Broadcast(Model):
    """A broadcast that an API call triggers; its audience is not in the API."""

    id: str
    name: str = ""
    type: str | None = None
    state: str | None = None
    active: bool = False
    created: Moment = None
    updated: Moment = None
    first_started: Moment = None
    tags: Annotated[tuple[str, ...], Listed] = ()


class _Broadcasts(Model):
    broadcasts: Annotated[tuple[Broadcast, ...], Listed] = ()


class _Broadcast(Model):
    broadcast: Broadcast


class _Actions(Model):
    actions: Annotated[tuple[Content, ...], Listed] = ()


class Broadcasts(Reads):
    """Reads of `/v1/broadcasts`."""

    async def all(self) -> list[Broadcast]:
        """All broadcasts of the workspace, in Customer.io's order."""
        answer = await self._reader.read(read("/v1/broadcasts"), cache=LIST_SECONDS)
        return list(_Broadcasts.of(answer).broadcasts)

    async def get(self, broadcast_id: str) -> Broadcast:
        """One broadcast by its id.

        Raises:
            NotFound: there is none.
        """
        answer = await self._reader.read(read("/v1/broadcasts/{broadcast_id}", broadcast_id=broadcast_id))
        return _Broadcast.of(answer).broadcast

    async def find(self, wanted: str, *, field: str = "id") -> Broadcast:
        """One broadcast by id (digits) or exact name.

        Raises:
            NotFound: there is none.
            Ambiguous: several have the name.
        """
        return await by_id_or_name(wanted, self.get, self.all, field=field, kind="broadcast")

    async def actions(self, broadcast: Broadcast) -> list[Content]:
        """Its actions, in Customer.io's order."""
        call = read("/v1/broadcasts/{broadcast_id}/actions", broadcast_id=broadcast.id)
        return list(_Actions.of(await self._reader.read(call)).actions)
