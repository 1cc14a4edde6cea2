"""The past of the workspace: which deliveries each campaign, newsletter and message made before the sandbox began."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cio_mcp.sandbox.world.deliveries import HOUR, Delivery, between, fate, mint_id
from cio_mcp.sandbox.world.fixtures import DAY
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.templates import Parent, Template

BROADCAST_TRIGGERS = 3
HARD_BOUNCE = "550 5.1.1 The email account that you tried to reach does not exist"
UNSUBSCRIBED = "The person is unsubscribed."


@dataclass(frozen=True, slots=True)
class Origin:
    """A person as they were when the sandbox began; later changes do not rewrite the past."""

    person: Person
    id: str
    email: str
    phone: str
    created: int
    left: int | None
    orders: int
    device: str


Planned = tuple[Origin, Template, int]


def origin_of(person: Person) -> Origin:
    """Take down a person as they are now."""
    told = person.attributes
    left = person.timestamps["unsubscribed"] if person.unsubscribed else None
    return Origin(
        person,
        person.id or "",
        person.email or "",
        told.get("phone", ""),
        person.created,
        left,
        told.get("orders", 0),
        person.devices[0]["id"] if person.devices else "",
    )


def past_of(parent: Parent, people: Sequence[Origin], now: int, seed: int) -> list[Delivery]:
    """All deliveries of a parent up to `now`, the same for the same seed, people and time."""
    rng = random.Random(f"{seed}:{parent.kind}:{parent.id}")
    made = []
    for person, template, at in PLANS[parent.kind](parent, people, now, rng):
        if parent.created <= at < now:
            made.append(_delivery(rng, parent, person, template, at, now))
    return made


def broadcast_trigger_times(now: int) -> list[int]:
    """When the broadcast was triggered, oldest first."""
    return [now - weeks * 7 * DAY - 5 * HOUR for weeks in range(4 * BROADCAST_TRIGGERS, 0, -4)]


def _delivery(rng: random.Random, parent: Parent, person: Origin, template: Template, at: int, now: int) -> Delivery:
    recipient = {"email": person.email, "twilio": person.phone, "push": person.device}[template.channel]
    made = Delivery(
        mint_id(rng), person.person, parent, template, at, recipient, fate(rng, at, template.channel),
        trigger_id=_trigger_at(parent, at, now),
    )  # fmt: skip
    if parent.kind == "campaign" and parent.event_name:
        made.data = {"order_id": f"A-{between(rng, 10_000, 99_999)}", "total": round(rng.uniform(9, 190), 2)}
        made.event_id = f"01{rng.randbytes(12).hex().upper()}"
    elif parent.kind == "transactional":
        made.data = {name: f"sample-{between(rng, 100, 999)}" for name in sorted(template.data_variables)}
    elif parent.kind == "broadcast":
        made.data = {"headline": f"News {made.trigger_id}", "text": "What is new."}
    if person.id == "eve" and at > now - 8 * DAY:
        made.metrics = {"created": at, "sent": at + 2, "bounced": at + 9}
    elif person.id in {"ada", "eve"}:
        made.metrics = _well_read(at, template.channel)
    elif parent.kind == "campaign" and person.left is not None and at > person.left:
        made.metrics, made.failure = {"created": at, "undeliverable": at + 1}, UNSUBSCRIBED
    if "bounced" in made.metrics:
        made.failure = HARD_BOUNCE
    return made


def _well_read(at: int, channel: str) -> dict[str, int]:
    after = {"created": 0, "sent": 2, "delivered": 5}
    if channel == "email":
        after |= {"opened": 1800, "human_opened": 1800, "clicked": 1860, "human_clicked": 1860}
    return {name: at + seconds for name, seconds in after.items()}


def _trigger_at(parent: Parent, at: int, now: int) -> int | None:
    if parent.kind != "broadcast":
        return None
    return sum(1 for when in broadcast_trigger_times(now) if when <= at)


def _campaign(parent: Parent, people: Sequence[Origin], now: int, rng: random.Random) -> Iterator[Planned]:
    if parent.stopped_at:
        for person in people:
            if rng.random() < 0.2:  # noqa: PLR2004 - one in five was inactive for long enough
                yield (
                    person,
                    parent.templates[0],
                    int(rng.uniform(max(parent.created, person.created), parent.stopped_at)),
                )
        return
    for person in people:
        for start in [person.created] if parent.event_name == "signed_up" else _orders(person, now, rng):
            for template in parent.templates:
                if template.channel == "email" or person.device:
                    yield person, template, start + template.wait


def _orders(person: Origin, now: int, rng: random.Random) -> list[int]:
    if person.id == "eve":
        return [now - 7 * DAY, now - 60 * DAY, now - 90 * DAY]
    if person.id == "bob":
        return [now - 9 * DAY]
    return [int(rng.uniform(person.created, now)) for _ in range(person.orders)]


def _newsletter(parent: Parent, people: Sequence[Origin], now: int, rng: random.Random) -> Iterator[Planned]:  # noqa: ARG001 - all plans are called alike
    yield from _to_subscribers(parent, people, parent.sent_at, rng)


def _broadcast(parent: Parent, people: Sequence[Origin], now: int, rng: random.Random) -> Iterator[Planned]:
    for when in broadcast_trigger_times(now):
        yield from _to_subscribers(parent, people, when, rng)


def _to_subscribers(parent: Parent, people: Sequence[Origin], when: int, rng: random.Random) -> Iterator[Planned]:
    for person in people:
        if person.created < when and (person.left is None or when < person.left):
            yield person, parent.templates[0], when + between(rng, 0, 900)


def _transactional(parent: Parent, people: Sequence[Origin], now: int, rng: random.Random) -> Iterator[Planned]:
    template = parent.templates[0]
    for person in people:
        if template.channel == "twilio":
            times = [now - 6 * DAY] if person.phone else []
        elif parent.id == 1:
            times = [now - 4 * DAY] if person.id == "ada" else _now_and_then(person, now, rng)
        else:
            times = [] if person.id in {"eve", "bob"} else _orders(person, now, rng)
        for at in times:
            yield person, template, at


def _now_and_then(person: Origin, now: int, rng: random.Random) -> list[int]:
    return [int(rng.uniform(person.created, now))] if rng.random() < 0.3 else []  # noqa: PLR2004 - three in ten


PLANS = {"campaign": _campaign, "broadcast": _broadcast, "newsletter": _newsletter, "transactional": _transactional}
