"""Looks up one message of a campaign, broadcast, newsletter, or transactional message, in one language."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.contents import CONTENT_KINDS, ContentRef
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.arguments import Id, Kind, Name
from cio_mcp.tools.common.lookup import KIND_NAMES, Source, find
from cio_mcp.tools.common.source_contents import contents_of, may_send, state_of
from cio_mcp.workspace import CallContext

MAX_LISTED = 10
"""Messages that an error lists. Chosen."""

MessageRef = Annotated[Id | None, Field(description="Message ID or name, if there are several")]
LanguageRef = Annotated[Name | None, Field(description="Language code")]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is now, with what it belongs to; `siblings` are all messages of the source."""

    kind: Kind
    source: Source
    ref: ContentRef
    content: Content
    siblings: Sequence[Content]

    @property
    def state(self) -> str:
        """The state of the source, for a sentence."""
        return state_of(self.source)

    @property
    def reaches(self) -> bool:
        """Whether people may receive it without another change in Customer.io."""
        return may_send(self.source)

    @property
    def languages(self) -> tuple[str, ...]:
        """The other languages that the API lists; those of campaigns and broadcasts are not listed."""
        names = {each.language or "" for each in self.siblings if each.id != self.content.id}
        return tuple(sorted(name for name in names if name))

    @property
    def label(self) -> str:
        """How sentences name it: `message 101 “Welcome” of campaign 1 “Onboarding”`."""
        name = f" {quoted(self.content.name)}" if self.content.name else ""
        language = f" in language {quoted(self.language)}" if self.language else ""
        source = f"{KIND_NAMES[self.kind]} {word(self.source.id)} {quoted(self.source.name)}"
        return f"message {word(self.ref.id)}{name}{language} of {source}"

    @property
    def language(self) -> str:
        """Its language; empty for the default one."""
        return self.ref.language or self.content.language or ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all that the content says; times, which its own edit changes, left out."""
        fields = self.content.model_dump(mode="json", exclude={"created", "updated"})
        return hashlib.sha256(canonical(fields).encode(errors="surrogatepass")).hexdigest()


async def find_message(
    ws: CallContext, kind: Kind, id_: str, message: str | None = None, language: str | None = None
) -> Message:
    """Find one message, read again just now.

    Raises:
        InvalidArgument: there are several, and none or another one is named.
        NotFound: there is no such source or language.
    """
    source = await find(ws, kind, id_)
    siblings = await contents_of(ws, source)
    if not siblings:
        raise NotFound(f"id: {KIND_NAMES[kind]} {word(source.id)} {quoted(source.name)} has no messages.")
    if not CONTENT_KINDS[kind].actions:
        chosen = _only(_in_language(siblings, language, message), message)
        return Message(kind, source, ContentRef(kind, source.id, chosen.id), chosen, siblings)
    ref = ContentRef(kind, source.id, _only(siblings, message).id, language or "")
    try:
        content = await ws.contents.action(ref)
    except NotFound:
        raise NotFound(f"language: message {word(ref.id)} has no language {quoted(language or '')}.") from None
    return Message(kind, source, ref, content, siblings)


async def message_at(ws: CallContext, ref: ContentRef) -> Message:
    """Read again the message that a call edits.

    Raises:
        NotFound: it is no longer there.
    """
    return await find_message(ws, ref.kind, ref.source_id, ref.id, ref.language or None)


def _in_language(contents: Sequence[Content], language: str | None, message: str | None) -> Sequence[Content]:
    """The contents in a language; without one those in the default language, unless a message is named."""
    if language is None:
        return contents if message else [each for each in contents if not each.language] or contents
    matches = [each for each in contents if (each.language or "").casefold() == language.casefold()]
    if not matches:
        known = ", ".join(sorted({quoted(each.language) for each in contents if each.language})) or "none"
        raise NotFound(f"language: there is no {quoted(language)}. Languages: {known}.")
    return matches


def _only(contents: Sequence[Content], message: str | None) -> Content:
    if message is None and len(contents) == 1:
        return contents[0]
    listed = join_first(contents, MAX_LISTED, _listed)
    if message is None:
        raise InvalidArgument("message", f"is required, because there are {len(contents)} messages: {listed}")
    matches = [each for each in contents if each.id == message] or [
        each for each in contents if (each.name or "").strip() == message.strip()
    ]
    if len(matches) == 1:
        return matches[0]
    problem = "several have the name" if matches else "there is no message"
    raise InvalidArgument("message", f"{problem} {quoted(message)}; expected the ID of one of {listed}")


def _listed(content: Content) -> str:
    language = f" ({content.language})" if content.language else ""
    return f"{word(content.id)} {quoted(content.name or content.subject or '')}{language and ' ' + quoted(language)}"
