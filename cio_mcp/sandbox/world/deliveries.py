"""Deliveries: what becomes of each is settled when it is made, and shows as the clock reaches it."""

import base64
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.templates import SENDER, Kind, Parent, Template, rendered

HOUR = 3600


@dataclass(slots=True, eq=False)
class Delivery:
    """One message to one person; `metrics` holds every time that was or will be (Unix seconds)."""

    id: str
    person: Person
    parent: Parent
    template: Template
    created: int
    recipient: str
    metrics: dict[str, int]
    failure: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    event_id: str | None = None
    trigger_id: int | None = None
    forgotten: bool = False
    overrides: dict[str, Any] = field(default_factory=dict)

    def shown(self, now: float) -> dict[str, int]:
        """What has happened by `now`."""
        return {name: at for name, at in self.metrics.items() if at <= now}

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """What a template may refer to."""
        customer = {**self.person.attributes, "id": self.person.id, "email": self.person.email}
        return {"customer": customer, "data": self.data, "event": self.data}

    @property
    def subject(self) -> str:
        """The subject as it was sent."""
        return rendered(str(self.overrides.get("subject") or self.template.subject), self.values)

    @property
    def sender(self) -> str:
        """The address it was sent from."""
        return str(self.overrides.get("from") or SENDER)

    @property
    def body(self) -> str:
        """The body as it was sent."""
        return rendered(str(self.overrides.get("body") or self.template.body), self.values)


def mint_id(rng: random.Random) -> str:
    """Make a delivery id; like the real ones it may hold `=`, `-` and `_`."""
    return base64.urlsafe_b64encode(rng.randbytes(19)).decode()


def between(rng: random.Random, least: int, most: int) -> int:
    """A whole number from `least` to `most`; three times as fast as `randint`, which the past asks often."""
    return least + int(rng.random() * (most - least + 1))


def fate(rng: random.Random, at: int, channel: str, *, slowest: int = 20) -> dict[str, int]:
    """What becomes of a message that nothing stands against: shares are plausible, times follow one another.

    `slowest` is the most seconds that it takes to be sent, and again to be delivered.
    """
    sent = at + min(between(rng, 1, 3), slowest)
    metrics = {"created": at, "sent": sent}
    luck = rng.random()
    if luck < 0.015:  # noqa: PLR2004 - the share of bounces
        metrics["bounced"] = sent + between(rng, 2, 30)
        return metrics
    delivered = sent + min(between(rng, 1, 20), slowest)
    metrics["delivered"] = delivered
    if channel == "twilio":
        return metrics
    if channel == "push":
        if rng.random() < 0.08:  # noqa: PLR2004 - the share of pushes that are tapped
            metrics["opened"] = metrics["human_opened"] = delivered + 10 + int(rng.expovariate(1 / HOUR))
        return metrics
    _opens(rng, metrics, delivered)
    if luck > 0.999:  # noqa: PLR2004 - the share of complaints
        metrics["spammed"] = delivered + between(rng, 60, HOUR)
    return metrics


def _opens(rng: random.Random, metrics: dict[str, int], delivered: int) -> None:
    opened: list[int] = []
    if rng.random() < 0.34:  # noqa: PLR2004 - the share of mail that people open
        human = delivered + 20 + int(rng.expovariate(1 / (5 * HOUR)))
        metrics["human_opened"] = human
        opened.append(human)
        _clicks(rng, metrics, human)
    if rng.random() < 0.4:  # noqa: PLR2004 - the share of mail that machines open
        metrics["prefetch_opened"] = delivered + between(rng, 2, 240)
        opened.append(metrics["prefetch_opened"])
    if opened:
        metrics["opened"] = min(opened)


def _clicks(rng: random.Random, metrics: dict[str, int], opened: int) -> None:
    luck = rng.random()
    if luck < 0.24:  # noqa: PLR2004 - the share of readers who click
        metrics["human_clicked"] = metrics["clicked"] = opened + between(rng, 5, 600)
        if luck < 0.05:  # noqa: PLR2004 - and of those, some do what they were asked to
            metrics["converted"] = metrics["clicked"] + between(rng, 60, 3 * HOUR)
    elif luck < 0.27:  # noqa: PLR2004 - the share of links that a scanner follows
        metrics["prefetch_clicked"] = metrics["clicked"] = opened + between(rng, 1, 20)
    elif luck > 0.985:  # noqa: PLR2004 - the share of readers who leave
        metrics["unsubscribed"] = opened + between(rng, 20, 900)


class Shelf:
    """Deliveries that are read newest first; sorted when something was put on it since."""

    def __init__(self) -> None:
        self._held: list[Delivery] = []
        self._in_order = True

    def put(self, *deliveries: Delivery) -> None:
        """Put deliveries on."""
        self._held.extend(deliveries)
        self._in_order = False

    def read(self) -> list[Delivery]:
        """All of them, newest first."""
        if not self._in_order:
            self._held.sort(key=lambda delivery: (-delivery.created, delivery.id))
            self._in_order = True
        return self._held


class Ledger:
    """All deliveries; the past of a parent is made up when it is first looked at."""

    def __init__(self, parents: list[Parent], past: Callable[[Parent], list[Delivery]]) -> None:
        self._unwritten = {(parent.kind, parent.id): parent for parent in parents}
        self._past = past
        self._by_id: dict[str, Delivery] = {}
        self._by_parent: dict[tuple[Kind, int], Shelf] = {}
        self._by_person: dict[str, Shelf] = {}
        self._all = Shelf()

    def add(self, delivery: Delivery) -> None:
        """Write down a delivery."""
        self._all.put(delivery)
        self._by_id[delivery.id] = delivery
        self._by_parent.setdefault((delivery.parent.kind, delivery.parent.id), Shelf()).put(delivery)
        self._by_person.setdefault(delivery.person.cio_id, Shelf()).put(delivery)

    def of(self, kind: Kind, number: int) -> list[Delivery]:
        """The deliveries of one parent, newest first."""
        unwritten = self._unwritten.pop((kind, number), None)
        if unwritten is not None:
            for delivery in self._past(unwritten):
                self.add(delivery)
        return self._by_parent.get((kind, number), Shelf()).read()

    def to(self, person: Person) -> list[Delivery]:
        """The deliveries to one person, newest first."""
        self._write_all()
        return self._by_person.get(person.cio_id, Shelf()).read()

    def get(self, delivery_id: str) -> Delivery | None:
        """One delivery."""
        if delivery_id not in self._by_id:
            self._write_all()
        return self._by_id.get(delivery_id)

    def move(self, source: Person, target: Person) -> None:
        """Hand the deliveries of a merged person over."""
        moved = list(self.to(source))
        self._by_person.pop(source.cio_id, None)
        for delivery in moved:
            delivery.person = target
        self._by_person.setdefault(target.cio_id, Shelf()).put(*moved)

    def __iter__(self) -> Iterator[Delivery]:
        self._write_all()
        return iter(self._all.read())

    def _write_all(self) -> None:
        for kind, number in list(self._unwritten):
            self.of(kind, number)
