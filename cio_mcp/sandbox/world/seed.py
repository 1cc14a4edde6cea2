"""The past of the workspace: the deliveries of each source before the sandbox started."""

import random
from collections.abc import Iterator, Sequence

from cio_mcp.sandbox.world.clock import DAY_SECONDS, HOUR_SECONDS
from cio_mcp.sandbox.world.deliveries import Delivery, between, new_delivery_id, simulate_metrics
from cio_mcp.sandbox.world.library import Library
from cio_mcp.sandbox.world.recipients import Recipient
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template

BROADCAST_TRIGGERS = 3
BOUNCES = {
    "email": "550 5.1.1 The email account that you tried to reach does not exist",
    "push": "The device token is not registered",
}
"""Why a message bounces, by channel."""
MANY_ORDERS = 4
"""Chosen: people with more orders got an invoice, which failed."""
BOUNCE_OF_OTHERS = "The number does not exist"
UNSUBSCRIBED = "The person is unsubscribed."


Message = tuple[Recipient, Template, int]


def past_deliveries(
    source: Source, people: Sequence[Recipient], now: int, seed: int, library: Library
) -> list[Delivery]:
    """All deliveries of a source before `now`, except a campaign's: the same for the same seed, people and time."""
    rng = random.Random(f"{seed}:{source.kind}:{source.id}")
    deliveries = []
    for person, template, at in PAST_BY_KIND[source.kind](source, people, now, rng):
        if source.created <= at < now:
            delivery = past_delivery(rng, source, person, template, at, now)
            delivery.library = library
            deliveries.append(delivery)
    return deliveries


def broadcast_trigger_times(now: int) -> list[int]:
    """When the broadcast was triggered, oldest first."""
    return [now - weeks * 7 * DAY_SECONDS - 5 * HOUR_SECONDS for weeks in range(4 * BROADCAST_TRIGGERS, 0, -4)]


def past_delivery(
    rng: random.Random, source: Source, person: Recipient, template: Template, at: int, now: int
) -> Delivery:
    """A delivery to a person before `now`."""
    delivery = Delivery(
        new_delivery_id(rng),
        person.person,
        source,
        template,
        at,
        person.address(template.channel),
        simulate_metrics(rng, at, template.channel),
        trigger_id=_trigger_id(source, at, now),
    )
    if source.kind == "transactional":
        delivery.data = {name: f"sample-{between(rng, 100, 999)}" for name in sorted(template.data_variables)}
    elif source.kind == "broadcast":
        delivery.data = {"headline": f"News {delivery.trigger_id}", "text": "What is new."}
    if person.id == "eve" and at > now - 8 * DAY_SECONDS:
        delivery.metrics = {"created": at, "sent": at + 2, "bounced": at + 9}
    elif person.id in {"ada", "eve"}:
        delivery.metrics = _read_metrics(at, template.channel)
    elif source.kind == "campaign" and person.unsubscribed_at is not None and at > person.unsubscribed_at:
        delivery.metrics, delivery.failure = {"created": at, "undeliverable": at + 1}, UNSUBSCRIBED
    if template.failure:
        delivery.metrics, delivery.failure = {"created": at, "failed": at + 1}, template.failure
    if "bounced" in delivery.metrics:
        delivery.failure = bounce_reason(template.channel)
    return delivery


def bounce_reason(channel: str) -> str:
    """Why a message of this channel bounces."""
    return BOUNCES.get(channel, BOUNCE_OF_OTHERS)


def _read_metrics(at: int, channel: str) -> dict[str, int]:
    after = {"created": 0, "sent": 2, "delivered": 5}
    if channel == "email":
        after |= {"opened": 1800, "human_opened": 1800, "clicked": 1860, "human_clicked": 1860}
    return {name: at + seconds for name, seconds in after.items()}


def _trigger_id(source: Source, at: int, now: int) -> int | None:
    if source.kind != "broadcast":
        return None
    return sum(1 for when in broadcast_trigger_times(now) if when <= at)


def orders(person: Recipient, now: int, rng: random.Random) -> list[int]:
    """When a person placed orders."""
    if person.id == "eve":
        return [now - 7 * DAY_SECONDS, now - 60 * DAY_SECONDS, now - 90 * DAY_SECONDS]
    if person.id == "bob":
        return [now - 9 * DAY_SECONDS]
    return [int(rng.uniform(person.created, now)) for _ in range(person.orders)]


def _newsletter(source: Source, people: Sequence[Recipient], now: int, rng: random.Random) -> Iterator[Message]:  # noqa: ARG001 - all kinds are called alike
    yield from _to_subscribers(source, people, source.sent_at, rng)


def _broadcast(source: Source, people: Sequence[Recipient], now: int, rng: random.Random) -> Iterator[Message]:
    for when in broadcast_trigger_times(now):
        yield from _to_subscribers(source, people, when, rng)


def _to_subscribers(source: Source, people: Sequence[Recipient], when: int, rng: random.Random) -> Iterator[Message]:
    for person in people:
        if person.created < when and (person.unsubscribed_at is None or when < person.unsubscribed_at):
            yield person, source.templates[0], when + between(rng, 0, 900)


def _transactional(source: Source, people: Sequence[Recipient], now: int, rng: random.Random) -> Iterator[Message]:
    template = source.templates[0]
    for person in people:
        if template.failure:
            times = (
                [now - between(rng, 1, 20) * DAY_SECONDS] if person.orders > MANY_ORDERS and person.id != "ada" else []
            )
        elif template.channel == "twilio":
            times = [now - 6 * DAY_SECONDS] if person.phone else []
        elif template.channel == "whatsapp":
            times = [now - 150 * DAY_SECONDS] if person.phone else []
        elif template.channel in {"in_app", "inbox"}:
            times = _occasional(person, now, rng) if person.id not in {"ada", "bob", "eve"} else []
        elif template.channel == "push":
            times = [] if not person.device or person.id == "ada" else _occasional(person, now, rng)
        elif source.id == 1:
            times = [now - 4 * DAY_SECONDS] if person.id == "ada" else _occasional(person, now, rng)
        else:
            times = [] if person.id in {"eve", "bob"} else orders(person, now, rng)
        for at in times:
            yield person, template, at


def _occasional(person: Recipient, now: int, rng: random.Random) -> list[int]:
    return [int(rng.uniform(person.created, now))] if rng.random() < 0.3 else []  # noqa: PLR2004 - three in ten


PAST_BY_KIND = {
    "broadcast": _broadcast,
    "newsletter": _newsletter,
    "transactional": _transactional,
}
