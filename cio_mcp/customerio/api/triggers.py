"""Triggers of API-triggered broadcasts: the call that makes one, and those there were."""

from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Id, Model, Moment
from cio_mcp.customerio.api.reads import Reads, list_under
from cio_mcp.customerio.call import Call, read


class Trigger(Model):
    """One time that a broadcast was triggered."""

    id: Id
    created_at: Moment = None
    processed_at: Moment = None


class Triggers(Reads):
    """Reads of `/v1/broadcasts/{id}/triggers`."""

    async def all(self, broadcast_id: str) -> list[Trigger]:
        """The triggers of a broadcast.

        Raises:
            NotFound: there is no such broadcast.
        """
        call = read("list_broadcast_triggers", broadcast_id=broadcast_id)
        return await self._list(Trigger, "triggers", call)

    async def failed(self, broadcast_id: str, trigger_id: str) -> bool:
        """Whether a trigger has errors: without options to ignore them, one missing person fails it for everyone.

        Raises:
            NotFound: there is no such trigger.
        """
        path: dict[str, Any] = {"broadcast_id": broadcast_id, "trigger_id": trigger_id}
        answer = await self._reader.read(read("list_broadcast_trigger_errors", query={"limit": 1}, **path))
        return bool(list_under(answer, "errors"))


DATA_BYTES = 50_000
"""https://docs.customer.io/integrations/api/app/ (Send Messages)."""
MAX_QUEUED = 5
"""Triggers of a broadcast that may wait to be processed; same source."""


def trigger(broadcast_id: str, data: dict[str, JsonValue], audience: dict[str, JsonValue] | None = None) -> Call:
    """Send a broadcast to the audience its makers chose, or to the one given; what is empty is left out.

    There is no idempotency key, so it is made once or never. `audience` holds at most one of `recipients` (a filter),
    `emails`, `ids`, `per_user_data` and `data_file_url`, and options.
    """
    return Call(
        operation="trigger_broadcast",
        path={"broadcast_id": broadcast_id},
        body={**(audience or {}), **({"data": data} if data else {})},
    )
