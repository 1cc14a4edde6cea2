"""Names of attributes that an import would add beside similar ones that customers have."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import JsonValue

from cio_mcp.customerio.api.people import Person
from cio_mcp.errors import CioError
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import same_word
from cio_mcp.tools.bulk.known_people import Known
from cio_mcp.workspace import CallContext

MAX_NAMED = 5
"""Attributes that the warning names."""
OTHERS = 20
"""Customers who are looked at where the import has only new ones. Chosen: two requests."""
ANYONE: JsonValue = {"or": [{"attribute": {"field": name, "operator": "exists"}} for name in ("email", "id")]}


async def similar_names(ws: CallContext, names: Sequence[str], known: Known) -> tuple[str, ...]:
    """A warning where names differ only in case, spaces, hyphens, or underscores from attributes of customers.

    These are the customers of the import, or some others if all of it are new or unknown.
    """
    people: Iterable[Person | None] = known.values()
    if not any(people) and ws.settings.has_app:
        try:
            page = await ws.people.search(ANYONE, limit=OTHERS)
            people = (await ws.people.profiles_of_many(page.identifiers)).values()
        except CioError:  # a courtesy
            return ()
    return tuple(_warning(names, people))


def _warning(names: Iterable[str], people: Iterable[Person | None]) -> Iterator[str]:
    known = {name for person in people if person is not None for name in person.attributes}
    pairs = [(name, other) for name in names if name not in known and (other := same_word(name, known))]
    if not pairs:
        return
    new, other = pairs[0]
    more = join_first([f"{quoted(new, 40)} ({quoted(other, 40)})" for new, other in pairs[1:]], MAX_NAMED)
    yield (
        f"{quoted(new, 40)} would be a new attribute, while customers have {quoted(other, 40)}"
        f"{f'; also {more}' if more else ''}. If they are the same, map the "
        f"{'columns to these names' if more else 'column to this name'}."
    )
