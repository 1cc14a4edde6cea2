"""Contents of messages: one of them, in one language, and the call that edits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Content, Kind
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import Call, read

OVERWRITES: frozenset[Kind] = frozenset({"transactional"})
"""Kinds whose edit replaces all that can be edited, by the API reference: each request repeats what stays as it is."""

WITH_LANGUAGE_ROUTES: frozenset[Kind] = frozenset({"campaign", "broadcast"})
"""Kinds whose translations have no ID of their own: they are read and edited by language."""

_UPDATES: Mapping[Kind, str] = {
    "campaign": "update_campaign_action",
    "broadcast": "update_broadcast_action",
    "newsletter": "update_newsletter_content",
    "transactional": "update_transactional_content",
}


@dataclass(frozen=True, slots=True)
class ContentRef:
    """An action of a campaign or broadcast, or a content of another source, by its ID.

    `language` is set for a translation of an action; other translations have an ID.
    """

    kind: Kind
    source_id: str
    id: str
    language: str = ""

    @property
    def path(self) -> dict[str, Any]:
        """The values of its path."""
        part = "action_id" if self.kind in WITH_LANGUAGE_ROUTES else "content_id"
        language = {"language": self.language} if self.language else {}
        return {f"{self.kind}_id": self.source_id, part: self.id, **language}


class Contents(Reads):
    """Reads of single contents."""

    async def action(self, ref: ContentRef) -> Content:
        """An action of a campaign or broadcast, in its language.

        Raises:
            NotFound: there is none.
        """
        operation = f"get_{ref.kind}_action{'_language' if ref.language else ''}"
        return await self._item(Content, "action", read(operation, **ref.path))


def update(ref: ContentRef, fields: Mapping[str, JsonValue]) -> Call:
    """Set fields of a content; others stay as they are, but for kinds that it overwrites (see `OVERWRITES`)."""
    operation = f"{_UPDATES[ref.kind]}{'_language' if ref.language else ''}"
    return Call(operation=operation, path=ref.path, body=dict(fields))
