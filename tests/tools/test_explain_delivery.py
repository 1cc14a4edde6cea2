"""Why a message did or didn't arrive: a cause seeded in the sandbox for every verdict, and none for what arrived."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from cio_mcp.customerio.api.base import Content, Identifiers, Message
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.people import Person as Profile
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.sandbox import Sandbox, limits
from cio_mcp.sandbox.faults import parse_fault
from cio_mcp.sandbox.world.clock import DAY_SECONDS, HOUR_SECONDS
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.fixtures import add_person
from cio_mcp.sandbox.world.lifecycle import create_delivery, dispatch, draft, receive_event
from cio_mcp.sandbox.world.people import Person
from cio_mcp.sandbox.world.profiles import identify
from cio_mcp.sandbox.world.sources import Kind, Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.text.render import render
from cio_mcp.text.timestamps import from_unix
from cio_mcp.tools.core.explanation.causes import causes_of
from cio_mcp.tools.core.explanation.explain_delivery import DeliveryExplanation, explain_delivery
from cio_mcp.tools.core.explanation.facts import Facts
from cio_mcp.tools.core.explanation.outcomes import state_of
from cio_mcp.tools.core.explanation.reads import MAX_REQUESTS
from cio_mcp.tools.core.explanation.verdicts import MEANINGS, Verdict
from cio_mcp.workspace import CallContext, Workspace
from tests.callers import caller_named
from tests.clock import FunctionClock, with_clock

pytestmark = pytest.mark.anyio

DELIVERED = {"sent": 1, "delivered": 3}


@dataclass(frozen=True)
class Stage:
    """A sandbox in which a test seeds causes; times are seconds before now."""

    sandbox: Sandbox

    @property
    def now(self) -> int:
        return self.sandbox.workspace.now

    def person(self, name: str = "nina", **attributes: Any) -> Person:
        """A new customer of a year, with an address unless `email` says otherwise."""
        email = attributes.pop("email", f"{name}@example.com")
        person = add_person(
            self.sandbox.workspace.people, name, email, self.now - 365 * DAY_SECONDS, {"plan": "free", **attributes}
        )
        if not email:
            self.sandbox.workspace.people.rename(person, email=None)
            person.timestamps.pop("email")
        return person

    def source(self, kind: Kind, number: int, **fields: Any) -> Source:
        """A new source with one email."""
        template = Template(number * 10, "email", "Hello", fields.pop("subject", "Hello"), fields.pop("body", "Hello"))
        created = fields.pop("created", self.now - 90 * DAY_SECONDS)
        source = Source(kind, number, f"Seeded {number}", created, (template,), **fields)
        self.sandbox.workspace.sources[kind, number] = source
        return source

    def event(self, person: Person, name: str, ago: int = HOUR_SECONDS, **data: Any) -> None:
        """An event in the activity log that starts nothing."""
        workspace = self.sandbox.workspace
        workspace.record("event", person, data, name=name, at=self.now - ago)
        workspace.activities[-1]["id"] = workspace.ulid(self.now - ago)

    def message(self, person: Person, source: Source, ago: int = HOUR_SECONDS, **metrics: int) -> Delivery:
        """A message created some time ago; its metrics came so many seconds after that."""
        created = self.now - ago
        delivery = create_delivery(
            self.sandbox.workspace, person, source, source.templates[0], person.email or "", data={}
        )
        delivery.created = created
        delivery.metrics = {"created": created} | {name: created + after for name, after in metrics.items()}
        return delivery

    def unsubscribe(self, person: Person, ago: int) -> None:
        person.attributes["unsubscribed"] = True
        person.timestamps["unsubscribed"] = self.now - ago

    def turn_off(self, person: Person, topic: int, ago: int) -> None:
        person.attributes["cio_subscription_preferences"] = {"topics": {f"topic_{topic}": False}}
        person.timestamps["cio_subscription_preferences"] = self.now - ago

    def pass_time(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)
        self.sandbox.workspace.settle()

    def existing(self, name: str) -> Person:
        person = self.sandbox.workspace.people.get("id", name)
        assert person
        return person

    def known(self, kind: Kind, number: int) -> Source:
        return self.sandbox.workspace.sources[kind, number]


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many requests as a test makes; what it costs is counted, not waited for."""
    monkeypatch.setitem(LANES, "app", replace(LANES["app"], requests=100_000))
    monkeypatch.setattr(limits, "APP", replace(limits.APP, requests=100_000))


@pytest.fixture
def stage(sandbox: Sandbox) -> Stage:
    return Stage(sandbox)


@pytest.fixture
async def ws(opened: Workspace, sandbox: Sandbox) -> CallContext:
    return with_clock(opened, FunctionClock(now=sandbox.clock.now)).acting(caller_named("local:tester"))


Seed = Callable[[Stage], dict[str, Any]]
Case = tuple[Seed, Verdict, tuple[Verdict, ...]]


def _about(person: Person, source: Source | None = None) -> dict[str, Any]:
    about: dict[str, Any] = {"customer": person.id}
    return about | ({"kind": source.kind, "id": str(source.id)} if source else {})


def _no_customer(stage: Stage) -> dict[str, Any]:  # noqa: ARG001 - all seeds are called alike
    return {"customer": "gone@example.com", "kind": "campaign", "id": "1"}


def _delivered(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.event(person, "order_placed", ago=HOUR_SECONDS + 5)
    stage.message(person, source, **DELIVERED)
    stage.unsubscribe(person, ago=60)
    stage.turn_off(person, 2, ago=60)
    stage.sandbox.workspace.bounced[str(person.email)] = stage.now - 60
    return _about(person, source)


def _marked_as_spam(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("newsletter", 31)
    stage.message(person, source, **DELIVERED, spammed=60)
    return _about(person, source)


def _opened_without_a_report(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("newsletter", 31)
    stage.message(person, source, sent=1, prefetch_opened=60)
    return _about(person, source)


def _sent(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("transactional", 1)
    stage.message(person, source, sent=1)
    return _about(person, source)


def _bounced(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("newsletter", 31)
    stage.message(person, source, sent=1, bounced=5)
    stage.sandbox.workspace.bounced[str(person.email)] = stage.now - HOUR_SECONDS + 5
    return _about(person, source)


def _drafted(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("transactional", 1)
    stage.message(person, source, ago=2 * DAY_SECONDS, **DELIVERED)
    draft(stage.sandbox.workspace, stage.message(person, source, ago=0))
    stage.pass_time(HOUR_SECONDS)
    return _about(person, source)


def _latest_drafted(stage: Stage) -> dict[str, Any]:
    return {"customer": _drafted(stage)["customer"]}


def _stopped(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(), stage.known("campaign", 3))


def _newsletter_unsent(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(), stage.source("newsletter", 90))


def _stopped_for_an_outsider(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.unsubscribe(person, ago=DAY_SECONDS)
    return _about(person, stage.known("campaign", 3))


def _stopped_since(stage: Stage) -> dict[str, Any]:
    source = stage.source("campaign", 91, event_name="upgraded", state="stopped")
    person = stage.person()
    stage.message(person, source, ago=20 * DAY_SECONDS, **DELIVERED)
    stage.event(person, "upgraded")
    return _about(person, source)


def _no_event(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.event(person, "order_plced")
    return _about(person, stage.known("campaign", 2))


def _no_event_and_unsubscribed(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.unsubscribe(person, ago=DAY_SECONDS)
    return _about(person, stage.known("campaign", 2))


def _old_event(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    workspace = stage.sandbox.workspace
    receive_event(workspace, person, "order_placed", {"order_id": "A-1"}, stage.now - 5 * DAY_SECONDS, "")
    stage.pass_time(HOUR_SECONDS)
    return _about(person, stage.known("campaign", 2))


def _event_before_the_start(stage: Stage) -> dict[str, Any]:
    source = stage.source("campaign", 92, event_name="upgraded", created=stage.now - DAY_SECONDS)
    person = stage.person()
    stage.event(person, "upgraded", ago=2 * DAY_SECONDS)
    return _about(person, source)


def _broadcast_never_triggered(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(), stage.source("broadcast", 93))


def _no_send(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(), stage.known("transactional", 2))


def _nothing_lately(stage: Stage) -> dict[str, Any]:
    return _about(stage.person())


def _nothing_lately_and_unsubscribed(stage: Stage) -> dict[str, Any]:
    person = stage.person(email="")
    stage.unsubscribe(person, ago=40 * DAY_SECONDS)
    stage.message(person, stage.known("newsletter", 31), ago=50 * DAY_SECONDS, **DELIVERED)
    return _about(person)


def _failed_for_data(stage: Stage) -> dict[str, Any]:
    source = stage.source("campaign", 94, event_name="upgraded", body="You have {{event.plan}} from {{event.day}}.")
    person = stage.person()
    stage.event(person, "upgraded", ago=HOUR_SECONDS + 5, plan="pro")
    delivery = stage.message(person, source, failed=1)
    delivery.failure = "The message could not be rendered"
    return _about(person, source)


def _failed_send(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("transactional", 2)
    dispatch(stage.sandbox.workspace, stage.message(person, source, ago=0), send_to_unsubscribed=True)
    stage.pass_time(60)
    return _about(person, source)


def _failed_trigger(stage: Stage) -> dict[str, Any]:
    trigger = {"id": 99, "broadcast_id": 10, "created_at": stage.now - HOUR_SECONDS, "processed_at": stage.now - 60}
    stage.sandbox.workspace.triggers[99] = trigger | {"errors": ["line 1: no person with this id"]}
    return _about(stage.existing("ada"), stage.known("broadcast", 10))


def _not_in_the_segment(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(), stage.known("campaign", 4))


def _younger_than_the_newsletter(stage: Stage) -> dict[str, Any]:
    source = stage.source("newsletter", 95, sent_at=stage.now - 400 * DAY_SECONDS)
    return _about(stage.person(), source)


def _unsubscribed(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.source("newsletter", 96, sent_at=stage.now - HOUR_SECONDS)
    stage.unsubscribe(person, ago=DAY_SECONDS)
    return _about(person, source)


def _unsubscribed_undeliverable(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.unsubscribe(person, ago=DAY_SECONDS)
    receive_event(stage.sandbox.workspace, person, "order_placed", {"order_id": "A-1", "total": 1}, stage.now, "")
    stage.pass_time(HOUR_SECONDS)
    return _about(person, source)


def _unsubscribed_and_no_address(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(email=""), stage.known("campaign", 2)
    stage.unsubscribe(person, ago=DAY_SECONDS)
    receive_event(stage.sandbox.workspace, person, "order_placed", {"order_id": "A-1", "total": 1}, stage.now, "")
    stage.pass_time(HOUR_SECONDS)
    return _about(person, source)


def _resubscribed(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.message(person, source, ago=2 * DAY_SECONDS, undeliverable=1)
    stage.unsubscribe(person, ago=3 * DAY_SECONDS)
    identify(stage.sandbox.workspace, "nina", {"unsubscribed": False})
    return _about(person, source)


def _unsubscribed_again(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.message(person, source, ago=2 * DAY_SECONDS, undeliverable=1)
    identify(stage.sandbox.workspace, "nina", {"unsubscribed": True})
    person.timestamps["unsubscribed"] = stage.now - 3 * DAY_SECONDS
    return _about(person, source)


def _opted_out_of_the_sender(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(phone="+447700900055"), stage.known("transactional", 3)
    stage.message(person, source, undeliverable=1).recipient = "+447700900055"
    optouts = [{"channel": "sms", "from": "+15005550006"}]
    stage.sandbox.workspace.records.put("/v1/optouts", person.cio_id, {"cio_id": person.cio_id, "optouts": optouts})
    return _about(person, source)


def _topic_off(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.source("newsletter", 97, sent_at=stage.now - HOUR_SECONDS)
    stage.turn_off(person, 2, ago=DAY_SECONDS)
    return _about(person, source)


def _topic_off_and_unsubscribed(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.source("newsletter", 97, sent_at=stage.now - HOUR_SECONDS)
    stage.turn_off(person, 2, ago=DAY_SECONDS)
    stage.unsubscribe(person, ago=DAY_SECONDS)
    return _about(person, source)


def _topic_in_the_reason(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.message(person, source, undeliverable=1).failure = "Not subscribed to the topic of this message"
    return _about(person, source)


def _no_address(stage: Stage) -> dict[str, Any]:
    source = stage.source("newsletter", 98, sent_at=stage.now - HOUR_SECONDS)
    return _about(stage.person(email=""), source)


def _no_device(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("transactional", 4)
    delivery = stage.message(person, source, ago=0)
    delivery.recipient, delivery.data = "", {"order_id": "A-1"}
    dispatch(stage.sandbox.workspace, delivery, send_to_unsubscribed=True)
    stage.pass_time(60)
    return _about(person, source)


def _suppressed(stage: Stage) -> dict[str, Any]:
    person, source = stage.existing("eve"), stage.known("campaign", 2)
    receive_event(stage.sandbox.workspace, person, "order_placed", {"order_id": "A-1", "total": 1}, stage.now, "")
    stage.pass_time(HOUR_SECONDS)
    return _about(person, source)


def _suppressed_for_spam(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.sandbox.workspace.spam_reported[str(person.email)] = stage.now - DAY_SECONDS
    receive_event(stage.sandbox.workspace, person, "order_placed", {"order_id": "A-1", "total": 1}, stage.now, "")
    stage.pass_time(HOUR_SECONDS)
    return _about(person, source)


def _suppressed_by_reason(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("transactional", 1)
    stage.message(person, source, undeliverable=1).failure = "The person is suppressed."
    stage.unsubscribe(person, ago=DAY_SECONDS)
    return _about(person, source)


def _suppressed_at_another_address(stage: Stage) -> dict[str, Any]:
    """The event redirected the message, to an address that was suppressed, but is not the customer's own."""
    person, source = stage.person(), stage.known("campaign", 2)
    delivery = stage.message(person, source, undeliverable=1)
    delivery.recipient = "Eve <eve@example.com>"
    return _about(person, source)


def _undeliverable(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.message(person, source, undeliverable=1).failure = "Reached the limit of messages"
    stage.unsubscribe(person, ago=60)
    return _about(person, source)


def _scheduled(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("transactional", 1)
    stage.message(person, source)
    return _about(person, source)


def _deferred(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("newsletter", 31)
    stage.message(person, source, attempted=1, deferred=5)
    return _about(person, source)


def _event_just_came(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.event(person, "order_placed", ago=30)
    return _about(person, stage.known("campaign", 2))


def _trigger_in_process(stage: Stage) -> dict[str, Any]:
    trigger = {"id": 99, "broadcast_id": 10, "created_at": stage.now, "processed_at": stage.now + 3600, "errors": []}
    stage.sandbox.workspace.triggers[99] = trigger
    return _about(stage.existing("ada"), stage.known("broadcast", 10))


def _received_before(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("campaign", 2)
    stage.message(person, source, ago=10 * DAY_SECONDS, **DELIVERED)
    stage.event(person, "order_placed")
    return _about(person, source)


def _event_without_a_message(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.event(person, "order_placed")
    return _about(person, stage.known("campaign", 2))


def _broadcast_without_a_message(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(), stage.known("broadcast", 10))


def _segment_without_a_message(stage: Stage) -> dict[str, Any]:
    return _about(stage.person(plan="vip"), stage.known("campaign", 4))


def _event_lately_without_a_message(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.event(person, "order_placed")
    return _about(person)


def _in_one_of_two_segments(stage: Stage) -> dict[str, Any]:
    source = stage.source("campaign", 88, trigger_segments=(2, 4))
    return _about(stage.person(), source)


def _topic_turned_off_later(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("newsletter", 31)
    stage.message(person, source, undeliverable=1)
    stage.turn_off(person, 2, ago=60)
    return _about(person, source)


def _suppressed_later(stage: Stage) -> dict[str, Any]:
    person, source = stage.person(), stage.known("newsletter", 31)
    stage.message(person, source, undeliverable=1)
    stage.sandbox.workspace.bounced[str(person.email)] = stage.now - 60
    return _about(person, source)


def _no_send_and_unsubscribed(stage: Stage) -> dict[str, Any]:
    person = stage.person()
    stage.unsubscribe(person, ago=DAY_SECONDS)
    return _about(person, stage.known("transactional", 2))


CASES: tuple[Case, ...] = (
    (_no_customer, "customer_unknown", ()),
    (_delivered, "delivered", ()),
    (_marked_as_spam, "delivered", ()),
    (_opened_without_a_report, "delivered", ()),
    (_sent, "sent_not_confirmed", ()),
    (_bounced, "bounced", ()),
    (_drafted, "drafted", ()),
    (_latest_drafted, "drafted", ()),
    (_stopped, "not_running", ()),
    (_newsletter_unsent, "not_running", ()),
    (_stopped_for_an_outsider, "not_running", ("not_in_audience", "unsubscribed")),
    (_stopped_since, "not_running", ()),
    (_no_event, "never_triggered", ()),
    (_no_event_and_unsubscribed, "never_triggered", ("unsubscribed",)),
    (_old_event, "never_triggered", ()),
    (_event_before_the_start, "never_triggered", ()),
    (_broadcast_never_triggered, "never_triggered", ()),
    (_no_send, "never_triggered", ()),
    (_no_send_and_unsubscribed, "never_triggered", ()),
    (_nothing_lately, "never_triggered", ()),
    (_nothing_lately_and_unsubscribed, "unsubscribed", ("no_address",)),
    (_failed_for_data, "failed", ("missing_data",)),
    (_failed_send, "failed", ()),
    (_failed_trigger, "failed", ()),
    (_not_in_the_segment, "not_in_audience", ()),
    (_younger_than_the_newsletter, "not_in_audience", ()),
    (_unsubscribed, "unsubscribed", ()),
    (_unsubscribed_undeliverable, "unsubscribed", ()),
    (_resubscribed, "unsubscribed", ()),
    (_unsubscribed_again, "undeliverable", ()),
    (_opted_out_of_the_sender, "unsubscribed", ()),
    (_unsubscribed_and_no_address, "unsubscribed", ("no_address",)),
    (_topic_off, "topic_off", ()),
    (_topic_off_and_unsubscribed, "unsubscribed", ("topic_off",)),
    (_topic_in_the_reason, "topic_off", ()),
    (_no_address, "no_address", ()),
    (_no_device, "no_address", ()),
    (_suppressed, "suppressed", ()),
    (_suppressed_for_spam, "suppressed", ()),
    (_suppressed_by_reason, "suppressed", ("unsubscribed",)),
    (_suppressed_at_another_address, "suppressed", ()),
    (_undeliverable, "undeliverable", ()),
    (_topic_turned_off_later, "undeliverable", ()),
    (_suppressed_later, "undeliverable", ()),
    (_scheduled, "scheduled_or_waiting", ()),
    (_deferred, "scheduled_or_waiting", ()),
    (_event_just_came, "scheduled_or_waiting", ()),
    (_trigger_in_process, "scheduled_or_waiting", ()),
    (_received_before, "already_received", ()),
    (_event_without_a_message, "not_visible", ()),
    (_broadcast_without_a_message, "not_visible", ()),
    (_segment_without_a_message, "not_visible", ()),
    (_in_one_of_two_segments, "not_visible", ()),
    (_event_lately_without_a_message, "not_visible", ()),
)


def verdicts(answer: DeliveryExplanation) -> tuple[Verdict, tuple[Verdict, ...]]:
    return answer.verdict, tuple(cause.verdict for cause in answer.also or ())


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("seed", "verdict", "also"), CASES, ids=lambda part: getattr(part, "__name__", None))
async def test_a_seeded_cause_is_the_verdict(
    seed: Seed, verdict: Verdict, also: tuple[Verdict, ...], ws: CallContext, stage: Stage
) -> None:
    about = seed(stage)
    before = sum(stage.sandbox.routes.values())
    answer = await explain_delivery(ws, **about)
    assert verdicts(answer) == (verdict, also), render(answer, mask=False).text
    assert sum(stage.sandbox.routes.values()) - before <= MAX_REQUESTS
    assert answer.next_step == MEANINGS[verdict].next_step
    assert answer.now == ws.now
    assert not [each for each in answer.not_visible or () if "could not be read" in each]


def test_a_cause_is_seeded_for_every_verdict() -> None:
    seeded = {verdict for _, verdict, _ in CASES} | {verdict for *_, also in CASES for verdict in also}
    assert seeded == set(get_args(Verdict)) == MEANINGS.keys()


def test_the_page_about_verdicts_describes_each_in_their_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    assert [(name.strip(" `"), means.strip()) for name, means in rows] == [
        (verdict, meaning.means) for verdict, meaning in MEANINGS.items()
    ]


async def test_a_delivered_message_has_no_cause(ws: CallContext, stage: Stage) -> None:
    """Of all messages that were delivered, every ninth that is the latest of its source for its customer."""
    latest: dict[tuple[str, Kind, int], Delivery] = {}
    for delivery in stage.sandbox.workspace.deliveries:  # newest first
        latest.setdefault((delivery.person.cio_id, delivery.source.kind, delivery.source.id), delivery)
    arrived = [each for each in latest.values() if "delivered" in each.metrics and "bounced" not in each.metrics]
    sample = [each for each in arrived[::9] if stage.now - each.created < 360 * DAY_SECONDS]
    assert len(sample) > 30
    assert {each.source.kind for each in sample} == {"campaign", "broadcast", "newsletter", "transactional"}
    wrong = {}
    for delivery in sample:
        customer, source = f"cio_{delivery.person.cio_id}", delivery.source
        answer = await explain_delivery(ws, customer, source.kind, str(source.id))
        message = answer.message.id if answer.message else None
        if (verdicts(answer), message) != (("delivered", ()), delivery.id) and not _has_newer_trigger(stage, delivery):
            wrong[delivery.id] = render(answer, mask=False).text
    assert wrong == {}


def _has_newer_trigger(stage: Stage, delivery: Delivery) -> bool:
    """Whether the broadcast was triggered again: then the question is why that created no message."""
    times = [trigger["created_at"] for trigger in stage.sandbox.workspace.triggers.values()]
    return delivery.source.kind == "broadcast" and max(times) > delivery.created


@pytest.mark.parametrize(
    ("metrics", "verdict", "at"),
    [
        ({}, "scheduled_or_waiting", None),
        ({"created": 0}, "scheduled_or_waiting", 0),
        ({"created": 0, "attempted": 5, "sent": 9}, "sent_not_confirmed", 9),
        ({"created": 0, "sent": 5, "delivered": 9, "opened": 20, "clicked": 30}, "delivered", 9),
        ({"created": 0, "sent": 5, "opened": 20, "clicked": 30}, "delivered", 20),
        ({"created": 0, "sent": 5, "delivered": 9, "bounced": 20}, "bounced", 20),
        ({"created": 0, "bounced": 5, "delivered": 9}, "delivered", 9),
        ({"created": 0, "failed": 5, "sent": 9}, "sent_not_confirmed", 9),
        ({"created": 0, "sent": 5, "delivered": 5, "bounced": 5}, "delivered", 5),
        ({"created": 0, "drafted": 5, "sent": 9, "delivered": 10}, "delivered", 10),
        ({"created": 0, "sent": 5, "delivered": 9, "spammed": 20, "unsubscribed": 30}, "delivered", 9),
        ({"created": 0, "suppressed": 5}, "suppressed", 5),
        ({"created": 0, "deferred": 5}, "scheduled_or_waiting", 5),
    ],
)
def test_the_latest_metric_is_what_came_of_a_message(metrics: dict[str, int], verdict: Verdict, at: int | None) -> None:
    start = 1_790_000_000
    message = Message(id="D1", metrics={name: start + after for name, after in metrics.items()})
    assert state_of(message) == (verdict, None if at is None else from_unix(start + at))


def test_an_open_without_a_time_shows_that_a_message_arrived() -> None:
    assert state_of(Message(id="D1", metrics={"sent": 1_790_000_000, "human_opened": 2})) == ("delivered", None)


async def test_a_channel_without_reports_of_delivery_is_named_as_such(ws: CallContext, stage: Stage) -> None:
    person = stage.person()
    source = stage.source("campaign", 89, event_name="upgraded")
    object.__setattr__(source.templates[0], "channel", "in_app")
    stage.message(person, source, sent=1)
    answer = await explain_delivery(ws, **_about(person, source))
    assert answer.because.endswith("; this channel reports no deliveries.")


async def test_the_next_step_about_a_push_is_not_the_spam_folder(ws: CallContext, stage: Stage) -> None:
    person, source = stage.person(), stage.known("transactional", 4)
    stage.message(person, source, **DELIVERED)
    answer = await explain_delivery(ws, **_about(person, source))
    assert "device" in answer.next_step
    assert answer.not_visible is None


async def test_an_earlier_message_that_did_not_arrive_has_its_id(ws: CallContext, stage: Stage) -> None:
    person, source = stage.person(), stage.known("newsletter", 31)
    lost = stage.message(person, source, ago=2 * HOUR_SECONDS, sent=1, bounced=2)
    stage.message(person, source, ago=3 * HOUR_SECONDS, **DELIVERED)
    stage.message(person, source, **DELIVERED)
    answer = await explain_delivery(ws, **_about(person, source))
    [earlier] = [line.fact for line in answer.evidence if line.fact.startswith("Earlier messages: ")]
    assert f"bounced (id {lost.id}); " in earlier or f"bounced (id “{lost.id}”); " in earlier
    assert earlier.endswith(" delivered.")


async def test_the_other_messages_of_a_journey_that_were_not_created_are_named(ws: CallContext, stage: Stage) -> None:
    person = stage.person()
    person.devices.append({"id": "device-nina", "platform": "ios", "last_used": stage.now, "attributes": {}})
    receive_event(stage.sandbox.workspace, person, "order_placed", {"order_id": "A-1", "total": 1}, stage.now, "")
    stage.pass_time(HOUR_SECONDS)
    answer = await explain_delivery(ws, **_about(person, stage.known("campaign", 2)))
    facts = [line.fact for line in answer.evidence]
    assert "Of its other messages, none was created since the event: “How was it?”." in facts
    assert "the position of the customer in delays and branches" in (answer.not_visible or ())
    stage.pass_time(3 * DAY_SECONDS)
    answer = await explain_delivery(ws, **_about(person, stage.known("campaign", 2)))
    assert not [line.fact for line in answer.evidence if line.fact.startswith("Of its other messages")]


async def test_a_message_to_an_unsubscribed_customer_is_evidence_with_the_setting(
    ws: CallContext, stage: Stage
) -> None:
    person, source = stage.person(), stage.known("transactional", 1)
    stage.unsubscribe(person, ago=DAY_SECONDS)
    stage.message(person, source, **DELIVERED)
    answer = await explain_delivery(ws, **_about(person, source))
    facts = [line.fact for line in answer.evidence]
    assert verdicts(answer) == ("delivered", ())
    assert [fact for fact in facts if "is unsubscribed" in fact and "before this message was created" in fact]
    assert "It is also sent to unsubscribed customers, unless a request says otherwise." in facts


async def test_an_unsubscription_after_a_message_is_evidence_and_no_cause(ws: CallContext, stage: Stage) -> None:
    answer = await explain_delivery(ws, **_delivered(stage))
    facts = [line.fact for line in answer.evidence]
    assert [fact for fact in facts if "unsubscribed" in fact and "after this message was created" in fact]
    assert [fact for fact in facts if "suppresses the address" in fact and "after this message was created" in fact]


async def test_the_reason_for_an_old_event_is_a_likely_one_with_both_times(ws: CallContext, stage: Stage) -> None:
    answer = await explain_delivery(ws, **_old_event(stage))
    assert not answer.certain
    assert "72 hours" in answer.because


async def test_a_similar_event_is_named(ws: CallContext, stage: Stage) -> None:
    answer = await explain_delivery(ws, **_no_event(stage))
    assert answer.because.endswith("Similar events came: “order_plced”.")


async def test_what_the_template_requires_and_the_event_lacked_is_named(ws: CallContext, stage: Stage) -> None:
    answer = await explain_delivery(ws, **_failed_for_data(stage))
    assert answer.also
    assert answer.also[0].because == "The template requires event data that is missing: “day”."
    assert answer.message
    assert answer.message.failure == "The message could not be rendered"
    facts = [line.fact for line in answer.evidence]
    assert "The templates require “event.day”, “event.plan”." in facts
    assert "The event had “plan”." in facts


async def test_a_failed_message_found_without_a_name_is_explained_by_its_event(ws: CallContext, stage: Stage) -> None:
    about = _failed_for_data(stage)
    answer = await explain_delivery(ws, about["customer"])
    assert verdicts(answer) == ("failed", ("missing_data",))
    assert answer.source
    assert (answer.source.kind, answer.source.id) == ("campaign", "94")


async def test_a_cause_that_is_not_visible_comes_with_what_the_api_does_not_show(ws: CallContext, stage: Stage) -> None:
    answer = await explain_delivery(ws, **_event_without_a_message(stage))
    assert not answer.certain
    assert answer.not_visible
    assert {"message limits and quiet hours", "whether customers may enter the campaign again"} <= {*answer.not_visible}
    assert "Not visible through the API: message limits and quiet hours; " in render(answer, mask=False).text


async def test_a_deleted_profile_is_evidence_about_an_unknown_customer(ws: CallContext, stage: Stage) -> None:
    person = stage.person()
    stage.sandbox.workspace.record("profile_delete", person, {})
    stage.sandbox.workspace.people.remove(person)
    answer = await explain_delivery(ws, "nina")
    assert answer.verdict == "customer_unknown"
    assert [line.fact for line in answer.evidence if line.fact.startswith("A profile with this identifier was deleted")]
    assert answer.not_visible == ("whether the identifier is suppressed in Customer.io",)


async def test_a_kind_without_an_id_limits_the_latest_message_to_it(ws: CallContext) -> None:
    for kind in ("campaign", "newsletter", "transactional"):
        answer = await explain_delivery(ws, "ada", kind)
        assert answer.source is None or answer.source.kind == kind


async def test_a_misspelled_message_is_an_error_that_names_the_closest(ws: CallContext) -> None:
    with pytest.raises(NotFound, match="id: no campaign is named “Onbording”; did you mean “Onboarding” "):
        await explain_delivery(ws, "ada", "campaign", "Onbording")


async def test_an_id_requires_a_kind(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="kind: is required with id"):
        await explain_delivery(ws, "ada", id="1")


async def test_a_shared_address_is_refused_with_the_customers_who_have_it(ws: CallContext) -> None:
    with pytest.raises(Ambiguous, match="2 customers share it"):
        await explain_delivery(ws, "two@example.com")


async def test_activities_that_cannot_be_read_make_a_missing_send_likely_only(ws: CallContext, stage: Stage) -> None:
    about = _no_send(stage)
    path = f"/v1/customers/{stage.existing('nina').cio_id}/activities"
    for spelling in (path, path.replace("customers/", "customers/cio_")):
        fault = {"method": "GET", "path": spelling, "kind": "status:400", "times": -1}
        stage.sandbox.faults.append(parse_fault(fault))
    answer = await explain_delivery(ws, **about)
    assert (answer.verdict, answer.certain) == ("never_triggered", False)
    assert "activities (could not be read)" in (answer.not_visible or ())


async def test_activities_that_were_not_read_make_a_missing_send_likely_only(ws: CallContext, stage: Stage) -> None:
    about = _no_send(stage)
    for number in range(101):
        stage.event(stage.existing("nina"), f"looked {number}", ago=number)
    answer = await explain_delivery(ws, **about)
    assert (answer.verdict, answer.certain) == ("never_triggered", False)
    assert "drafts and other activities before the latest 100 (not read)" in (answer.not_visible or ())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/customers/{customer_id}/segments", "segments"),
        ("/v1/customers/{customer_id}/subscription_preferences", "subscription preferences"),
        ("/v1/esp/search_suppression/{email_address}", "email provider"),
        ("/v1/campaigns/{campaign_id}/actions", "templates"),
    ],
)
async def test_what_cannot_be_read_is_named_and_never_counts_as_absent(
    path: str, name: str, ws: CallContext, stage: Stage
) -> None:
    about = _segment_without_a_message(stage)
    stage.sandbox.faults.append(parse_fault({"method": "GET", "path": path, "kind": "status:403", "times": -1}))
    answer = await explain_delivery(ws, **about)
    assert answer.verdict == "not_visible"
    assert f"{name} (could not be read)" in (answer.not_visible or ())


@pytest.mark.parametrize(
    ("contents", "has", "verdict"),
    [
        ((("email", "automatic"), ("push", "automatic")), {"email": "nina@example.com"}, "not_visible"),
        ((("email", "automatic"), ("push", "automatic")), {}, "no_address"),
        ((("twilio", "automatic"), ("delay", None)), {"email": "nina@example.com"}, "no_address"),
        ((("webhook", "automatic"), ("email", "automatic")), {}, "not_visible"),
        ((("delay", None),), {}, "not_visible"),
        ((("email", "off"), ("push", "off")), {"email": "nina@example.com"}, "not_running"),
        ((("email", "off"), ("push", "draft")), {"email": "nina@example.com"}, "not_visible"),
    ],
)
def test_only_what_stops_every_message_of_a_campaign_is_a_cause(
    contents: tuple[tuple[str, str | None], ...], has: dict[str, str], verdict: Verdict
) -> None:
    steps = (Content(id=str(place), type=type_, sending_state=state) for place, (type_, state) in enumerate(contents))
    facts = Facts(
        now=from_unix(1_790_000_000),
        person=Profile(identifiers=Identifiers(**has)),
        source=Campaign(id="1", active=True),
        contents=tuple(steps),
    )
    assert [cause.verdict for cause in causes_of(facts)] == [verdict]


async def test_the_search_for_messages_ends_with_those_that_are_shown(ws: CallContext, stage: Stage) -> None:
    person, source = stage.person(), stage.known("newsletter", 31)
    for number in range(250):
        stage.message(person, source, ago=number * HOUR_SECONDS, **DELIVERED)
    await explain_delivery(ws, **_about(person, source))
    await explain_delivery(ws, **_unsubscribed(stage))
    assert stage.sandbox.routes["GET /v1/customers/{customer_id}/messages"] == 2


async def test_a_message_of_last_year_is_found_where_there_is_no_later_one(ws: CallContext, stage: Stage) -> None:
    person = stage.person()
    person.timestamps["cio_id"] = stage.now - 400 * DAY_SECONDS
    newsletter = stage.source("newsletter", 99, sent_at=stage.now - 300 * DAY_SECONDS)
    campaign = stage.source("campaign", 99, event_name="upgraded")
    for source in (newsletter, campaign):
        stage.message(person, source, ago=299 * DAY_SECONDS, **DELIVERED)
        before = sum(stage.sandbox.routes.values())
        answer = await explain_delivery(ws, **_about(person, source))
        assert verdicts(answer) == ("delivered", ())
        assert sum(stage.sandbox.routes.values()) - before <= MAX_REQUESTS


async def test_a_search_that_ends_early_is_admitted_and_stays_within_its_requests(
    ws: CallContext, stage: Stage
) -> None:
    person, other = stage.person(), stage.known("newsletter", 31)
    stage.message(person, stage.known("transactional", 1), ago=100 * DAY_SECONDS, **DELIVERED)
    for number in range(620):
        stage.message(person, other, ago=number * HOUR_SECONDS, **DELIVERED)
    before = sum(stage.sandbox.routes.values())
    answer = await explain_delivery(ws, "nina@example.com", "transactional", "1")
    assert sum(stage.sandbox.routes.values()) - before <= MAX_REQUESTS
    assert (answer.verdict, answer.certain) == ("never_triggered", False)
    assert [each for each in answer.not_visible or () if each.endswith("(too many to search)")]
