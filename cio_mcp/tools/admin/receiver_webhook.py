"""The plan to create or update the reporting webhook that delivers events to this server."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from cio_mcp.customerio.api import webhooks
from cio_mcp.customerio.api.webhooks import Webhook
from cio_mcp.gate.plan import Plan
from cio_mcp.settings import WEBHOOK_PATH
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.urls import without_credentials
from cio_mcp.tools.admin.webhooks import all_edits, hidden_change, webhook_digest

NAME = "cio-mcp"
"""The webhook's name in Customer.io."""
MAX_NAMES = 6
"""Names of events that a question lists."""


def plan_webhook(existing: Iterable[Webhook], url: str) -> Plan:
    """Plan a webhook that reports every event to `url`; one that is ours, or leads there already, is updated."""
    current = _ours(existing, url)
    if current is None:
        return Plan(
            risk="send",
            summary=f"Create the reporting webhook {quoted(NAME)} to {quoted(without_credentials(url))}.",
            notes=(
                f"It reports all {len(webhooks.NAMES)} event types; for opens and clicks, the first only.",
                "It includes addresses and subjects, but not the content of messages.",
            ),
            affected=0,
            warnings=_warnings(url),
            calls=(webhooks.create(NAME, url, webhooks.NAMES),),
            rests_on={"webhook": None},
            once=True,
        )
    events = (*current.events, *(name for name in webhooks.NAMES if name not in current.events))
    target = current.model_copy(update={"endpoint": url, "events": events, "disabled": False})
    return Plan(
        risk="data",
        summary=f"Update the reporting webhook {current.id} {quoted(current.name)}.",
        notes=tuple(_notes(current, target)),
        edits=all_edits(current, target),
        affected=0,
        warnings=(*_warnings(url), *hidden_change(current, target)),
        calls=() if target == current else (webhooks.update(target),),
        rests_on={"webhook": webhook_digest(current)},
    )


def _ours(existing: Iterable[Webhook], url: str) -> Webhook | None:
    """The webhook that leads to the same place; else the one of our name."""
    all_ = list(existing)
    there = [webhook for webhook in all_ if _place(webhook.endpoint) == _place(url)]
    return next(iter([*there, *(webhook for webhook in all_ if webhook.name == NAME)]), None)


def _place(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        return parts.netloc.rpartition("@")[2].lower(), parts.path
    except ValueError:
        return None


def _notes(then: Webhook, now: Webhook) -> Iterable[str]:
    if more := [name for name in now.events if name not in then.events]:
        yield f"It will also report {join_first(more, MAX_NAMES)}."


def _warnings(url: str) -> tuple[str, ...]:
    path = urlsplit(url).path
    return (
        ()
        if path.endswith(WEBHOOK_PATH)
        else (f"The receiver's path is {WEBHOOK_PATH}, but this URL's path is {quoted(path)}.",)
    )
