"""The object that a write is about, and the customers who are related to it."""

from dataclasses import dataclass

from cio_mcp.customerio.api.base import Identifiers
from cio_mcp.customerio.api.objects import ObjectRecord, ObjectType, Related
from cio_mcp.errors import NotFound
from cio_mcp.gate.proof import RELATED_PAGES
from cio_mcp.text.lists import list_first
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.workspace import CallContext

MAX_EXAMPLES = 10
"""Related customers that a question names. Chosen."""


@dataclass(frozen=True, slots=True)
class Target:
    """The object of a plan, and the customers who are related to it; `record` None where there is no object yet."""

    kind: ObjectType
    id: str
    record: ObjectRecord | None
    related: Related

    @property
    def name(self) -> str:
        """How our sentences name it."""
        return f"{quoted(self.id)} ({quoted(self.kind.name)})"

    @property
    def affected(self) -> int | None:
        """How many customers are related to it; None where there are too many to read."""
        return len(self.related.people) if self.related.complete else None

    @property
    def note(self) -> str:
        """The same in a sentence."""
        count = len(self.related.people)
        if not self.related.complete:
            return f"More than {count:,} customers are related to it."
        return f"{count:,} {'customer is' if count == 1 else 'customers are'} related to it."

    @property
    def examples(self) -> tuple[str, ...]:
        """Some related customers, a line each."""
        return tuple(list_first(self.related.people, MAX_EXAMPLES, _example))

    @property
    def people(self) -> frozenset[str]:
        """The references of the related customers."""
        return frozenset(person.reference.value for person in self.related.people)


def _example(person: Identifiers) -> str:
    return f"{quoted(person.id or person.email or '')} ({word(person.reference.value)})"


async def find_target(ws: CallContext, type_: str, object_id: str, *, create: bool, hint: str = "") -> Target:
    """Find an object of a type; with `create` there may be none yet, otherwise `hint` ends the error.

    Raises:
        NotFound: there is no such type or object.
    """
    kind = await ws.objects.find_type(type_)
    try:
        record = await ws.objects.get(kind.id, object_id)
    except NotFound as missing:
        if not create:
            raise NotFound(f"{missing}{hint}") from None
        return Target(kind, object_id, None, Related((), complete=True))
    return Target(kind, object_id, record, await ws.objects.related(kind.id, object_id, pages=RELATED_PAGES))
