"""Objects as answers show them, and the lookups that the tools of this toolset share."""

from typing import Annotated

from pydantic import Field

from cio_mcp.text.sanitize import quoted_name, word
from cio_mcp.text.untrusted import UntrustedValue
from cio_mcp.tools.common.arguments import MAX_NAME_BYTES, ReadAs, max_bytes
from cio_mcp.tools.common.person_ref import AnswerPart, pairs

MAX_ID_BYTES = 150
"""https://docs.customer.io/integrations/api/track/ (objects)."""
ObjectTypeRef = Annotated[
    str, ReadAs("reference"), max_bytes(MAX_NAME_BYTES), Field(description="Object type: ID or name", min_length=1)
]
ObjectId = Annotated[str, ReadAs("reference"), max_bytes(MAX_ID_BYTES), Field(min_length=1)]


class ObjectTypeLine(AnswerPart):
    """A kind of object; a disabled one takes no objects."""

    id: str
    name: str
    enabled: bool = True

    def __str__(self) -> str:
        return f"{quoted_name(self.name)} (id {word(self.id)}){'' if self.enabled else ', disabled'}"


class ObjectLine(AnswerPart):
    """An object by its identifiers."""

    object_id: str | None = None
    cio_object_id: str | None = None
    attributes: dict[str, UntrustedValue] | None = None
    attributes_omitted: int | None = None

    def __str__(self) -> str:
        names = [quoted_name(name) for name in (self.object_id, self.cio_object_id) if name]
        more = [f"{self.attributes_omitted} more attributes"] if self.attributes_omitted else []
        return ", ".join([*names, *pairs(self.attributes), *more])
