"""The state of the simulated workspace, and what its parts do to one another as time passes."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from ulid import ULID

from cio_mcp.sandbox.api.segments import Segment, first_segments
from cio_mcp.sandbox.webhooks.endpoints import first_webhooks
from cio_mcp.sandbox.webhooks.payloads import Report
from cio_mcp.sandbox.world.clock import Agenda, Clock
from cio_mcp.sandbox.world.deliveries import Delivery, Ledger, fate, mint_id
from cio_mcp.sandbox.world.fixtures import add_cast
from cio_mcp.sandbox.world.generate import add_generated
from cio_mcp.sandbox.world.lifecycle import unfold
from cio_mcp.sandbox.world.people import Directory, Person
from cio_mcp.sandbox.world.seed import HARD_BOUNCE, UNSUBSCRIBED, broadcast_trigger_times, origin_of, past_of
from cio_mcp.sandbox.world.templates import Kind, Parent, Template, missing_data, parents

TRACK_DELAY = (0.05, 0.3)
"""Seconds until an accepted Track write shows; chosen so that reading at once shows the old value."""
STARTING_WINDOW = 72 * 3600
"""Events older than this start no campaign (Track API, events)."""
KEPT = 100_000
RESERVED_KEYS = {"from_address": "from", "reply_to": "reply_to"}
"""Event data that overrides what a campaign says; `recipient` redirects it."""

Change = Callable[["Workspace"], None]
"""A change that waits for its time."""


class Workspace:
    """People, segments, content, deliveries and activities; `now` is the moment a change takes effect."""

    def __init__(self, seed: int, people: int, clock: Clock, webhook_url: str = "") -> None:
        self.clock, self.seed = clock, seed
        self.rng = random.Random(f"{seed}:live")
        self.born = int(clock.now())
        self.agenda = Agenda()
        self.webhooks = first_webhooks(webhook_url)
        self.reports = random.Random(f"{seed}:reports")
        self.people = Directory()
        add_cast(self.people, self.born)
        add_generated(self.people, people, self.born, seed)
        self.segments: dict[int, Segment] = first_segments(self.born)
        self.parents: dict[tuple[Kind, int], Parent] = {(made.kind, made.id): made for made in parents(self.born)}
        origins = [origin_of(person) for person in self.people]
        self.ledger = Ledger(list(self.parents.values()), lambda parent: past_of(parent, origins, self.born, seed))
        self.bounced: dict[str, int] = {"eve@example.com": self.born - 7 * 86_400}
        self.activities: list[dict[str, Any]] = []
        self.sends: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.event_ids: set[str] = set()
        self.objects: dict[tuple[str, str], dict[str, Any]] = {("1", "acme"): {"name": "Acme"}}
        times = broadcast_trigger_times(self.born)
        self.triggers: dict[int, dict[str, Any]] = {
            number: {"id": number, "broadcast_id": 10, "created_at": at, "processed_at": at + 4, "errors": []}
            for number, at in enumerate(times, 1)
        }
        self.counts: Counter[str] = Counter()
        self._moment: float | None = None

    @property
    def now(self) -> int:
        """The current Unix time in whole seconds; while something due happens, the time it was due."""
        return int(self.clock.now() if self._moment is None else self._moment)

    def settle(self) -> None:
        """Let everything happen that is due."""
        self.agenda.run_until(self.clock.now())

    def soon(self, change: Change) -> None:
        """Apply an accepted Track write after a short delay; close ones may overtake one another."""
        self.later(self.rng.uniform(*TRACK_DELAY), change)

    def later(self, seconds: float, change: Change) -> None:
        """Apply a change after some seconds."""
        self.at((self.clock.now() if self._moment is None else self._moment) + seconds, change)

    def at(self, when: float, change: Change) -> None:
        """Apply a change once a time has come."""

        def take_effect(when: float) -> None:
            self._moment = when
            try:
                change(self)
            finally:
                self._moment = None

        self.agenda.at(when, take_effect)

    def record(self, kind: str, person: Person | None, data: dict[str, Any], *, name: str = "", at: int = 0) -> None:
        """Write an activity down."""
        moment = at or self.now
        activity = {
            "id": self.ulid(moment),
            "type": kind,
            "timestamp": moment,
            "customer_id": person.id if person else None,
            "customer_identifiers": person.identifiers if person else {"email": None, "id": None, "cio_id": None},
            "data": data,
        }
        self.activities.append({**activity, "name": name} if name else activity)
        del self.activities[:-KEPT]

    def ulid(self, at: int) -> str:
        """Make a ULID of a time, its random part from the seed."""
        return _ulid(at, self.rng)

    @property
    def is_heard(self) -> bool:
        """Whether anything is posted when something happens."""
        return any(not webhook.made_up for webhook in self.webhooks.values())

    def report(self, make: Callable[[str], Report]) -> None:
        """Tell the reporting webhooks; `make` gets the event's id and is not asked when nobody hears."""
        if self.is_heard:
            report = make(_ulid(self.now, self.reports))
            for webhook in self.webhooks.values():
                if webhook.wants(report):
                    webhook.queue(report, self.clock.now())

    def happened(self, person: Person, name: str, data: dict[str, Any], at: int, event_id: str) -> None:
        """An event of a person: written down, and the start of every running campaign that waits for it."""
        self.record("event", person, data, name=name, at=at)
        if self.now - at > STARTING_WINDOW:
            return
        for parent in self.parents.values():
            if parent.kind == "campaign" and parent.state == "running" and parent.event_name == name:
                for template in parent.templates:
                    self.later(template.wait, _step(parent, template, person, data, event_id))

    def deliver(
        self,
        person: Person,
        parent: Parent,
        template: Template,
        recipient: str,
        *,
        data: dict[str, Any],
        to_unsubscribed: bool = False,
        delivery_id: str = "",
    ) -> Delivery:
        """Make a delivery; what stands against it shows in its metrics and failure, never at once."""
        at = self.now
        made = Delivery(
            delivery_id or mint_id(self.rng), person, parent, template, at, recipient,
            fate(self.rng, at, template.channel, slowest=1), data=data,
        )  # fmt: skip
        hindered = self._hindrance(made, to_unsubscribed)
        if hindered:
            metric, made.failure = hindered
            made.metrics = {"created": at, metric: at + 1}
        elif "bounced" in made.metrics:
            made.failure = HARD_BOUNCE
        self.ledger.add(made)
        self.later(0, lambda later: unfold(later, made))
        return made

    def _hindrance(self, made: Delivery, to_unsubscribed: bool) -> tuple[str, str] | None:
        identifiers = {made.person.id, made.person.email, made.recipient}
        if identifiers & self.people.suppressed.keys():
            return "undeliverable", "The person is suppressed."
        if made.person.unsubscribed and not to_unsubscribed:
            return "undeliverable", UNSUBSCRIBED
        if not made.recipient:
            return "undeliverable", "The person has no address on this channel."
        if made.recipient.lower() in self.bounced:
            return "dropped", "The address is suppressed because mail to it bounced."
        if made.parent.kind != "campaign" and (missing := missing_data(made.template, made.data)):
            return "failed", f"The template needs data that was not given: {', '.join(missing)}"
        return None


def _step(parent: Parent, template: Template, person: Person, data: dict[str, Any], event_id: str) -> Change:
    def take(workspace: Workspace) -> None:
        if workspace.people.get("cio_id", person.cio_id) is None:
            return
        address = person.email or ""
        if template.channel == "push":
            address = str(person.devices[0]["id"]) if person.devices else ""
        recipient = str(data.get("recipient") or address)
        made = workspace.deliver(person, parent, template, recipient, data=data)
        made.event_id = event_id
        made.overrides = {name: data[key] for key, name in RESERVED_KEYS.items() if data.get(key)}

    return take


def _ulid(at: int, rng: random.Random) -> str:
    return str(ULID.from_bytes((at * 1000).to_bytes(6) + rng.randbytes(10)))
