"""Evidence: how to see afterwards whether an effect came, without asking for it again."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from cio_mcp.customerio.api.base import Message, Reference
from cio_mcp.customerio.api.collections import Collections
from cio_mcp.customerio.api.exports import Exports
from cio_mcp.customerio.api.person_records import PersonRecords
from cio_mcp.customerio.api.segments import Segments
from cio_mcp.customerio.api.triggers import Triggers
from cio_mcp.customerio.client import Reader

CLOCK_SKEW_SECONDS = 5.0
"""Seconds by which Customer.io's clock may be behind ours; earlier effects are recognized by ID, not by this."""
MAX_DELIVERIES = 50
MAX_ACTIVITIES = 100


class Evidence(BaseModel):
    """What an effect leaves behind, such as a delivery of a transactional message or a trigger of a broadcast.

    Exactly one of `message` (id), `event` (name), `broadcast` (id), `segment` (name), `collection` (name) and `export`
    (type) is there, the first two with `person` (`cio_…`).
    """

    model_config = ConfigDict(frozen=True)

    person: str = ""
    message: str | None = None
    recipient: str | None = None
    event: str | None = None
    broadcast: str | None = None
    segment: str | None = None
    collection: str | None = None
    export: str | None = None

    async def find(self, reader: Reader, since: float) -> list[str]:
        """The ids of what could be the effect, made since a time (Unix seconds).

        Raises:
            CioError: it could not be read.
        """
        if self.broadcast is not None:
            triggers = await Triggers(reader).all(self.broadcast)
            return [each.id for each in triggers if _is_since(each.created_at, since)]
        if self.segment is not None:
            return [each.id for each in await Segments(reader).all() if each.name.strip() == self.segment]
        if self.collection is not None:
            return [each.id for each in await Collections(reader).all() if each.name.strip() == self.collection]
        if self.export is not None:
            exports = [each for each in await Exports(reader).all() if each.type == self.export]
            return [each.id for each in exports if _is_since(each.created_at, since)]
        records, person = PersonRecords(reader), Reference(self.person, "cio_id")
        if self.event is not None:
            page = await records.activities_of(person, limit=MAX_ACTIVITIES, type_="event")
            matching = [activity for activity in page.activities if activity.name == self.event]
            # One without an ID looks the same as an earlier one.
            return [
                each.id
                for each in matching
                if each.id and each.timestamp and each.timestamp.timestamp() >= since - CLOCK_SKEW_SECONDS
            ]
        messages = await records.messages_of(person, limit=MAX_DELIVERIES)
        return [each.id for each in messages.messages if self._is_mine(each, since)]

    def _is_mine(self, message: Message, since: float) -> bool:
        same = message.transactional_message_id == self.message
        recipient = (message.recipient or "").casefold()
        there = not self.recipient or not recipient or self.recipient.casefold() in recipient
        return same and there and _is_since(message.created, since)

    async def describe(self, reader: Reader, id_: str) -> str:
        """Name the effect with this id, and whether it has errors; empty for a delivery or event.

        Raises:
            CioError: it could not be read.
        """
        if self.segment is not None:
            return f"segment {id_}"
        if self.collection is not None:
            return f"collection {id_}"
        if self.export is not None:
            return f"export {id_}"
        if self.broadcast is None:
            return ""
        failed = await Triggers(reader).failed(self.broadcast, id_)
        return f"trigger {id_}{', which has errors, so it may not have been sent' if failed else ''}"


def _is_since(made: datetime | None, since: float) -> bool:
    """Whether something may have been made since a time; what has no time may have been."""
    return made is None or made.timestamp() >= since - CLOCK_SKEW_SECONDS
