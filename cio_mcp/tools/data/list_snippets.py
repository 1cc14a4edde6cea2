"""The tool that lists snippets and reads one."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Annotated

import anyio.to_thread
from pydantic import Field

from cio_mcp.customerio.api.reads import expected_one
from cio_mcp.customerio.api.snippets import Snippet
from cio_mcp.errors import NotFound
from cio_mcp.text.sanitize import quoted, quoted_name, quoted_text
from cio_mcp.text.spelling import closest_names
from cio_mcp.text.timestamps import moment
from cio_mcp.text.untrusted import Excerpt, FreeText, Prose, Untrusted
from cio_mcp.tools.common.arguments import Cursor, Limit, Name
from cio_mcp.tools.common.pages import PageAnswer, cut, offset_of, text_page
from cio_mcp.tools.common.person_ref import AnswerPart
from cio_mcp.tools.common.template_search import Use, listed_uses, snippet_uses
from cio_mcp.workspace import CallContext

MAX_TEXT_CHARACTERS = 8_000
"""Characters of one snippet's text in an answer; a cursor leads on. No source, about 2,000 tokens."""


class SnippetRow(AnswerPart):
    """A snippet with the beginning of its text."""

    name: str
    text: Untrusted
    updated: datetime | None = None

    def __str__(self) -> str:
        updated = f", updated {moment(self.updated)}" if self.updated else ""
        return f"{quoted_name(self.name)}{updated}: {quoted_text(self.text)}"


class SnippetsAnswer(PageAnswer):
    """A page of snippets, or one of them with its whole text and what uses it."""

    snippets: tuple[SnippetRow, ...] = ()
    total: int | None = None
    text: Annotated[str, FreeText(MAX_TEXT_CHARACTERS, keep_lines=True)] | None = None
    used_by: tuple[Use, ...] | None = None
    note: Prose | None = None

    def lines(self) -> Iterable[str]:
        """A line for each; of one, its text as a quotation."""
        if self.text is None:
            yield "1 snippet" if self.total == 1 else f"{self.total or 0} snippets"
            yield from map(str, self.snippets)
            yield from self.more(self.total)
            return
        yield from map(str, self.snippets)
        yield from (f"> {line}" for line in self.text.split("\n"))
        if self.cursor and isinstance(self.text, Excerpt):
            yield f"… more of {self.text.length:,} characters: cursor={self.cursor}"
        yield from (f"used by {use}" for use in self.used_by or ())
        if self.note:
            yield self.note


async def list_snippets(
    ws: CallContext,
    name: Annotated[Name | None, Field(description="Show this snippet's whole text and which messages use it")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> SnippetsAnswer:
    """List snippets: reusable pieces of message content, such as a footer."""
    snippets = await ws.snippets.all()
    if name is None:
        page, more = cut(snippets, limit, cursor)
        return SnippetsAnswer(snippets=tuple(map(_row, page)), total=len(snippets), **more)
    snippet = find_snippet(snippets, name)
    cut_text = partial(text_page, snippet.value, MAX_TEXT_CHARACTERS, offset_of(cursor), mask=ws.settings.mask_pii)
    text, following = await anyio.to_thread.run_sync(cut_text)
    used_by, note = await listed_uses(partial(snippet_uses, ws, snippet.name, snippets))
    return SnippetsAnswer(
        snippets=(_row(snippet),),
        used_by=used_by,
        has_more=following is not None,
        cursor=following,
        note=note,
    ).model_copy(update={"text": text})  # validation would make it a plain text


def find_snippet(snippets: Iterable[Snippet], name: str) -> Snippet:
    """Find a snippet by its exact name.

    Raises:
        NotFound: there is none; the text suggests close names.
    """
    snippets = list(snippets)
    for each in snippets:
        if each.name == name.strip():
            return each
    close = closest_names(name, [each.name for each in snippets])
    hint = f"did you mean {' or '.join(map(quoted, close))}?" if close else f"{expected_one(snippets, _name)}."
    raise NotFound(f"name: there is no snippet {quoted(name)}; {hint}")


def _name(snippet: Snippet) -> str:
    return quoted(snippet.name)


def _row(snippet: Snippet) -> SnippetRow:
    return SnippetRow(name=snippet.name, text=snippet.value, updated=snippet.updated_at)
