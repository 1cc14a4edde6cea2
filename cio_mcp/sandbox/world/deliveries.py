"""Deliveries: the future of each is drawn when it is created, and shows as the clock reaches it."""

import base64
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cio_mcp.sandbox.world.clock import HOUR_SECONDS
from cio_mcp.sandbox.world.library import Library
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.sources import Kind, Source
from cio_mcp.sandbox.world.templates import SENDER, Template, render


@dataclass(slots=True, eq=False)
class Delivery:
    """One message to one person; `metrics` holds all its times, past and future (Unix seconds).

    `edited` are the fields of its template that had been edited when it was created.
    """

    id: str
    person: Person
    source: Source
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
    library: Library = field(default_factory=Library)
    edited: Mapping[str, Any] = field(default_factory=dict)

    def metrics_at(self, now: float) -> dict[str, int]:
        """The metrics whose time has come by `now`."""
        return {name: at for name, at in self.metrics.items() if at <= now}

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """The variables of a template, by scope."""
        customer = {**self.person.attributes, "id": self.person.id, "email": self.person.email}
        return {"customer": customer, "data": self.data, "event": self.data, **self.library.values}

    @property
    def text(self) -> Template:
        """The template as it was edited when the delivery was created."""
        texts = {name: str(self.edited[name]) for name in ("subject", "body") if name in self.edited}
        return replace(self.template, **texts)  # type: ignore[arg-type]

    @property
    def subject(self) -> str:
        """The rendered subject."""
        return render(str(self.overrides.get("subject") or self.text.subject), self.values)

    @property
    def sender(self) -> str:
        """The sender's address."""
        return str(self.overrides.get("from") or self.edited.get("from") or SENDER)

    @property
    def body(self) -> str:
        """The rendered body."""
        return render(str(self.overrides.get("body") or self.text.body), self.values)


def new_delivery_id(rng: random.Random) -> str:
    """Create a delivery ID; like a real one it may contain `=`, `-` and `_`."""
    return base64.urlsafe_b64encode(rng.randbytes(19)).decode()


def between(rng: random.Random, least: int, most: int) -> int:
    """A random integer from `least` to `most`; three times as fast as `randint`, which matters for the past."""
    return least + int(rng.random() * (most - least + 1))


def simulate_metrics(rng: random.Random, at: int, channel: str, *, slowest: int = 20) -> dict[str, int]:
    """Draw the metrics of a message that can be sent: shares are plausible, times follow one another.

    `slowest` is the most seconds until it is sent, and again until it is delivered.
    """
    sent = at + min(between(rng, 1, 3), slowest)
    metrics = {"created": at, "sent": sent}
    if channel in {"in_app", "inbox"}:
        if rng.random() < 0.5:  # noqa: PLR2004 - the share of messages in the app that are seen
            metrics["opened"] = metrics["human_opened"] = sent + 10 + int(rng.expovariate(1 / HOUR_SECONDS))
        return metrics
    luck = rng.random()
    if luck < 0.015:  # noqa: PLR2004 - the share of bounces
        metrics["bounced"] = sent + between(rng, 2, 30)
        return metrics
    delivered = sent + min(between(rng, 1, 20), slowest)
    metrics["delivered"] = delivered
    if channel in {"twilio", "whatsapp"}:
        return metrics
    if channel == "push":
        if rng.random() < 0.08:  # noqa: PLR2004 - the share of pushes that are tapped
            metrics["opened"] = metrics["human_opened"] = delivered + 10 + int(rng.expovariate(1 / HOUR_SECONDS))
        return metrics
    _opens(rng, metrics, delivered)
    if luck > 0.999:  # noqa: PLR2004 - the share of complaints
        metrics["spammed"] = delivered + between(rng, 60, HOUR_SECONDS)
    return metrics


def _opens(rng: random.Random, metrics: dict[str, int], delivered: int) -> None:
    opened: list[int] = []
    if rng.random() < 0.34:  # noqa: PLR2004 - the share of mail that people open
        human = delivered + 20 + int(rng.expovariate(1 / (5 * HOUR_SECONDS)))
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
        if luck < 0.05:  # noqa: PLR2004 - readers who convert after a click
            metrics["converted"] = metrics["clicked"] + between(rng, 60, 3 * HOUR_SECONDS)
    elif luck < 0.27:  # noqa: PLR2004 - the share of links that a scanner follows
        metrics["prefetch_clicked"] = metrics["clicked"] = opened + between(rng, 1, 20)
    elif luck > 0.985:  # noqa: PLR2004 - the share of readers who unsubscribe
        metrics["unsubscribed"] = opened + between(rng, 20, 900)


class NewestFirst:
    """A list of deliveries, newest first; sorted when it is read after an addition."""

    def __init__(self) -> None:
        self._deliveries: list[Delivery] = []
        self._is_sorted = True

    def add(self, *deliveries: Delivery) -> None:
        """Add deliveries."""
        self._deliveries.extend(deliveries)
        self._is_sorted = False

    def read(self) -> list[Delivery]:
        """All deliveries, newest first."""
        if not self._is_sorted:
            self._deliveries.sort(key=lambda delivery: (-delivery.created, delivery.id))
            self._is_sorted = True
        return self._deliveries


class DeliveryStore:
    """All deliveries; the past of a source is generated when it is first read."""

    def __init__(self, sources: list[Source], past: Callable[[Source], list[Delivery]]) -> None:
        self._ungenerated = {(source.kind, source.id): source for source in sources}
        self._past = past
        self._by_id: dict[str, Delivery] = {}
        self._by_source: dict[tuple[Kind, int], NewestFirst] = {}
        self._by_person: dict[str, NewestFirst] = {}
        self._all = NewestFirst()

    def add(self, delivery: Delivery) -> None:
        """Add a delivery."""
        self._all.add(delivery)
        self._by_id[delivery.id] = delivery
        self._by_source.setdefault((delivery.source.kind, delivery.source.id), NewestFirst()).add(delivery)
        self._by_person.setdefault(delivery.person.cio_id, NewestFirst()).add(delivery)

    def of(self, kind: Kind, number: int) -> list[Delivery]:
        """The deliveries of one source, newest first."""
        ungenerated = self._ungenerated.pop((kind, number), None)
        if ungenerated is not None:
            for delivery in self._past(ungenerated):
                self.add(delivery)
        return self._by_source.get((kind, number), NewestFirst()).read()

    def to(self, person: Person) -> list[Delivery]:
        """The deliveries to one person, newest first."""
        self._generate_all()
        return self._by_person.get(person.cio_id, NewestFirst()).read()

    def get(self, delivery_id: str) -> Delivery | None:
        """One delivery, None when there is none with this ID."""
        if delivery_id not in self._by_id:
            self._generate_all()
        return self._by_id.get(delivery_id)

    def reassign(self, secondary: Person, primary: Person) -> None:
        """Assign the deliveries of a merged person to the other."""
        moved = list(self.to(secondary))
        self._by_person.pop(secondary.cio_id, None)
        for delivery in moved:
            delivery.person = primary
        self._by_person.setdefault(primary.cio_id, NewestFirst()).add(*moved)

    def __iter__(self) -> Iterator[Delivery]:
        self._generate_all()
        return iter(self._all.read())

    def _generate_all(self) -> None:
        for kind, number in list(self._ungenerated):
            self.of(kind, number)
