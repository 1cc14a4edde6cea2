"""The past of campaigns: journeys that ended before the sandbox started, and those that go on."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cio_mcp.sandbox.world.clock import DAY_SECONDS
from cio_mcp.sandbox.world.deliveries import Delivery, between
from cio_mcp.sandbox.world.flows import Flow, Message, draw_of, next_step
from cio_mcp.sandbox.world.journeys import Journey
from cio_mcp.sandbox.world.library import Library
from cio_mcp.sandbox.world.recipients import Recipient
from cio_mcp.sandbox.world.seed import orders, past_delivery
from cio_mcp.sandbox.world.sources import Source

LONGEST_JOURNEY_SECONDS = 20 * DAY_SECONDS
"""Longer than any journey of the campaigns in the sandbox, so that an older one has ended."""

Start = tuple[Recipient, int]


@dataclass(frozen=True, slots=True)
class PastJourney:
    """A journey, and the rest of its workflow, which goes on at `due`; the rest is empty once it has ended."""

    journey: Journey
    rest: Flow = ()
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Starts:
    """When people started a campaign: those who may still be in it, and all others."""

    recent: Sequence[Start]
    older: Sequence[Start]


class JourneyStore:
    """All journeys by campaign; those that ended long before the sandbox started are generated when first read."""

    def __init__(
        self, campaigns: Iterable[Source], people: Sequence[Recipient], now: int, seed: int, library: Library
    ) -> None:
        self._now, self._seed, self._library = now, seed, library
        self._starts = {campaign.id: starts_of(campaign, people, now, seed) for campaign in campaigns}
        self._journeys: dict[int, list[Journey]] = {}
        self.unfinished: list[PastJourney] = []
        for campaign in campaigns:
            recent = self._starts[campaign.id].recent
            past = list(past_journeys(campaign, recent, now, random.Random(f"{seed}:recent:{campaign.id}"), library))
            self._journeys[campaign.id] = [each.journey for each in past]
            self.unfinished += [each for each in past if each.journey.outcome is None]

    @property
    def going_on(self) -> int:
        """How many journeys of before the sandbox started have not ended."""
        return sum(past.journey.outcome is None for past in self.unfinished)

    @property
    def recent_deliveries(self) -> list[Delivery]:
        """The deliveries of the journeys generated so far."""
        return [delivery for each in self._journeys.values() for journey in each for delivery in journey.deliveries]

    def generate(self, campaign: Source) -> list[Delivery]:
        """Generate the journeys that are still missing, and return their deliveries."""
        older = self._starts.pop(campaign.id).older
        rng = random.Random(f"{self._seed}:campaign:{campaign.id}")
        past = [each.journey for each in past_journeys(campaign, older, self._now, rng, self._library)]
        self._journeys[campaign.id] += past
        return [delivery for journey in past for delivery in journey.deliveries]

    def add(self, journey: Journey) -> None:
        """Add a journey."""
        self._journeys.setdefault(journey.source.id, []).append(journey)

    def of(self, campaign: int) -> list[Journey]:
        """The journeys of a campaign, once it has been generated."""
        return self._journeys.get(campaign, [])


def starts_of(source: Source, people: Sequence[Recipient], now: int, seed: int) -> Starts:
    """When people started a campaign before `now`, the same for the same seed, people and time."""
    rng = random.Random(f"{seed}:starts:{source.id}")
    starts = [
        (person, start)
        for person in people
        for start in _starts(source, person, now, rng)
        if source.created <= start < now
    ]
    recent = [start for start in starts if start[1] > now - LONGEST_JOURNEY_SECONDS]
    return Starts(recent, [start for start in starts if start[1] <= now - LONGEST_JOURNEY_SECONDS])


def past_journeys(
    source: Source, starts: Iterable[Start], now: int, rng: random.Random, library: Library
) -> Iterator[PastJourney]:
    """The journeys with these starts, as far as they went before `now`."""
    for person, start in starts:
        journey = Journey(source, person.person, start)
        if source.event_name:
            journey.data = {"order_id": f"A-{between(rng, 10_000, 99_999)}", "total": round(rng.uniform(9, 190), 2)}
            journey.event_id = f"01{rng.randbytes(12).hex().upper()}"
        past = _walk(journey, person, now, rng)
        for delivery in journey.deliveries:
            delivery.data, delivery.event_id, delivery.library = journey.data, journey.event_id, library
        yield past


def _walk(journey: Journey, person: Recipient, now: int, rng: random.Random) -> PastJourney:
    source, at = journey.source, float(journey.started)
    draw = draw_of(person.person.cio_id)
    step, rest = next_step(source.steps, person.value, draw)
    while step is not None:
        if journey.has_reached_goal(at):
            journey.end("exited", int(at))
            return PastJourney(journey)
        if isinstance(step, Message):
            journey.deliveries.append(past_delivery(rng, source, person, step.template, int(at), now))
        elif (at := step.end(at)) >= now:
            return PastJourney(journey, rest, at)
        step, rest = next_step(rest, person.value, draw)
    journey.end("finished", int(at))
    return PastJourney(journey)


def _starts(source: Source, person: Recipient, now: int, rng: random.Random) -> list[int]:
    if source.stopped_at:
        is_one = rng.random() < 0.2  # noqa: PLR2004 - one in five was inactive long enough
        at = int(rng.uniform(max(source.created, person.created), source.stopped_at))
        return [at] if is_one and person.created < source.stopped_at else []
    if source.trigger_segments:
        return [person.created] if person.plan == "vip" else []
    if source.event_name == "trial_started":
        return _trials(person, now, rng)
    return [person.created] if source.event_name == "signed_up" else orders(person, now, rng)


def _trials(person: Recipient, now: int, rng: random.Random) -> list[int]:
    """Half of the people started a trial, within a year after they signed up."""
    if person.id == "two-1":
        return [now - 5 * DAY_SECONDS]
    at = person.created + int(rng.random() * 365 * DAY_SECONDS)
    is_one = rng.random() < 0.5 and person.id != "ada"  # noqa: PLR2004 - one in two
    return [at] if is_one and at < now else []
