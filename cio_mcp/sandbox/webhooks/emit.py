"""Bursts on order: many events at once, of made-up deliveries that no list or metric shows."""

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.http import app_error
from cio_mcp.sandbox.webhooks.endpoints import LONGEST_LINE
from cio_mcp.sandbox.webhooks.payloads import OBJECT_TYPES, STEPS, Report, of_person, of_step
from cio_mcp.sandbox.world.deliveries import Delivery, mint_id
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.templates import Parent, Template

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace

OF_PEOPLE = {"subscribed", "unsubscribed"}
STEP_OF = {metric: step for step, (metric, _) in reversed(STEPS.items())}
UNPUBLISHED = {"sms": {"opened", "unsubscribed", "spammed", "dropped"}, "push": {"unsubscribed", "spammed"}}
"""Metrics that no event of the channel has in the published specification."""


def emit(workspace: "Workspace", told: Any) -> int:
    """Report `count` events of an `object_type` and `metric`, of all people in turn, and return how many.

    Raises:
        Refused: 400 when there is no such event, or too many are asked for.
    """
    if not isinstance(told, dict):
        raise app_error(400, "expected count, object_type and metric")
    count = told.get("count", 1)
    object_type, metric = str(told.get("object_type", "email")), str(told.get("metric", "delivered"))
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= LONGEST_LINE:
        raise app_error(400, f"count must be an integer from 1 to {LONGEST_LINE}")
    if object_type == "customer" and metric in OF_PEOPLE:
        sources: list[tuple[Parent, Template]] = []
    elif (
        object_type in OBJECT_TYPES.values() and metric in STEP_OF and metric not in UNPUBLISHED.get(object_type, set())
    ):
        sources = _sources(workspace, object_type)
    else:
        raise app_error(400, "there is no such object_type and metric to report")
    people, turns = itertools.cycle(list(workspace.people)), itertools.cycle(sources or [None])
    for person, turn in itertools.islice(zip(people, turns, strict=False), count):
        workspace.report(partial(_made, workspace, person, turn, metric))
    return count


def _sources(workspace: "Workspace", object_type: str) -> list[tuple[Parent, Template]]:
    """One message of each kind of parent that has one on the channel."""
    found = {
        parent.kind: (parent, template)
        for parent in workspace.parents.values()
        for template in parent.templates
        if OBJECT_TYPES[template.channel] == object_type
    }
    return list(found.values())


def _made(
    workspace: "Workspace", person: Person, source: tuple[Parent, Template] | None, metric: str, event_id: str
) -> Report:
    now = workspace.now
    if source is None:
        return of_person(person, metric, now, event_id)
    parent, template = source
    address = {"email": person.email, "twilio": person.attributes.get("phone"), "push": f"device-{person.cio_id}"}
    delivery = Delivery(
        mint_id(workspace.reports), person, parent, template, now, str(address[template.channel] or "nobody"),
        {"created": now, STEP_OF[metric]: now}, trigger_id=1 if parent.kind == "broadcast" else None,
    )  # fmt: skip
    return of_step(delivery, STEP_OF[metric], now, event_id)
