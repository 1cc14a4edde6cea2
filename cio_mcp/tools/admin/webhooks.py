"""What the plans about reporting webhooks share: the names of their events, and what a plan changes."""

import hashlib
from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from cio_mcp.customerio.api import webhooks
from cio_mcp.customerio.api.webhooks import Webhook
from cio_mcp.customerio.call import canonical
from cio_mcp.gate.plan import ValueEdit
from cio_mcp.text.urls import only_hidden_differs, summarize_url

ALL = "_*"
"""The ending that stands for all events of a kind, as in `email_*`."""


REPEATED = ("name", "endpoint", "disabled", "full_resolution", "with_content")
"""Fields beside the events that a request has to repeat."""


def event_kinds(events: Iterable[str]) -> list[str]:
    """Events as a person reads them: all of a kind as `email_*`."""
    there, kinds = [*events], list[str]()
    for kind, metrics in webhooks.EVENTS.items():
        names = [f"{kind}_{metric}" for metric in metrics]
        kinds += [f"{kind}{ALL}"] if {*names} <= {*there} else [name for name in names if name in there]
    return [*kinds, *(name for name in there if name not in webhooks.NAMES)]


def all_edits(then: Webhook, now: Webhook) -> tuple[ValueEdit, ...]:
    """What a plan changes, then what its request repeats, because it replaces all; none without a change."""
    edits = tuple(_edits(then, now))
    shown = now.model_copy(update={"endpoint": summarize_url(now.endpoint)})
    values: dict[str, JsonValue] = {name: getattr(shown, name) for name in REPEATED} | {"events": list(now.events)}
    changed = {edit.name for edit in edits}
    same = [ValueEdit(name=name, before=value, after=value) for name, value in values.items() if name not in changed]
    return (*edits, *same) if edits else ()


def _edits(then: Webhook, now: Webhook) -> Iterator[ValueEdit]:
    """What a plan changes; credentials of an endpoint are not shown."""
    if then.endpoint != now.endpoint:
        before, after = summarize_url(then.endpoint), summarize_url(now.endpoint)
        # An edit from a value to itself would be one that nothing changes.
        yield ValueEdit(name="endpoint", before=before, after=f"{after}{HIDDEN_DIFFERS if before == after else ''}")
    if then.events != now.events:
        yield ValueEdit(
            name="events", before=", ".join(event_kinds(then.events)), after=", ".join(event_kinds(now.events))
        )
    for name in ("name", "disabled", "full_resolution", "with_content"):
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            yield ValueEdit(name=name, before=before, after=after)


def hidden_change(then: Webhook, now: Webhook) -> tuple[str, ...]:
    """A warning, where an endpoint stays the same but for what of it is hidden."""
    return (ONLY_HIDDEN,) if only_hidden_differs(then.endpoint, now.endpoint) else ()


HIDDEN_DIFFERS = " (what is hidden differs)"
ONLY_HIDDEN = "Of the endpoint only what is hidden changes: it gets other credentials or query values."


def webhook_digest(webhook: Webhook) -> str:
    """SHA-256 (hex) over all that is known of a webhook: what a plan about it rests on."""
    return hashlib.sha256(canonical(webhook.model_dump(mode="json")).encode()).hexdigest()
