"""The tool that reads what a message says."""

from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from pydantic import Field

from cio_mcp.customerio.api.base import Content
from cio_mcp.errors import CioError
from cio_mcp.text.html import readable
from cio_mcp.text.liquid_faults import find_fault
from cio_mcp.text.template_parts import SCOPES, links_in, snippets_in, variables_in
from cio_mcp.tools.common.arguments import Cursor, Id, Kind
from cio_mcp.tools.common.content_lookup import LanguageRef, Message, MessageRef, find_message
from cio_mcp.tools.common.pages import offset_of, text_page
from cio_mcp.tools.content.answers import MAX_BODY_CHARACTERS, ContentAnswer
from cio_mcp.tools.core.deliveries import CHANNELS
from cio_mcp.workspace import CallContext

MAX_NAMES = 100
"""Variables, snippets, or links in an answer. Chosen."""
UNREAD_COLLECTIONS = "Which collections it uses is unknown: they could not be read."
UNLISTED = "The API doesn't list the languages of campaigns and broadcasts; pass language to read one."


async def get_content(
    ws: CallContext,
    id: Annotated[Id, Field(description="ID or exact name")],  # noqa: A002 - the argument's name is fixed
    kind: Kind = "campaign",
    message: MessageRef = None,
    language: LanguageRef = None,
    source: Annotated[bool, Field(description="Body as HTML and Liquid source instead of text")] = False,
    cursor: Cursor = None,
) -> ContentAnswer:
    """Get the content (template) of a message: subject, body or its HTML, sender, Liquid variables, links, snippets."""
    start = offset_of(cursor)
    found = await find_message(ws, kind, id, message, language)
    parts = await anyio.to_thread.run_sync(
        partial(_parts, found.content, start, source=source, mask=ws.settings.mask_pii)
    )
    collections = await _collections(ws, parts["variables"])
    unknown = (UNREAD_COLLECTIONS,) if collections is None else ()
    limited = {name: values[:MAX_NAMES] or None for name, values in parts.items() if isinstance(values, tuple)}
    notes = parts.pop("faults") + unknown + (() if kind not in ("campaign", "broadcast") or language else (UNLISTED,))
    content = found.content
    return ContentAnswer(
        **_source(found),
        message=content.id,
        message_name=content.name or None,
        type=CHANNELS.get(content.type or "", content.type),
        language=found.language or None,
        other_languages=found.languages or None,
        subject=content.subject or None,
        preheader=content.preheader_text or None,
        sender=content.from_ or None,
        reply_to=content.reply_to or None,
        cursor=parts["cursor"],
        **{name: limited[name] for name in ("variables", "snippets", "links")},
        collections=(collections or ())[:MAX_NAMES] or None,
        notes=notes,
    ).model_copy(update={"body": parts["body"]})  # validation would make it a plain text


def _source(found: Message) -> dict[str, Any]:
    return {"kind": found.kind, "id": found.source.id, "name": found.source.name, "state": found.state}


def _parts(content: Content, start: int, *, source: bool, mask: bool) -> dict[str, Any]:
    """A part of the body, the cursor to the next one, and what the whole content refers to."""
    body = content.body or content.body_plain or ""
    text, following = text_page(body if source else readable(body), MAX_BODY_CHARACTERS, start, mask=mask)
    templates = content.model_copy(update={"recipient": None}).templates
    return {
        "body": text if body else None,
        "cursor": following,
        "variables": tuple(sorted(variables_in(templates))),
        "snippets": tuple(sorted(frozenset().union(*map(snippets_in, templates)))),
        "links": links_in(body),
        "faults": tuple(_faults(content)),
    }


def _faults(content: Content) -> list[str]:
    fields = {"subject": content.subject, "preheader": content.preheader_text, "body": content.body}
    faults = {name: fault for name, text in fields.items() if text and (fault := find_fault(text))}
    return [f"The Liquid of its {name} doesn't parse: {fault}." for name, fault in faults.items()]


async def _collections(ws: CallContext, variables: tuple[str, ...]) -> tuple[str, ...] | None:
    """The workspace's collections that variables may name; None where they could not be read."""
    paths = [path.split(".") for path in variables]
    roots = {path[1] if path[0] == "journey" and len(path) > 1 else path[0] for path in paths} - SCOPES
    if not roots:
        return ()
    try:
        return tuple(sorted(each.name for each in await ws.collections.all() if each.name in roots))
    except CioError:
        return None
