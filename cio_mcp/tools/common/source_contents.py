"""What a campaign, broadcast, newsletter, or transactional message contains, and whether it may send that."""

from cio_mcp.customerio.api.base import MAX_PAGES, Content
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.lookup import Source
from cio_mcp.workspace import CallContext

SENT_BY_API = "sent by API calls"
"""The state of a transactional message, which has none in Customer.io."""
STATE_UNKNOWN = "state unknown"


async def contents_of(ws: CallContext, source: Source, *, most: int = MAX_PAGES) -> list[Content]:
    """The messages of a source; those of a campaign in at most `most` requests, of which each gives ten."""
    match source:
        case Campaign():
            return await ws.campaigns.actions(source, most=most)
        case Broadcast():
            return await ws.broadcasts.actions(source)
        case Newsletter():
            return await ws.newsletters.contents(source.id)
        case _:
            return await ws.transactional.contents(source.id)


def kind_of(source: Source) -> Kind:
    """The kind of a source."""
    match source:
        case Campaign():
            return "campaign"
        case Broadcast():
            return "broadcast"
        case Newsletter():
            return "newsletter"
        case _:
            return "transactional"


def state_of(source: Source) -> str:
    """The state of a source, for a sentence."""
    match source:
        case Campaign() | Broadcast():
            return source.state or STATE_UNKNOWN
        case Newsletter():
            return source.state
        case _:
            return SENT_BY_API


def may_send(source: Source) -> bool:
    """Whether people may receive its messages without another change; those in a stopped campaign may go on."""
    match source:
        case Campaign():
            return source.running or source.state == "stopped"
        case Broadcast():
            return source.running
        case Newsletter():
            return False
        case _:
            return True
