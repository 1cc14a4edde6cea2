"""Names of attributes that an import would add beside similar ones that customers have."""

from collections.abc import Iterable, Iterator

from cio_mcp.customerio.api.people import Person
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import same_word

MAX_NAMED = 5
"""Attributes that the warning names."""


def similar_names(names: Iterable[str], people: Iterable[Person | None]) -> Iterator[str]:
    """A warning where names differ only in case, spaces, hyphens, or underscores from attributes of the people."""
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
