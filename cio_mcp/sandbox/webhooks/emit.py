"""Event bursts on command: many events at once, of deliveries that no list or metric contains."""

import itertools
from functools import partial
from typing import Any

from cio_mcp.sandbox.http import app_error
from cio_mcp.sandbox.webhooks.endpoints import MAX_QUEUED_EVENTS
from cio_mcp.sandbox.webhooks.payloads import (
    DELIVERY_STEPS,
    OBJECT_TYPES,
    UNPUBLISHED,
    WebhookEvent,
    customer_event,
    delivery_event,
)
from cio_mcp.sandbox.world.deliveries import Delivery, new_delivery_id
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.sandbox.world.workspace import Workspace

CUSTOMER_METRICS = {"subscribed", "unsubscribed"}
STEP_OF_METRIC = {metric: step for step, (metric, _) in reversed(DELIVERY_STEPS.items())}

Message = tuple[Source, Template]


def emit(workspace: Workspace, body: Any) -> int:
    """Report `count` events of an `object_type` and `metric`, cycling through all people, and return the count.

    Raises:
        ApiError: 400 for an unknown event or a count out of range.
    """
    if not isinstance(body, dict):
        raise app_error(400, "expected count, object_type and metric")
    count = body.get("count", 1)
    object_type, metric = str(body.get("object_type", "email")), str(body.get("metric", "delivered"))
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_QUEUED_EVENTS:
        raise app_error(400, f"count must be an integer from 1 to {MAX_QUEUED_EVENTS}")
    if object_type == "customer" and metric in CUSTOMER_METRICS:
        messages: list[Message] = []
    elif (
        object_type in OBJECT_TYPES.values()
        and metric in STEP_OF_METRIC
        and metric not in UNPUBLISHED.get(object_type, set())
    ):
        messages = _messages(workspace, object_type)
    else:
        raise app_error(400, "unknown object_type and metric")
    pairs = zip(itertools.cycle(list(workspace.people)), itertools.cycle(messages or [None]), strict=False)
    for person, message in itertools.islice(pairs, count):
        workspace.report(partial(_event, workspace, person, message, metric))
    return count


def _messages(workspace: Workspace, object_type: str) -> list[Message]:
    """One message on the channel for each kind of source that has one."""
    by_kind = {
        source.kind: (source, template)
        for source in workspace.sources.values()
        for template in source.templates
        if OBJECT_TYPES.get(template.channel) == object_type
    }
    return list(by_kind.values())


def _event(workspace: Workspace, person: Person, message: Message | None, metric: str, event_id: str) -> WebhookEvent:
    now = workspace.now
    if message is None:
        return customer_event(person, metric, now, event_id)
    source, template = message
    address = f"device-{person.cio_id}" if template.channel == "push" else person.address(template.channel)
    delivery = Delivery(
        new_delivery_id(workspace.webhook_rng), person, source, template, now,
        address or "nobody", {"created": now, STEP_OF_METRIC[metric]: now},
        trigger_id=1 if source.kind == "broadcast" else None,
    )  # fmt: skip
    return delivery_event(delivery, STEP_OF_METRIC[metric], now, event_id)
