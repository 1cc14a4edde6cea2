"""What a send of `write_api` will say: a transactional message, or a newsletter that exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.customerio.call import Call
from cio_mcp.errors import CioError, NotFound
from cio_mcp.gate.plan import NOT_READ
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.tools.common.message_preview import content_digest, preview_message
from cio_mcp.workspace import CallContext

UNSHOWN = "What the message will say could not be read."
NEWSLETTER = "newsletter_id"
MAX_SEGMENTS = 10
"""Segments that a note lists. Chosen."""
OVERRIDES = ("subject", "body", "body_plain")
"""Fields of a send that replace those of its message."""


@dataclass(frozen=True, slots=True)
class SendPreview:
    """The lines of a plan's preview, notes, warnings, and what the plan rests on."""

    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rests_on: dict[str, JsonValue] = field(default_factory=dict)


async def preview_send(ws: CallContext, call: Call, person: Person | None) -> SendPreview:
    """Preview a transactional send or that of a newsletter; nothing for any other request.

    Raises:
        NotFound: there is no such newsletter.
    """
    if NEWSLETTER in call.path and call.row.permanent == "message" and ws.settings.has_app:
        return await _preview_newsletter(ws, call.path[NEWSLETTER])
    if call.row.evidence != "delivery" or not isinstance(call.body, dict):
        return SendPreview()
    if not ws.settings.has_app:
        return SendPreview(warnings=(UNSHOWN,))
    body = call.body
    try:
        message = _named(await ws.transactional.all(), body.get("transactional_message_id"))
        contents = await ws.transactional.contents(message.id) if message else []
    except CioError:
        return SendPreview(warnings=(UNSHOWN,), rests_on={"message": NOT_READ, "content": NOT_READ})
    rests_on: dict[str, JsonValue] = {
        "message": message.name if message else None,
        "content": content_digest(contents),
    }
    replaced = _replaced(contents, body)
    if not replaced:
        return SendPreview(warnings=(UNSHOWN,), rests_on=rests_on)
    data, language = body.get("message_data"), body.get("language")
    shown = await preview_message(
        replaced,
        person,
        data if isinstance(data, dict) else {},
        ws.now,
        language if isinstance(language, str) else None,
    )
    return SendPreview(shown.lines, warnings=shown.warnings, rests_on=rests_on)


async def _preview_newsletter(ws: CallContext, id_: str) -> SendPreview:
    """What a newsletter is and says; whom it reaches is not counted, and what templates need differs by person."""
    try:
        newsletter = await ws.newsletters.get(id_)
        contents = await ws.newsletters.contents(id_)
    except NotFound:
        raise NotFound(f"arguments.newsletter_id: there is no newsletter {quoted(id_)}. Nothing was sent.") from None
    except CioError:
        return SendPreview(warnings=(UNSHOWN,), rests_on={"newsletter": NOT_READ, "content": NOT_READ})
    segments = newsletter.recipient_segment_ids
    whom = (
        f"Its recipient segments: {join_first(segments, MAX_SEGMENTS, word)}"
        if segments
        else "Its recipients are set in Customer.io"
    )
    shown = await preview_message(contents[:1], None, {}, ws.now)
    more = (f"Only the first of its {len(contents)} variants is shown",) if len(contents) > 1 else ()
    return SendPreview(
        (*shown.lines, *more),
        notes=(
            f"It is newsletter {word(newsletter.id)} {quoted(newsletter.name)}.",
            f"{whom}. How many people that are is not counted.",
        ),
        warnings=("It was sent already.",) if newsletter.state == "sent" else (),
        rests_on={
            "newsletter": [newsletter.name, newsletter.state, *segments],
            "content": content_digest(contents),
        },
    )


def _named(messages: list[TransactionalMessage], wanted: JsonValue) -> TransactionalMessage | None:
    """The message that a request names as Customer.io reads it: by ID, or by trigger name; never by its name."""
    text = str(wanted)
    by_id = [each for each in messages if each.id == text]
    by_trigger = [each for each in messages if each.trigger_name and each.trigger_name == wanted]
    return next(iter(by_id or by_trigger), None)


def _replaced(contents: list[Content], body: Mapping[str, Any]) -> list[Content]:
    texts = {name: body[name] for name in OVERRIDES if isinstance(body.get(name), str)}
    if "body" in texts:
        texts.setdefault("body_plain", None)
    return [each.model_copy(update=texts) for each in contents] if texts else contents
