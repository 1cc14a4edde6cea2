"""Names beside IDs of campaigns, broadcasts, newsletters, and transactional messages."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple

from cio_mcp.customerio.api.reads import Named
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, in_time
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.workspace import CallContext

NAMES_SECONDS = 1.0
"""How long an answer waits for names once the rest of it is there. Chosen: hardly noticeable."""


class SourceRef(NamedTuple):
    """A campaign, broadcast, newsletter or transactional message by its id."""

    kind: Kind
    id: str


class Source(AnswerPart):
    """The source of a message, with its name if the lists have it."""

    kind: Kind
    id: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {word(self.id)}{f' {quoted_name(self.name)}' if self.name else ''}"


async def sources(ws: CallContext, things: Iterable[SourceRef]) -> dict[SourceRef, Source]:
    """Put names beside ids: one short-lived list a kind, and of newsletters the newest page only.

    Names are a courtesy: a list that cannot be read, or not within `NAMES_SECONDS`, leaves its things without.
    """
    refs = set(things)
    reads = _reads(ws, {thing.kind for thing in refs})
    lists = await in_time(ws.tasks, ws.clock, reads, NAMES_SECONDS)
    names = {SourceRef(kind, item.id): item.name for kind, items in lists.items() for item in items}
    return {thing: Source(kind=thing.kind, id=thing.id, name=names.get(thing)) for thing in refs}


async def read_ahead(ws: CallContext, kinds: Iterable[Kind]) -> None:
    """Begin to read the lists that `sources` will need, so that they come while the answer itself is read."""
    await in_time(ws.tasks, ws.clock, _reads(ws, kinds), 0)


def _reads(ws: CallContext, kinds: Iterable[Kind]) -> dict[Kind, Read]:
    return {kind: partial(LISTS[kind], ws) for kind in kinds} if ws.settings.has_app else {}


async def _newest_newsletters(ws: CallContext) -> Iterable[Named]:
    return (await ws.newsletters.page()).newsletters


LISTS: dict[Kind, Callable[[CallContext], Awaitable[Iterable[Named]]]] = {
    "campaign": lambda ws: ws.campaigns.all(),
    "broadcast": lambda ws: ws.broadcasts.all(),
    "newsletter": _newest_newsletters,
    "transactional": lambda ws: ws.transactional.all(),
}
"""Where the names of a kind are listed."""
