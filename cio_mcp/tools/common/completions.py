"""IDs and names that complete what a person types: from the lists that are cached or arrive soon."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from typing import get_args

from cio_mcp.customerio.api.base import Kind
from cio_mcp.customerio.api.reads import Named
from cio_mcp.text.mask import mask_text
from cio_mcp.text.sanitize import NAME_CHARACTERS, clean
from cio_mcp.tools.common.gather import in_time
from cio_mcp.tools.common.sources import LISTS
from cio_mcp.tools.core.event_filters import METRICS, ObjectType
from cio_mcp.workspace import CallContext

SECONDS = 0.5
"""How long a completion waits for lists. Chosen: hardly noticeable. They are read on for the next keystroke."""
READS: dict[str, Callable[[CallContext], Awaitable[Iterable[Named]]]] = {
    **{str(kind): read for kind, read in LISTS.items()},
    "segment": lambda ws: ws.segments.all(),
}
"""The list that has the IDs and names of each kind."""
WORDS: dict[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "object_type": get_args(ObjectType),
    "metric": tuple(sorted(METRICS)),
}
"""Values that are the same in every workspace."""


async def completions(ws: CallContext, kinds: Collection[str], typed: str) -> list[str]:
    """What may follow what was typed: words, or IDs and exact names of some kinds; the best come first."""
    words = [word for kind in kinds for word in WORDS.get(kind, ()) if word.startswith(typed.strip().casefold())]
    if words or not ws.settings.has_app:
        return words
    reads = {kind: partial(READS[kind], ws) for kind in kinds if kind in READS}
    lists = await in_time(ws.tasks, ws.clock, reads, SECONDS)
    things = [thing for kind in reads for thing in lists.get(kind, ())]
    return matches(things, typed, mask=ws.settings.mask_pii)


def matches(things: Collection[Named], typed: str, *, mask: bool) -> list[str]:
    """The IDs that begin with digits that were typed, and the names that contain a text: first those that begin so.

    A name stands for its thing only where it can be passed exactly; else its ID does.
    """
    typed = clean(typed, NAME_CHARACTERS).strip().casefold()
    names = Counter(thing.name for thing in things)
    by_id = [thing.id for thing in things if typed.isdecimal() and thing.id.startswith(typed)]
    by_name = [thing for thing in things if typed in thing.name.casefold()]
    by_name.sort(key=lambda thing: not thing.name.casefold().startswith(typed))
    values = [
        thing.name if names[thing.name] == 1 and _can_be_passed(thing.name, mask=mask) else thing.id
        for thing in by_name
    ]
    return list(dict.fromkeys([*by_id, *values]))


def _can_be_passed(name: str, *, mask: bool) -> bool:
    is_plain = name == clean(name, NAME_CHARACTERS) == name.strip() and not name.isdecimal()
    return is_plain and name != "" and not (mask and mask_text(name) != name)
