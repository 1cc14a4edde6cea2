"""The tool that creates, changes, and deletes reporting webhooks."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from cio_mcp.customerio.api import webhooks
from cio_mcp.customerio.api.webhooks import Webhook, Webhooks
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import Plan
from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.text.names import hidden_characters
from cio_mcp.text.sanitize import quoted, word
from cio_mcp.text.spelling import closest_word
from cio_mcp.text.urls import without_credentials
from cio_mcp.tools.admin.webhooks import ALL, all_edits, event_kinds, hidden_change, webhook_digest
from cio_mcp.tools.common.arguments import Id, Name, max_bytes
from cio_mcp.workspace import CallContext

Action = Literal["create", "update", "enable", "disable", "delete"]
MAX_URL_BYTES = 2_000
"""The longest URL that common HTTP clients accept everywhere. Chosen: Customer.io's reference states none."""
CONTENT_LEAVES = "It includes the content of messages."
OURS = "Its URL ends like that of this server's receiver: without it, events may no longer arrive here."


async def update_webhook(
    ws: CallContext,
    action: Action,
    webhook: Annotated[Id | None, Field(description="ID or exact name; omit to create one")] = None,
    name: Name | None = None,
    url: Annotated[str | None, max_bytes(MAX_URL_BYTES)] = None,
    events: Annotated[list[Name] | None, Field(description="Such as email_sent, sms_*, or *")] = None,
    full_resolution: Annotated[bool | None, Field(description="Every open and click, not only the first")] = None,
    with_content: Annotated[bool | None, Field(description="Include message content")] = None,
) -> Plan:
    """Create, change (address, events), enable, disable, or delete a reporting webhook. Requires approval."""
    given: dict[str, Any] = {
        "name": name and name.strip(),
        "endpoint": _endpoint(url),
        "events": _events(events),
        "full_resolution": full_resolution,
        "with_content": with_content,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if action == "create":
        return _creation(webhook, changes)
    if webhook is None:
        raise InvalidArgument("webhook", f"is required to {action} one; list_webhooks lists them")
    if action != "update" and changes:
        raise InvalidArgument("action", f"{action} changes nothing else; to set values, call again with update")
    if action == "update" and not changes:
        raise InvalidArgument("action", "update needs at least one value to set")
    current = await Webhooks(ws.reader).find(webhook, field="webhook")
    if action == "delete":
        return _deletion(current)
    if action in ("enable", "disable"):
        changes = {"disabled": action == "disable"}
    return _edit(current, current.model_copy(update=changes), action.capitalize())


def _creation(webhook: str | None, changes: dict[str, Any]) -> Plan:
    if webhook is not None:
        raise InvalidArgument("webhook", "omit it to create one; its name goes into name")
    if missing := [argument for argument, field in REQUIRED.items() if not changes.get(field)]:
        raise InvalidArgument(missing[0], f"create needs {', '.join(missing)}")
    target = Webhook(id="new", **changes)
    where = quoted(without_credentials(target.endpoint))
    return Plan(
        risk="send",
        summary=f"Create the reporting webhook {quoted(target.name)} to {where}.",
        notes=(f"It reports {', '.join(event_kinds(target.events))}.",),
        why="Data about people leave Customer.io to that address.",
        affected=0,
        warnings=tuple(_warnings(target)),
        effect_title="create 1 webhook",
        calls=(webhooks.create_as(target),),
        rests_on={"webhook": None},
        once=True,
        next_step="To verify, call list_webhooks.",
    )


REQUIRED = {"name": "name", "url": "endpoint", "events": "events"}
"""The arguments that a new webhook needs, with their fields."""


def _edit(current: Webhook, target: Webhook, verb: str) -> Plan:
    edits = all_edits(current, target)
    moves = current.endpoint != target.endpoint
    more = moves or not {*target.events} <= {*current.events} or any(_turned_on(current, target))
    enables = current.disabled and not target.disabled
    return Plan(
        risk="send" if more or enables else "data",
        summary=f"{verb} the reporting webhook {word(current.id)} {quoted(current.name)}.",
        notes=(f"It posts to {quoted(without_credentials(target.endpoint))}.", *_event_notes(current, target)),
        edits=edits,
        why="More data about people leave Customer.io." if more or enables else "",
        affected=0,
        warnings=(
            *_warnings(target),
            *hidden_change(current, target),
            *((OURS,) if _is_ours(current) and (moves or target.disabled) else ()),
        ),
        effect_title=f"{verb.lower()} 1 webhook",
        calls=() if target == current else (webhooks.update(target),),
        rests_on={"webhook": webhook_digest(current)},
        next_step="To verify, call list_webhooks.",
    )


def _turned_on(then: Webhook, now: Webhook) -> Iterator[bool]:
    """For each option with which more data leave, whether it is turned on."""
    yield now.with_content and not then.with_content
    yield now.full_resolution and not then.full_resolution


def _deletion(current: Webhook) -> Plan:
    return Plan(
        risk="destroy",
        summary=f"Delete the reporting webhook {word(current.id)} {quoted(current.name)}.",
        notes=(
            f"It posts {', '.join(event_kinds(current.events))} to {quoted(without_credentials(current.endpoint))}.",
        ),
        why="Events that happen without it are not posted later.",
        affected=0,
        warnings=(OURS,) if _is_ours(current) else (),
        effect_title="delete 1 webhook",
        calls=(webhooks.delete(current),),
        rests_on={"webhook": webhook_digest(current)},
        next_step="To verify, call list_webhooks.",
    )


def _endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    url = url.strip()
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url or hidden_characters(url):
        raise InvalidArgument("url", "expected an http or https URL, in ASCII")
    return url


def _events(names: list[str] | None) -> tuple[str, ...] | None:
    """The events that names and endings stand for, in Customer.io's order.

    Raises:
        InvalidArgument: some are no events; the text has all of them, with the closest.
    """
    if names is None:
        return None
    wanted = [name.strip().casefold() for name in names]
    unknown = [name for name in wanted if name not in webhooks.NAMES and not _matches(name)]
    if unknown or not wanted:
        hints = (f"{quoted(name, 40)}{_hint(name)}" for name in unknown[:10])
        raise InvalidArgument("events", f"unknown: {', '.join(hints)}" if unknown else "must not be empty")
    chosen = {name for each in wanted for name in (_matches(each) or [each])}
    return tuple(name for name in webhooks.NAMES if name in chosen)


def _matches(name: str) -> list[str]:
    if name == "*":
        return [*webhooks.NAMES]
    kind = name.removesuffix(ALL)
    return [f"{kind}_{metric}" for metric in webhooks.EVENTS.get(kind, ())] if name.endswith(ALL) else []


def _hint(name: str) -> str:
    close = closest_word(name, [*webhooks.NAMES, *(f"{kind}{ALL}" for kind in webhooks.EVENTS)])
    return f", did you mean {close}?" if close else ""


def _event_notes(then: Webhook, now: Webhook) -> Iterator[str]:
    if more := [name for name in now.events if name not in then.events]:
        yield f"It will also report {', '.join(event_kinds(more))}."
    if fewer := [name for name in then.events if name not in now.events]:
        yield f"It will no longer report {', '.join(event_kinds(fewer))}."


def _warnings(target: Webhook) -> Iterator[str]:
    if target.with_content:
        yield CONTENT_LEAVES
    if target.endpoint.startswith("http:"):
        yield "It posts without encryption."


def _is_ours(webhook: Webhook) -> bool:
    try:
        return urlsplit(webhook.endpoint).path.rstrip("/").endswith(WEBHOOK_PATH)
    except ValueError:
        return False
