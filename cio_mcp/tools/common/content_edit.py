"""The plan to edit what a message says: for the tool that edits it, and for its undo."""

from collections.abc import Iterator, Mapping
from functools import partial

import anyio.to_thread
from pydantic import JsonValue

from cio_mcp.customerio.api import contents
from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.contents import CONTENT_KINDS
from cio_mcp.customerio.api.metrics import Metrics
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.errors import CioError, InvalidArgument
from cio_mcp.gate.plan import FROM_NOW_ON, Plan, ValueEdit
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.template_parts import can_unsubscribe, snippets_in
from cio_mcp.tools.common.content_lookup import Message
from cio_mcp.tools.common.template_edit import check_liquid, missing_snippets, warn_of_new_uses
from cio_mcp.workspace import CallContext

Fields = Mapping[str, JsonValue]
"""Fields of a content by Customer.io's names, with their new values."""

NAMES = {
    "subject": "subject",
    "preheader_text": "preheader",
    "body": "body",
    "from_id": "sender",
    "reply_to_id": "reply-to",
}
"""The fields that can be edited, and how sentences and arguments name them."""
TEMPLATES = ("subject", "preheader_text", "body")
"""Those that hold Liquid."""
NUMBERS = ("from_id", "reply_to_id")
REPEATED = (*NAMES, "body_amp")
"""The fields that an overwriting request repeats where they are set."""
ACTIVITY_DAYS = 30
"""Days of which the question counts the messages sent. Chosen."""

SENT_ALREADY = "This newsletter was already sent. The edit doesn't change messages that were sent."
NOT_STARTED = "No one receives it until it is started or sent in Customer.io."
UNCOUNTED = "How many people will receive it isn't visible through the API."
HEADERS_LOST = (
    "It has custom headers. Customer.io documents this edit as overwriting the whole message, and this server doesn't "
    "send headers, so they may be lost."
)


async def plan_edit(ws: CallContext, message: Message, fields: Fields, *, done: str = "Edit") -> Plan:
    """Plan to set fields of a message as it was just read; without calls where all of them are so already.

    Raises:
        InvalidArgument: a template does not parse.
    """
    content = message.content
    before = {name: value_of(content, name) for name in REPEATED}
    changed = {name: value for name, value in fields.items() if (before[name] or "") != (value or "")}
    repeated = {name: value for name, value in before.items() if value not in (None, "")}
    overwriting = CONTENT_KINDS[message.kind].overwriting
    body = {**repeated, **changed} if overwriting else changed
    edits = tuple(ValueEdit(name=name, before=before[name], after=value) for name, value in body.items())
    warnings = await anyio.to_thread.run_sync(partial(_examine, content, changed))
    return Plan(
        risk="send",
        summary=f"{done} {', '.join(NAMES[name] for name in changed or fields)} of {message.label}.",
        notes=(
            f"{message.state[:1].upper()}{message.state[1:]}.",
            *await _reach(ws, message),
            *_other_languages(message),
        ),
        edits=edits if changed else (),
        affected=None if message.reaches else 0,
        effect_title=f"edit 1 message; {FROM_NOW_ON}" if message.reaches else "edit 1 message",
        warnings=(
            *await _sender_warnings(ws, content, changed),
            *warnings,
            *await _snippet_warnings(ws, content, changed),
            *((HEADERS_LOST,) if overwriting and _has_headers(content) else ()),
        ),
        calls=(contents.update(message.ref, body),) if changed else (),
        rests_on={"content": message.digest, "state": message.state},
        next_step="To check the result, call get_content.",
    )


def _other_languages(message: Message) -> Iterator[str]:
    """The languages that the edit leaves as they are."""
    if message.languages:
        yield f"Not edited: the same message in {', '.join(map(quoted, message.languages))}."
    elif CONTENT_KINDS[message.kind].actions:
        yield "The API doesn't list its other languages, if it has any. They aren't edited."


def value_of(content: Content, name: str) -> JsonValue:
    """The value of a field as a request sets it; IDs as numbers."""
    value: JsonValue = getattr(content, name)
    return int(str(value)) if name in NUMBERS and str(value or "").isdecimal() else value


def _has_headers(content: Content) -> bool:
    return content.headers not in (None, "", "[]", "{}", [], {})


async def _reach(ws: CallContext, message: Message) -> tuple[str, ...]:
    """Whom it reaches, as far as that is known."""
    if isinstance(message.source, Newsletter):
        return (SENT_ALREADY,) if message.source.sent_at else (NOT_STARTED,)
    if not message.reaches:
        return (NOT_STARTED,)
    try:
        metric = await Metrics(ws.reader).back(message.kind, message.source.id, "days", ACTIVITY_DAYS)
    except CioError:
        return (UNCOUNTED,)
    sent = metric.totals.get("sent", 0)
    return (f"{UNCOUNTED} {sent:,} of its messages were sent in the last {ACTIVITY_DAYS} days.",)


def _examine(content: Content, changed: Fields) -> tuple[str, ...]:
    """Warnings about the new templates.

    Raises:
        InvalidArgument: one does not parse, and the one before did, or failed otherwise.
    """
    faults: list[str] = []
    warnings: list[str] = []
    for name in TEMPLATES:
        after = changed.get(name)
        if not isinstance(after, str) or not (found := check_liquid(getattr(content, name), after)):
            continue
        if found.new:
            faults.append(f"{NAMES[name]}: its Liquid doesn't parse: {found.fault}")
        else:
            warnings.append(f"The Liquid of the {NAMES[name]} doesn't parse, and didn't before: {found.fault}.")
    if faults:
        field, problem = "; ".join(faults).split(": ", 1)
        raise InvalidArgument(field, problem)
    return (*warnings, *_template_warnings(content, changed))


def _template_warnings(content: Content, changed: Fields) -> Iterator[str]:
    before = [getattr(content, name) or "" for name in TEMPLATES]
    after = [str(changed.get(name, getattr(content, name)) or "") for name in TEMPLATES]
    yield from warn_of_new_uses(before, after)
    if can_unsubscribe(before[-1]) and not can_unsubscribe(after[-1]):
        yield "The edit removes the link to unsubscribe from the body."
    if before[-1] and not after[-1].strip():
        yield "The new body is empty."


async def _snippet_warnings(ws: CallContext, content: Content, changed: Fields) -> tuple[str, ...]:
    """A warning about snippets that the new templates name and the workspace lacks."""
    old = frozenset().union(*(snippets_in(getattr(content, name) or "") for name in TEMPLATES))
    new = frozenset().union(*(snippets_in(str(changed.get(name) or "")) for name in TEMPLATES)) - old
    if not new:
        return ()
    try:
        missing = missing_snippets(new, {each.name for each in await ws.snippets.all()})
    except CioError:
        return ("Whether the snippets that it newly names exist could not be read.",)
    return (missing,) if missing else ()


async def _sender_warnings(ws: CallContext, content: Content, changed: Fields) -> tuple[str, ...]:
    """What becomes of the addresses that recipients see, by the senders of the workspace."""
    if not changed.keys() & {*NUMBERS}:
        return ()
    addresses = {each.id: each.address or each.email or "" for each in await ws.account.senders()}
    old = {"from_id": content.from_, "reply_to_id": content.reply_to}
    verbs = {"from_id": "The sender changes", "reply_to_id": "The address for replies changes"}
    return tuple(
        f"{verbs[name]} from {quoted(old[name] or 'none')} to {quoted(addresses.get(str(changed[name])) or 'none')}."
        for name in NUMBERS
        if name in changed
    )
