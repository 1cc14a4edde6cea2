"""Names beside ids: what campaigns, broadcasts, newsletters and transactional messages are called."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from typing import NamedTuple

import anyio

from cio_mcp.customerio.api.reads import Named
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.workspace import CallContext

NAMES_SECONDS = 1.0
"""How long an answer waits for names once the rest of it is there; no source, what nobody minds."""


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
        return f"{self.kind} {word(self.id)}{f' {quoted(self.name, 60)}' if self.name else ''}"


async def sources(ws: CallContext, things: Iterable[SourceRef]) -> dict[SourceRef, Source]:
    """Put names beside ids: one short-lived list a kind, and of newsletters the newest page only.

    Names are a courtesy: a list that cannot be read, or not within `NAMES_SECONDS`, leaves its things without.
    """
    wanted = set(things)
    lists = await _lists(ws, {thing.kind for thing in wanted})
    names = {SourceRef(kind, item.id): item.name for kind, items in lists.items() for item in items}
    return {thing: Source(kind=thing.kind, id=thing.id, name=names.get(thing)) for thing in wanted}


def read_ahead(ws: CallContext, kinds: Iterable[Kind]) -> None:
    """Begin to read the lists that `sources` will need, so that they come while the answer itself is read."""
    for kind in kinds:
        ws.tasks.start_soon(_keep_list, ws, kind, {}, anyio.Event())


async def _lists(ws: CallContext, kinds: Collection[Kind]) -> dict[Kind, Iterable[Named]]:
    """The lists that come in time; the others are read to their end, so that a later call finds them."""
    if not kinds or not ws.settings.has_app:
        return {}
    found: dict[Kind, Iterable[Named]] = {}
    ended = {kind: anyio.Event() for kind in kinds}
    for kind, end in ended.items():
        ws.tasks.start_soon(_keep_list, ws, kind, found, end)
    with ws.events.clock.move_on_after(NAMES_SECONDS):
        for end in ended.values():
            await end.wait()
    return dict(found)


async def _keep_list(ws: CallContext, kind: Kind, found: dict[Kind, Iterable[Named]], end: anyio.Event) -> None:
    try:
        # Whatever goes wrong with a name must not end what else the workspace does.
        with suppress(Exception):
            found[kind] = await LISTS[kind](ws)
    finally:
        end.set()


async def _newest_newsletters(ws: CallContext) -> Iterable[Named]:
    return (await ws.newsletters.page()).newsletters


LISTS: dict[Kind, Callable[[CallContext], Awaitable[Iterable[Named]]]] = {
    "campaign": lambda ws: ws.campaigns.all(),
    "broadcast": lambda ws: ws.broadcasts.all(),
    "newsletter": _newest_newsletters,
    "transactional": lambda ws: ws.transactional.all(),
}
"""Where the names of a kind are listed."""
