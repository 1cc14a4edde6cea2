"""Contents of messages: one of them, in one language, and the call that edits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Content, Kind
from cio_mcp.customerio.api.reads import Reads
from cio_mcp.customerio.call import Call, read


class ContentKind(NamedTuple):
    """How Customer.io names and edits the contents of a kind of source.

    `update` is the operation that edits one. Where contents are `actions`, a translation has no ID of its own: it is
    read and edited by its language. An `overwriting` edit replaces all that can be edited, by the API reference, so
    that each request repeats what stays as it is.
    """

    update: str
    actions: bool = False
    overwriting: bool = False


CONTENT_KINDS: Mapping[Kind, ContentKind] = {
    "campaign": ContentKind("update_campaign_action", actions=True),
    "broadcast": ContentKind("update_broadcast_action", actions=True),
    "newsletter": ContentKind("update_newsletter_content"),
    "transactional": ContentKind("update_transactional_content", overwriting=True),
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
        part = "action_id" if CONTENT_KINDS[self.kind].actions else "content_id"
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
    """Set fields of a content; others stay as they are, but for kinds whose edit is `overwriting`."""
    operation = f"{CONTENT_KINDS[ref.kind].update}{'_language' if ref.language else ''}"
    return Call(operation=operation, path=ref.path, body=dict(fields))


UPDATED_KINDS: Mapping[str, Kind] = {
    **{each.update: kind for kind, each in CONTENT_KINDS.items()},
    **{f"{each.update}_language": kind for kind, each in CONTENT_KINDS.items() if each.actions},
}
"""The operations that `update` makes, and the kind of source whose content each edits."""


def ref_of(call: Call) -> ContentRef:
    """The content that a call of `update` edits."""
    kind = UPDATED_KINDS[call.operation]
    part = call.path.get("action_id") or call.path["content_id"]
    return ContentRef(kind, call.path[f"{kind}_id"], part, call.path.get("language", ""))
