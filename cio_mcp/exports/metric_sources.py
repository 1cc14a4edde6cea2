"""What the metrics of an export are of: the sources of a workspace, and their steps."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from cio_mcp.customerio.api.base import Content, Kind
from cio_mcp.customerio.api.broadcasts import Broadcast, Broadcasts
from cio_mcp.customerio.api.campaigns import Campaign, Campaigns
from cio_mcp.customerio.api.newsletters import Newsletter, Newsletters
from cio_mcp.customerio.api.transactional import Transactional, TransactionalMessage
from cio_mcp.customerio.client import Reader
from cio_mcp.storage.metric_state import Step

MAX_PAGES = 1_000
"""Pages of one list that are read. Chosen: a hundred thousand newsletters."""
CHANNELS = {"twilio": "sms"}
"""Channels that the API calls by another name."""
Record = Campaign | Broadcast | Newsletter | TransactionalMessage


@dataclass(frozen=True, slots=True)
class Source:
    """What sends messages; `began` is when a newsletter was sent, and the others were created."""

    kind: Kind
    record: Record
    began: datetime | None

    @property
    def id(self) -> str:
        """Customer.io's ID."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name that a marketer gave it."""
        return _text(self.record.name)


async def sources(reader: Reader, kinds: Collection[Kind]) -> list[Source]:
    """All sources of the given kinds, but newsletters that were never sent.

    Raises:
        CioError: one of the lists can't be read.
    """
    listed: list[Source] = []
    if "campaign" in kinds:
        listed += [Source("campaign", each, each.created) for each in await Campaigns(reader).all()]
    if "broadcast" in kinds:
        listed += [Source("broadcast", each, each.created) for each in await Broadcasts(reader).all()]
    if "newsletter" in kinds:
        newsletters = await Newsletters(reader).all(most=MAX_PAGES)
        listed += [Source("newsletter", each, each.sent_at) for each in newsletters if each.sent_at]
    if "transactional" in kinds:
        listed += [Source("transactional", each, each.created_at) for each in await Transactional(reader).all()]
    return listed


async def steps_of(reader: Reader, source: Source) -> list[Step]:
    """The steps of a source, each with its channel; Customer.io doesn't count those of a transactional message apart.

    Raises:
        CioError: they can't be read.
    """
    match source.record:
        case Campaign() as campaign:
            return _steps(await Campaigns(reader).actions(campaign, most=MAX_PAGES))
        case Broadcast() as broadcast:
            return _steps(await Broadcasts(reader).actions(broadcast))
        case Newsletter():
            return _steps(await Newsletters(reader).contents(source.id))
        case TransactionalMessage():
            contents = await Transactional(reader).contents(source.id)
            return [Step("", "", _channel(contents[0]) if contents else "")]


def _steps(contents: Collection[Content]) -> list[Step]:
    """One step for each ID: an action in several languages is listed once for each."""
    return list({each.id: Step(each.id, _text(each.name), _channel(each)) for each in contents}.values())


def _text(name: str | None) -> str:
    """A name without the null characters that neither CSV nor a database takes."""
    return (name or "").replace("\0", "")


def _channel(content: Content) -> str:
    return CHANNELS.get(content.type or "", content.type or "")
