"""The write tool for what messages say."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from cio_mcp.customerio.api.account import Sender
from cio_mcp.customerio.api.base import Content
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Id, Kind, Name, max_bytes
from cio_mcp.tools.common.content_edit import plan_edit
from cio_mcp.tools.common.content_lookup import LanguageRef, MessageRef, find_message
from cio_mcp.tools.core.deliveries import CHANNELS
from cio_mcp.workspace import CallContext

MAX_REPLACEMENTS = 20
"""Replacements of one call. Chosen."""
MAX_BODY_BYTES = 500_000
"""Of a body or a part of one. Chosen: five times the length at which mail clients clip a message."""
MAX_LINE_BYTES = 2_000
"""Of a subject or preheader. Chosen: many times what a mail client shows."""
WITH_SUBJECT = frozenset({"email", "push", "in_app", "inbox"})
"""Channels whose messages have a subject or title."""

Line = Annotated[str | None, max_bytes(MAX_LINE_BYTES)]


@with_config(ConfigDict(extra="forbid"))
class Replacement(TypedDict):
    """A part of the body and what to put in its place."""

    old: Annotated[str, Field(min_length=1), max_bytes(MAX_BODY_BYTES)]
    new: Annotated[str, max_bytes(MAX_BODY_BYTES)]


async def update_content(
    ws: CallContext,
    id: Annotated[Id, Field(description="ID or exact name")],  # noqa: A002 - the argument's name is fixed
    kind: Kind = "campaign",
    message: MessageRef = None,
    language: LanguageRef = None,
    subject: Line = None,
    preheader: Line = None,
    replace: Annotated[
        tuple[Replacement, ...],
        Field(description="Edits of the body source; old must occur exactly once", max_length=MAX_REPLACEMENTS),
    ] = (),
    body: Annotated[str | None, Field(description="Whole new body"), max_bytes(MAX_BODY_BYTES)] = None,
    sender: Annotated[Name | None, Field(description="Sender ID or address")] = None,
    reply_to: Name | None = None,
) -> Plan:
    """Change the content (template) of an email or other message: subject, body, links, sender. Requires approval."""
    if body is not None and replace:
        raise InvalidArgument("body, replace", "pass only one of them")
    given = {"subject": subject, "preheader": preheader, "body": body, "sender": sender, "reply_to": reply_to}
    if all(value is None for value in given.values()) and not replace:
        raise InvalidArgument("subject, preheader, replace, body, sender, reply_to", "pass at least one")
    found = await find_message(ws, kind, id, message, language)
    fields: dict[str, JsonValue] = {"subject": subject, "preheader_text": preheader, "body": body}
    if replace:
        fields["body"] = replace_texts(found.content.body or "", replace)
    senders = await ws.account.senders() if sender is not None or reply_to is not None else []
    fields["from_id"] = _sender("sender", sender, senders)
    fields["reply_to_id"] = _sender("reply_to", reply_to, senders)
    fields = {name: value for name, value in fields.items() if value is not None}
    if faults := list(_channel_faults(found.content, fields)):
        raise InvalidArgument(", ".join(faults), "a message of this channel has none")
    return await plan_edit(ws, found, fields)


def replace_texts(body: str, replacements: Sequence[Replacement]) -> str:
    """Put new text in place of old; each old text is looked up in what the ones before it left.

    Raises:
        InvalidArgument: an old text does not occur exactly once.
    """
    faults: list[str] = []
    for number, each in enumerate(replacements):
        old, new = each["old"], each["new"]
        if old not in body and "\r\n" in body:  # which get_content shows as a plain newline
            old, new = (text.replace("\r\n", "\n").replace("\n", "\r\n") for text in (old, new))
        count = body.count(old)
        if count == 1:
            body = body.replace(old, new)
        elif count:
            faults.append(f"[{number}].old: occurs {count:,} times; include more of the text around it")
        else:
            faults.append(f"[{number}].old: doesn't occur; copy it from get_content with source=true")
    if faults:
        raise InvalidArgument(f"replace{faults[0].split(': ', 1)[0]}", "; replace".join(faults).split(": ", 1)[1])
    return body


def _sender(field: str, reference: str | None, senders: Sequence[Sender]) -> int | None:
    """The ID of the sender with this ID or address."""
    if reference is None:
        return None
    wanted = reference.strip().casefold()
    for each in senders:
        if wanted in {each.id, (each.email or "").casefold(), (each.address or "").casefold()} and each.id.isdecimal():
            return int(each.id)
    known = ", ".join(f"{each.id} {quoted(each.address or each.email or '')}" for each in senders[:10]) or "none"
    raise InvalidArgument(field, f"the workspace has no sender {quoted(reference)}. Senders: {known}")


def _channel_faults(content: Content, fields: dict[str, JsonValue]) -> Iterator[str]:
    channel = CHANNELS.get(content.type or "", content.type)
    if channel == "email" or channel is None:
        return
    names = {"preheader_text": "preheader", "from_id": "sender", "reply_to_id": "reply_to"}
    names |= {} if channel in WITH_SUBJECT else {"subject": "subject"}
    yield from (name for field, name in names.items() if field in fields)
