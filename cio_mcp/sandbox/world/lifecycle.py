"""The life of a delivery: what starts it, what fails it, and the steps that it completes as time passes."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from functools import partial
from typing import Any

from cio_mcp.sandbox.webhooks.payloads import DELIVERY_STEPS, customer_event, delivery_event, is_reported
from cio_mcp.sandbox.world.deliveries import Delivery, new_delivery_id, simulate_metrics
from cio_mcp.sandbox.world.flows import HAS_DEVICE, Flow, Message, draw_of, next_step
from cio_mcp.sandbox.world.journeys import Journey
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.seed import UNSUBSCRIBED, bounce_reason
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template, missing_variables
from cio_mcp.sandbox.world.workspace import Workspace

MAX_EVENT_AGE_SECONDS = 72 * 3600
"""Events older than this start no campaign (Track API, events)."""
REPORTED_STEPS = {"opened": "human_opened", "clicked": "human_clicked"}
RESERVED_KEYS = {"from_address": "from", "reply_to": "reply_to"}
"""Event data that overrides a campaign's own values; `recipient` redirects it."""


def receive_event(
    workspace: Workspace, person: Person, name: str, data: dict[str, Any], at: int, event_id: str
) -> None:
    """Record a person's event, and start every running campaign that it triggers."""
    workspace.record("event", person, data, name=name, at=at)
    if workspace.now - at > MAX_EVENT_AGE_SECONDS:
        return
    for source in workspace.sources.values():
        if source.kind == "campaign" and source.state == "running" and source.event_name == name:
            start_journey(workspace, source, person, data, event_id)


@contextmanager
def segment_changes(workspace: Workspace, person: Person) -> Iterator[None]:
    """Start the campaigns of the segments that a person joins in the block; a person enters each campaign once."""
    before = {campaign.id for campaign in workspace.segment_campaigns() if _is_targeted(workspace, campaign, person)}
    yield
    start_segment_campaigns(workspace, person, before)


def start_segment_campaigns(workspace: Workspace, person: Person, before: Collection[int] = ()) -> None:
    """Start the campaigns whose segments a person is in, except those in `before`."""
    for campaign in workspace.segment_campaigns():
        entry = (campaign.id, person.cio_id)
        if campaign.id in before or entry in workspace.entered or not _is_targeted(workspace, campaign, person):
            continue
        workspace.entered.add(entry)
        start_journey(workspace, campaign, person, {}, None)


def _is_targeted(workspace: Workspace, campaign: Source, person: Person) -> bool:
    segments = (workspace.segments.get(number) for number in campaign.trigger_segments)
    return any(segment is not None and segment.has(person) for segment in segments)


def start_journey(
    workspace: Workspace, source: Source, person: Person, data: dict[str, Any], event_id: str | None
) -> None:
    """Start a person on the workflow of a campaign."""
    journey = Journey(source, person, workspace.now, data, event_id)
    workspace.journeys.add(journey)
    _proceed(workspace, journey, source.steps)


def resume_journeys(workspace: Workspace) -> None:
    """Schedule the rest of the journeys that began before the sandbox started."""
    for past in workspace.journeys.unfinished:
        workspace.apply_at(past.due, partial(_proceed, workspace, past.journey, past.rest))


def _proceed(workspace: Workspace, journey: Journey, flow: Flow) -> None:
    """Take steps until the person has to wait, or the journey ends."""
    person = journey.person

    def value(name: str) -> Any:
        return bool(person.devices) if name == HAS_DEVICE else person.value(name)

    draw = draw_of(person.cio_id)
    step, rest = next_step(flow, value, draw)
    while step is not None:
        if workspace.people.get("cio_id", person.cio_id) is None or journey.has_reached_goal(workspace.now):
            journey.end("exited", workspace.now)
            return
        if not isinstance(step, Message):
            workspace.apply_at(step.end(workspace.exact_now), partial(_proceed, workspace, journey, rest))
            return
        journey.deliveries.append(_send_message(workspace, journey, step.template))
        step, rest = next_step(rest, value, draw)
    journey.end("finished", workspace.now)


def _send_message(workspace: Workspace, journey: Journey, template: Template) -> Delivery:
    person, data = journey.person, journey.data
    recipient = str(data.get("recipient") or person.address(template.channel))
    delivery = deliver(workspace, create_delivery(workspace, person, journey.source, template, recipient, data=data))
    delivery.event_id = journey.event_id
    delivery.overrides = {name: data[key] for key, name in RESERVED_KEYS.items() if data.get(key)}
    return delivery


def create_delivery(
    workspace: Workspace,
    person: Person,
    source: Source,
    template: Template,
    recipient: str,
    *,
    data: dict[str, Any],
    delivery_id: str = "",
) -> Delivery:
    """Create a delivery that is not sent yet; `dispatch` sends it, `draft` holds it."""
    now = workspace.now
    delivery = Delivery(
        delivery_id or new_delivery_id(workspace.rng), person, source, template, now, recipient, {"created": now},
        data=data, library=workspace.library,
        edited=dict(workspace.texts.edited((source.kind, source.id, template.id))),
    )  # fmt: skip
    workspace.deliveries.add(delivery)
    return delivery


def dispatch(workspace: Workspace, delivery: Delivery, *, send_to_unsubscribed: bool) -> None:
    """Send a delivery, or fail it; both show in its metrics as time passes."""
    at = workspace.now
    metrics = simulate_metrics(workspace.rng, at, delivery.template.channel, slowest=1)
    failure = _failure(workspace, delivery, send_to_unsubscribed=send_to_unsubscribed)
    if failure:
        metric, delivery.failure = failure
        metrics = {metric: at + 1}
    elif "bounced" in metrics:
        delivery.failure = bounce_reason(delivery.template.channel)
    delivery.metrics = {**metrics, "created": delivery.created}
    workspace.apply_after(0, partial(schedule_steps, workspace, delivery))


def deliver(workspace: Workspace, delivery: Delivery) -> Delivery:
    """Send a delivery, unless its person is unsubscribed."""
    dispatch(workspace, delivery, send_to_unsubscribed=False)
    return delivery


def draft(workspace: Workspace, delivery: Delivery) -> None:
    """Hold a delivery as a draft, for a person to send."""
    delivery.metrics = {"created": delivery.created, "drafted": workspace.now}
    workspace.apply_after(0, partial(schedule_steps, workspace, delivery))


def _failure(workspace: Workspace, delivery: Delivery, *, send_to_unsubscribed: bool) -> tuple[str, str] | None:
    """The metric and message of what keeps a delivery from being sent, None when nothing does."""
    person, template = delivery.person, delivery.template
    if {person.id, person.email, delivery.recipient} & workspace.people.suppressed.keys():
        return "undeliverable", "The person is suppressed."
    if person.unsubscribed and not send_to_unsubscribed:
        return "undeliverable", UNSUBSCRIBED
    if not delivery.recipient:
        return "undeliverable", "The person has no address on this channel."
    for suppressed, reason in ((workspace.bounced, "bounced"), (workspace.spam_reported, "was reported as spam")):
        if delivery.recipient.lower() in suppressed:
            return "dropped", f"The address is suppressed because mail to it {reason}."
    missing = [] if delivery.source.kind == "campaign" else missing_variables(delivery.text, delivery.data)
    if template.channel == "email" and parseaddr(delivery.sender)[1] in workspace.unverified_senders:
        return "failed", f"The sender {parseaddr(delivery.sender)[1]} is not verified."
    failure = template.failure or f"The template needs data that was not given: {', '.join(missing)}"
    return ("failed", failure) if template.failure or missing else None


def schedule_steps(workspace: Workspace, delivery: Delivery) -> None:
    """Schedule the steps of a delivery."""
    for step, at in delivery.metrics.items():
        if step in DELIVERY_STEPS:
            workspace.apply_at(at, partial(complete_step, workspace, delivery, step, at))


def complete_step(workspace: Workspace, delivery: Delivery, step: str, at: int) -> None:
    """Report a step of a delivery; the step `unsubscribed` also unsubscribes the person.

    A step that the delivery no longer has at that time, because it happened earlier, is skipped.
    """
    if delivery.metrics.get(step) != at or not is_reported(delivery.template.channel, step):
        return
    workspace.report(lambda event_id: delivery_event(delivery, step, at, event_id))
    person = delivery.person
    if step == "unsubscribed" and not person.unsubscribed:
        change = {"unsubscribed": {"from": person.attributes.get("unsubscribed"), "to": True}}
        with segment_changes(workspace, person):
            person.attributes["unsubscribed"] = True
            person.timestamps["unsubscribed"] = at
        workspace.record("attribute_change", person, change)
        report_subscription(workspace, person)


def report_metric(workspace: Workspace, delivery_id: str, metric: str) -> None:
    """Apply a metric that was reported through the API; only the first of each kind counts."""
    delivery, step = workspace.deliveries.get(delivery_id), REPORTED_STEPS.get(metric, metric)
    now = workspace.now
    if delivery is not None and step in DELIVERY_STEPS and delivery.metrics.get(step, now + 1) > now:
        delivery.metrics[step] = now
        delivery.metrics[metric] = min(delivery.metrics.get(metric, now), now)
        complete_step(workspace, delivery, step, now)


def report_subscription(workspace: Workspace, person: Person) -> None:
    """Report that a person subscribed or unsubscribed."""
    metric = "unsubscribed" if person.unsubscribed else "subscribed"
    at = workspace.now
    workspace.report(lambda event_id: customer_event(person, metric, at, event_id))
