"""The account: its workspaces, senders, subscription topics and object types."""

from typing import Annotated, Literal

from cio_mcp.customerio.api.base import Blank, Count, Enumerated, Id, Model
from cio_mcp.customerio.api.reads import NamedModel, Reads
from cio_mcp.customerio.call import read

CACHE_SECONDS = 60.0
"""How long these may be reused; Customer.io itself caches the counts of workspaces for up to two hours."""


class WorkspaceRecord(NamedModel):
    """A workspace of the account; its counts may be two hours old."""

    people: Count | None = None
    messages_sent: Count | None = None
    object_types: Count | None = None
    objects: Count | None = None


class Sender(Model):
    """The sender of messages."""

    id: Id
    name: str | None = None
    email: str | None = None
    address: str | None = None
    template_type: Enumerated | None = None


class Topic(NamedModel):
    """A subscription topic people can opt in to or out of."""

    identifier: str | None = None
    description: str | None = None
    subscribed_by_default: bool | None = None


class ObjectType(NamedModel):
    """A type of object people can be related to."""

    enabled: bool | None = None


class RegionRecord(Model):
    """Where the Track keys' workspace lives; `environment_id` is the workspace's id."""

    region: Literal["us", "eu"] | None = None
    environment_id: Annotated[Id | None, Blank] = None


class Account(Reads):
    """Reads that concern the workspace as a whole."""

    async def workspaces(self) -> list[WorkspaceRecord]:
        """Every workspace of the account, not only the App key's own."""
        return await self._list(WorkspaceRecord, "workspaces", read("list_workspaces"), cache=CACHE_SECONDS)

    async def region(self) -> RegionRecord:
        """Region and workspace of the Track keys."""
        return RegionRecord.of(await self._reader.read(read("get_region"), cache=CACHE_SECONDS))

    async def senders(self) -> list[Sender]:
        """The possible senders of messages; each once."""
        call = read("list_senders", query={"limit": 100})
        senders = await self._pages(Sender, "sender_identities", call, cache=CACHE_SECONDS)
        return list({sender.id: sender for sender in senders}.values())

    async def topics(self) -> list[Topic]:
        """The subscription topics, none where the subscription center is off."""
        return await self._list(Topic, "topics", read("list_topics"), cache=CACHE_SECONDS)

    async def object_types(self) -> list[ObjectType]:
        """The types of objects."""
        return await self._list(ObjectType, "types", read("list_object_types"), cache=CACHE_SECONDS)
