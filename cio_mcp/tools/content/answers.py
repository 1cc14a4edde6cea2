"""The answer of `get_content`: what a message says, a piece of its body at a time."""

from collections.abc import Iterable
from typing import Annotated

from cio_mcp.text.render import Answer
from cio_mcp.text.sanitize import quoted_name, quoted_text, word
from cio_mcp.text.untrusted import Excerpt, FreeText, Prose, Untrusted
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.lookup import KIND_NAMES

MAX_BODY_CHARACTERS = 8_000
"""Characters of a body in an answer; a cursor leads on. No source, about 2,000 tokens."""

Body = Annotated[str, FreeText(MAX_BODY_CHARACTERS, keep_lines=True)]


class ContentAnswer(Answer):
    """One message of a source; `body` is its readable text, or its source if requested."""

    kind: Kind
    id: str
    name: str
    state: str
    message: str
    message_name: str | None = None
    type: str | None = None
    language: str | None = None
    other_languages: tuple[str, ...] | None = None
    subject: Untrusted | None = None
    preheader: Untrusted | None = None
    sender: str | None = None
    reply_to: str | None = None
    body: Body | None = None
    cursor: str | None = None
    variables: tuple[str, ...] | None = None
    snippets: tuple[str, ...] | None = None
    collections: tuple[str, ...] | None = None
    links: tuple[Untrusted, ...] | None = None
    notes: tuple[Prose, ...] = ()

    def lines(self) -> Iterable[str]:
        """What it is, its headers, what it refers to, then its body as a quotation."""
        yield f"{KIND_NAMES[self.kind]} {self.id} {quoted_name(self.name)}, {self.state}"
        facts = [
            self.type,
            self.message_name and quoted_name(self.message_name),
            self.language and f"language {quoted_name(self.language)}",
        ]
        yield f"message {', '.join(filter(None, [word(self.message), *facts]))}"
        if self.other_languages:
            yield f"other languages: {_names(self.other_languages)}"
        for label, text in (("subject", self.subject), ("preheader", self.preheader)):
            if text:
                yield f"{label} {quoted_text(text)}"
        for label, address in (("from", self.sender), ("reply to", self.reply_to)):
            if address:
                yield f"{label} {quoted_name(address)}"
        for name, names in (
            ("variables", self.variables),
            ("snippets", self.snippets),
            ("collections", self.collections),
        ):
            if names:
                yield f"{name}: {_names(names)}"
        if self.links:
            yield f"links: {', '.join(map(quoted_text, self.links))}"
        yield from self.notes
        yield "body:" if self.body is not None else "no body"
        yield from (f"> {line}" for line in (self.body or "").split("\n") if self.body is not None)
        if self.cursor and isinstance(self.body, Excerpt):
            yield f"… more of {self.body.length:,} characters: cursor={self.cursor}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(quoted_name(name) for name in names)
