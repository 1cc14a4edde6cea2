"""The state of the simulated workspace, and its time: what changes now, soon, or at a given moment."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ulid import ULID

from cio_mcp.sandbox.webhooks.endpoints import initial_webhooks
from cio_mcp.sandbox.webhooks.payloads import WebhookEvent
from cio_mcp.sandbox.world.clock import DAY_SECONDS, Clock, Schedule
from cio_mcp.sandbox.world.content import initial_sources
from cio_mcp.sandbox.world.deliveries import Delivery, DeliveryStore
from cio_mcp.sandbox.world.fixtures import OBJECT_TYPES, OBJECTS, add_fixtures
from cio_mcp.sandbox.world.generate import add_generated
from cio_mcp.sandbox.world.journeys import Journey
from cio_mcp.sandbox.world.library import initial_library
from cio_mcp.sandbox.world.past_journeys import JourneyStore
from cio_mcp.sandbox.world.people import Directory, Person
from cio_mcp.sandbox.world.recipients import recipient_of
from cio_mcp.sandbox.world.records import Records
from cio_mcp.sandbox.world.seed import broadcast_trigger_times, past_deliveries
from cio_mcp.sandbox.world.segments import Segment, initial_segments
from cio_mcp.sandbox.world.sources import Kind, Source
from cio_mcp.sandbox.world.texts import initial_texts

TRACK_DELAY_SECONDS = (0.05, 0.3)
"""Until an accepted Track write shows. Chosen so that an immediate read returns the old value."""
MAX_ACTIVITIES = 100_000

Change = Callable[[], None]
"""A change of the workspace that is applied at its time."""


class Workspace:
    """People, segments, content, deliveries and activities; `now` is the time at which a change is applied."""

    def __init__(self, seed: int, people: int, clock: Clock, webhook_url: str = "") -> None:
        self.clock, self.seed = clock, seed
        self.rng = random.Random(f"{seed}:live")
        self.started_at = int(clock.now())
        self.schedule = Schedule()
        self.webhooks = initial_webhooks(webhook_url)
        self.webhook_rng = random.Random(f"{seed}:reports")
        self.people = Directory()
        add_fixtures(self.people, self.started_at)
        add_generated(self.people, people, self.started_at, seed)
        self.segments: dict[int, Segment] = initial_segments(self.started_at)
        self.library = initial_library(self.started_at)
        self.texts = initial_texts()
        self.sources: dict[tuple[Kind, int], Source] = {
            (source.kind, source.id): source for source in initial_sources(self.started_at)
        }
        recipients = [recipient_of(person) for person in self.people]
        campaigns = [source for source in self.sources.values() if source.kind == "campaign"]
        self.journeys = JourneyStore(campaigns, recipients, self.started_at, seed, self.library)

        def generate(source: Source) -> list[Delivery]:
            if source.kind == "campaign":
                return self.journeys.generate(source)
            return past_deliveries(source, recipients, self.started_at, seed, self.library)

        self.deliveries = DeliveryStore(list(self.sources.values()), generate)
        for delivery in self.journeys.recent_deliveries:
            self.deliveries.add(delivery)
        self.unverified_senders: set[str] = set()
        self.bounced: dict[str, int] = {"eve@example.com": self.started_at - 7 * DAY_SECONDS}
        self.spam_reported: dict[str, int] = {}
        self.activities: list[dict[str, Any]] = []
        self.sends: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.event_ids: set[str] = set()
        self.object_types = dict(OBJECT_TYPES)
        self.objects: dict[tuple[str, str], dict[str, Any]] = {key: dict(value) for key, value in OBJECTS.items()}
        times = broadcast_trigger_times(self.started_at)
        self.triggers: dict[int, dict[str, Any]] = {
            number: {"id": number, "broadcast_id": 10, "created_at": at, "processed_at": at + 4, "errors": []}
            for number, at in enumerate(times, 1)
        }
        self.entered = self._journeys_of_members()
        self.records = Records(seed)
        self.counts: Counter[str] = Counter()
        self.files: dict[str, str] = {}
        self._moment: float | None = None

    def _journeys_of_members(self) -> set[tuple[int, str]]:
        """Campaign ID and `cio_id` of all people who already are in a segment that triggers a running campaign."""
        return {
            (campaign.id, person.cio_id)
            for campaign in self.segment_campaigns()
            for number in campaign.trigger_segments
            for person in self.people
            if self.segments[number].has(person)
        }

    def journeys_of(self, campaign: int) -> list[Journey]:
        """All journeys of a campaign."""
        self.deliveries.of("campaign", campaign)
        return self.journeys.of(campaign)

    def segment_campaigns(self) -> list[Source]:
        """Running campaigns that start when a person joins a segment."""
        return [
            source
            for source in self.sources.values()
            if source.kind == "campaign" and source.state == "running" and source.trigger_segments
        ]

    def stop_campaign(self, number: int, at: int = 0) -> None:
        """Stop a campaign, now or in the past, so that nobody else enters it; people who are in it go on."""
        stopped = replace(self.sources["campaign", number], state="stopped", stopped_at=at or self.now)
        self.sources["campaign", number] = stopped

    @property
    def now(self) -> int:
        """The current Unix time in whole seconds; while a scheduled change is applied, the time it was due."""
        return int(self.exact_now)

    @property
    def exact_now(self) -> float:
        """The current Unix time; while a scheduled change is applied, the time it was due."""
        return self.clock.now() if self._moment is None else self._moment

    def settle(self) -> None:
        """Apply everything that is due."""
        self.schedule.run_until(self.clock.now())

    def apply_soon(self, change: Change) -> None:
        """Apply an accepted Track write after a short delay; close ones may overtake one another."""
        self.apply_after(self.rng.uniform(*TRACK_DELAY_SECONDS), change)

    def apply_after(self, seconds: float, change: Change) -> None:
        """Apply a change after some seconds."""
        self.apply_at(self.exact_now + seconds, change)

    def apply_at(self, when: float, change: Change) -> None:
        """Apply a change at a Unix time."""

        def apply(when: float) -> None:
            self._moment = when
            try:
                change()
            finally:
                self._moment = None

        self.schedule.at(when, apply)

    def record(self, kind: str, person: Person | None, data: dict[str, Any], *, name: str = "", at: int = 0) -> None:
        """Add an activity; its ID holds when it was received, which may be long after `at`."""
        moment = at or self.now
        activity = {
            "id": self.ulid(self.now),
            "type": kind,
            "timestamp": moment,
            "customer_id": person.id if person else None,
            "customer_identifiers": person.identifiers if person else {"email": None, "id": None, "cio_id": None},
            "data": data,
        }
        self.activities.append({**activity, "name": name} if name else activity)
        del self.activities[:-MAX_ACTIVITIES]

    def ulid(self, at: int) -> str:
        """Create a ULID for a time, its random part from the seed."""
        return _ulid(at, self.rng)

    @property
    def has_webhooks(self) -> bool:
        """Whether there is a webhook to post to."""
        return any(not webhook.is_placeholder for webhook in self.webhooks.values())

    def report(self, create_event: Callable[[str], WebhookEvent]) -> None:
        """Queue an event for the reporting webhooks; `create_event` takes the event's ID and is called if needed."""
        if self.has_webhooks:
            event = create_event(_ulid(self.now, self.webhook_rng))
            for webhook in self.webhooks.values():
                if webhook.subscribes_to(event):
                    webhook.enqueue(event, self.clock.now())


def _ulid(at: int, rng: random.Random) -> str:
    return str(ULID.from_bytes((at * 1000).to_bytes(6) + rng.randbytes(10)))
