"""Names beside ids: what campaigns, broadcasts, newsletters and transactional messages are called."""

from collections.abc import Iterable
from typing import NamedTuple

from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, together
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.workspace import CallContext


class SourceRef(NamedTuple):
    """A campaign, broadcast, newsletter or transactional message by its id."""

    kind: Kind
    id: str


class Source(AnswerPart):
    """What sent a message; the name is there where the lists tell it."""

    kind: Kind
    id: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {word(self.id)}{f' {quoted_name(self.name)}' if self.name else ''}"


async def sources(ws: CallContext, things: Iterable[SourceRef]) -> dict[SourceRef, Source]:
    """Put names beside ids: one short-lived list a kind, and of newsletters the newest page only."""
    wanted = set(things)
    lists: dict[Kind, Read] = {
        "campaign": ws.campaigns.all,
        "broadcast": ws.broadcasts.all,
        "newsletter": lambda: _newest_newsletters(ws),
        "transactional": ws.transactional.all,
    }
    kinds = {thing.kind for thing in wanted}
    found = await together({kind: read for kind, read in lists.items() if kind in kinds})
    names = {SourceRef(kind, item.id): item.name for kind in kinds for item in found[kind]}
    return {thing: Source(kind=thing.kind, id=thing.id, name=names.get(thing)) for thing in wanted}


async def _newest_newsletters(ws: CallContext) -> Iterable[object]:
    return (await ws.newsletters.page()).newsletters
