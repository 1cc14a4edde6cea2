"""The tool that reads one object."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cio_mcp.customerio.api.objects import RelatedPage
from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.text.untrusted import Untrusted
from cio_mcp.tools.common.arguments import Cursor, Limit
from cio_mcp.tools.common.pages import PageAnswer, continuation, page_of, total_of
from cio_mcp.tools.common.person_ref import PersonRef, pairs, who
from cio_mcp.tools.core.customer_attributes import as_text, fit_attributes
from cio_mcp.tools.core.customers import MAX_OMITTED_NAMES
from cio_mcp.tools.objects.lines import ObjectId, ObjectTypeRef
from cio_mcp.workspace import CallContext


class ObjectAnswer(PageAnswer):
    """One object; `cursor` and `total` are of the related customers."""

    personal: ClassVar[bool] = True

    object_id: str
    cio_object_id: str | None = None
    type_id: str
    type: str
    attributes: dict[str, Untrusted] | None = None
    omitted_names: list[str] | None = Field(default=None, description="Attributes that are too long for the answer")
    customers: list[PersonRef] | None = None
    total: int | None = None

    def lines(self) -> Iterable[str]:
        """The identifiers first, then the attributes, and a line for each related customer."""
        names = ", ".join(quoted_name(name) for name in (self.object_id, self.cio_object_id) if name)
        yield f"{names} ({quoted_name(self.type)}, id {word(self.type_id)})"
        yield f"Attributes: {', '.join(pairs(self.attributes)) or 'none'}"
        if self.omitted_names:
            yield f"Attributes that are too long for this answer: {', '.join(map(quoted_name, self.omitted_names))}"
        if self.customers is None:
            return
        count = f" ({self.total:,})" if self.total else ""
        yield f"Related customers{count}:{'' if self.customers else ' none'}"
        yield from (f"- {person}" for person in self.customers)
        yield from self.more(self.total)


async def get_object(
    ws: CallContext,
    type: ObjectTypeRef,  # noqa: A002 - Customer.io's own word
    id: ObjectId,  # noqa: A002 - Customer.io's own word
    customers: Annotated[bool, Field(description="Also list the related customers")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> ObjectAnswer:
    """Get an object, such as a company: its attributes and who is related to it."""
    kind = await ws.objects.find_type(type)
    record = await ws.objects.get(kind.id, id)
    wanted = customers or cursor is not None
    read = partial(ws.objects.related_page, kind.id, id)
    page = await page_of(read, "cio_relationships", limit, cursor) if wanted else None
    attributes = {name: as_text(value) for name, value in record.attributes.items() if value is not None}
    listed, omitted = fit_attributes(attributes)
    return ObjectAnswer(
        object_id=record.identifiers.object_id or id,
        cio_object_id=record.identifiers.cio_object_id,
        type_id=kind.id,
        type=kind.name,
        attributes=listed or None,
        omitted_names=omitted[:MAX_OMITTED_NAMES] or None,
        **(_related(page, cursor) if page else {}),
    )


def _related(page: RelatedPage, cursor: str | None) -> dict[str, Any]:
    people = {each.identifiers.reference: who(each.identifiers) for each in page.cio_relationships}
    return {
        "customers": [*people.values()],
        "total": total_of(len(people), cursor, page.next),
        **continuation(page.next),
    }
