"""How a delivery's future comes to pass: each of its steps is reported when its time has come."""

from functools import partial
from typing import TYPE_CHECKING

from cio_mcp.sandbox.webhooks.payloads import STEPS, of_person, of_step
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.people import Person

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace


def unfold(workspace: "Workspace", delivery: Delivery) -> None:
    """Put the steps of a delivery on the agenda."""
    for step, at in delivery.metrics.items():
        if step in STEPS:
            workspace.at(at, partial(take_step, delivery=delivery, step=step, at=at))


def take_step(workspace: "Workspace", delivery: Delivery, step: str, at: int) -> None:
    """Report a step of a delivery; who unsubscribes by one is unsubscribed from then on.

    A step that the delivery no longer has at that time, because it came earlier, is passed over.
    """
    if delivery.metrics.get(step) != at:
        return
    workspace.report(lambda event_id: of_step(delivery, step, at, event_id))
    person = delivery.person
    if step == "unsubscribed" and not person.unsubscribed:
        change = {"unsubscribed": {"from": person.attributes.get("unsubscribed"), "to": True}}
        person.attributes["unsubscribed"] = True
        person.timestamps["unsubscribed"] = at
        workspace.record("attribute_change", person, change)
        report_subscription(workspace, person)


def report_subscription(workspace: "Workspace", person: Person) -> None:
    """Report that a person now is, or no longer is, unsubscribed."""
    metric = "unsubscribed" if person.unsubscribed else "subscribed"
    at = workspace.now
    workspace.report(lambda event_id: of_person(person, metric, at, event_id))
