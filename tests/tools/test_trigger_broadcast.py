"""Triggering a broadcast: what is sent, what the question says, and whether whom it predicts is whom it reaches."""

import random
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.choice import approval_title
from cio_mcp.gate.plan import Plan, has_drifted
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.fixtures import BETA_TESTERS
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.tools.api.write_api import write_api
from cio_mcp.tools.common import broadcast_reach
from cio_mcp.tools.common.broadcast_audience import AudienceArgument
from cio_mcp.tools.core.trigger_broadcast import trigger_broadcast
from cio_mcp.workspace import CallContext, Workspace
from tests.clients import approve, structured, text
from tests.clock import FunctionClock
from tests.reconcilers import reconciler_of
from tests.tools.test_undo_change import FUNCTIONS, approve_and_apply

pytestmark = pytest.mark.anyio

NEWS: dict[str, JsonValue] = {"headline": "Hello", "text": "What is new."}
TRIGGERS = "/v1/campaigns/10/triggers"


async def trigger(ws: CallContext, *, broadcast: str = "10", audience: Any = None, data: Any = None) -> Plan:
    given = None if audience is None else AudienceArgument.model_validate(audience)
    return await trigger_broadcast(ws, broadcast, given, NEWS if data is None else data)


FUNCTIONS["trigger_broadcast"] = trigger


def reached(sandbox: Sandbox) -> set[str]:
    """The people whom the newest trigger reached, by `cio_id`."""
    sandbox.clock.advance(60)
    sandbox.workspace.settle()
    newest = max(sandbox.workspace.triggers)
    deliveries = sandbox.workspace.deliveries.of("broadcast", 10)
    return {each.person.cio_id for each in deliveries if each.trigger_id == newest and "sent" in each.metrics}


def reach(plan: Plan) -> tuple[int, int, int]:
    """How many people the audience has, how many are expected to be reached, and how many may be."""
    size, least, most = cast("list[int]", plan.rests_on["reach"])
    return size, least, most


def broadcast(sandbox: Sandbox, *templates: Template, **values: Any) -> None:
    """Change the broadcast."""
    sources = sandbox.workspace.sources
    current: Source = sources["broadcast", 10]
    sources["broadcast", 10] = replace(current, templates=templates or current.templates, **values)


def mix(sandbox: Sandbox, seed: int) -> random.Random:
    """Give people every reason not to be reached, and several of them an address of others."""
    rng, there = random.Random(seed), sandbox.workspace
    for person in list(there.people):
        if rng.random() < 0.2:
            person.attributes["unsubscribed"] = rng.choice([True, "true"])
        if rng.random() < 0.15:
            there.people.rename(person, email=rng.choice([None, "shared@example.com"]))
        if rng.random() < 0.1 and person.email:
            there.bounced[person.email.lower()] = there.now
        if rng.random() < 0.1:
            there.people.rename(person, id=None, email=person.email or f"{person.cio_id}@example.com")
        if rng.random() < 0.3:
            person.manual_segments.add(BETA_TESTERS)
    return rng


def audiences(sandbox: Sandbox, rng: random.Random) -> list[dict[str, Any]]:
    """One audience of each documented way whose people can be known, and options in any combination."""
    people = list(sandbox.workspace.people)
    ids = [person.id for person in rng.sample(people, 12) if person.id]
    emails = [person.email for person in rng.sample(people, 12) if person.email]
    missing = rng.random() < 0.5
    options = {
        name: rng.random() < 0.5 for name in ("email_add_duplicates", "email_ignore_missing", "id_ignore_missing")
    }
    vip = {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}
    return [
        {"segment": "Everyone"},
        {"segment": "Beta testers"},
        {"filter": {"or": [vip, {"not": {"segment": {"id": "Subscribers"}}}]}},
        {"ids": [*ids, *(["nobody"] if missing else [])], **options},
        {"emails": [*emails, *(["nobody@example.com"] if missing else [])], **options},
        {"per_user_data": [*({"id": one, "data": {"text": one}} for one in ids)], **options},
        {"per_user_data": [*({"email": one} for one in dict.fromkeys(map(str.lower, emails)))], **options},
    ]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("way", range(7))
async def test_whom_the_plan_expects_to_be_reached_is_whom_the_broadcast_reaches(
    ws: CallContext, sandbox: Sandbox, seed: int, way: int
) -> None:
    audience = audiences(sandbox, mix(sandbox, seed))[way]
    try:
        plan = await trigger(ws, audience=audience)
    except InvalidArgument as refused:
        if "nobody would be reached" not in str(refused):
            await _fails_as_a_whole(sandbox, audience)
        return
    assert not any("can't be known" in line for line in plan.notes)
    size, least, most = reach(plan)
    receipt = await approve_and_apply(ws, "trigger_broadcast", audience=audience)
    assert receipt.status == "done", receipt
    assert len(reached(sandbox)) == least
    assert least <= most <= size
    assert plan.affected == most


async def _fails_as_a_whole(sandbox: Sandbox, audience: dict[str, Any]) -> None:
    """What the plan refused, Customer.io refuses too."""
    async with raw_client(sandbox) as client:
        answer = await client.post(TRIGGERS, json={**audience, "data": NEWS})
    assert answer.status_code == 422, audience
    assert reached(sandbox) == set()


def raw_client(sandbox: Sandbox) -> httpx.AsyncClient:
    headers = {"Authorization": "Bearer sandbox-app-key"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app), base_url="http://sandbox", headers=headers)


@pytest.mark.parametrize("channel", ["push", "twilio"])
async def test_people_without_an_address_on_the_channel_are_counted_as_not_reached(
    ws: CallContext, sandbox: Sandbox, channel: Any
) -> None:
    broadcast(sandbox, Template(1001, channel, "News", "", "{{data.text}}"))
    plan = await trigger(ws, audience={"segment": "1"})
    needed = "device" if channel == "push" else "phone number"
    assert any(line.startswith("Not reached:") and line.endswith(f"without a {needed}.") for line in plan.notes)
    await approve_and_apply(ws, "trigger_broadcast", audience={"segment": "1"})
    assert len(reached(sandbox)) == reach(plan)[1]


async def test_more_people_than_profiles_are_read_are_counted_from_searches(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast_reach, "MAX_PROFILES", 10)
    mix(sandbox, 3)
    plan = await trigger(ws, audience={"segment": "1"})
    assert not [request for request in sandbox.requests if request["path"] == "/v1/customers/attributes"]
    assert plan.examples == ()
    await approve_and_apply(ws, "trigger_broadcast", audience={"segment": "1"})
    assert len(reached(sandbox)) == reach(plan)[1]


async def test_of_too_many_people_only_the_number_is_known(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast_reach, "SEARCH_PAGE", 5)
    monkeypatch.setattr(broadcast_reach, "MAX_SEARCH_PAGES", 2)
    people = len(sandbox.workspace.people)
    plan = await trigger(ws, audience={"segment": "1"})
    assert plan.notes[0] == f"Audience: segment 1 “Everyone”, {people} people."
    assert "how many of them are reached can't be known" in plan.notes[1]
    assert "Only their number is compared again" in plan.notes[2]
    assert (plan.affected, plan.rests_on["reach"]) == (people, [people, None, people])
    exists = {"attribute": {"field": "email", "operator": "exists"}}
    by_filter = await trigger(ws, audience={"filter": exists})
    assert by_filter.notes[0] == "Audience: everyone who matches the filter, more than 10 people."
    assert by_filter.affected is None


@pytest.mark.parametrize("profiles", [300, 0])
@pytest.mark.parametrize("audience", [{"segment": str(BETA_TESTERS)}, {"filter": {"segment": {"id": BETA_TESTERS}}}])
async def test_other_people_in_the_same_number_are_a_drift(
    ws: CallContext, sandbox: Sandbox, audience: dict[str, Any], profiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast_reach, "MAX_PROFILES", profiles)
    members = [person for person in sandbox.workspace.people if BETA_TESTERS in person.manual_segments]
    member, other = members[0], sandbox.workspace.people.get("id", "two-1")
    assert other
    assert BETA_TESTERS not in other.manual_segments
    before = await trigger(ws, audience=audience)
    member.attributes["plan"] = "another"
    assert not has_drifted(before, await trigger(ws, audience=audience))
    member.manual_segments.remove(BETA_TESTERS)
    other.manual_segments.add(BETA_TESTERS)
    after = await trigger(ws, audience=audience)
    assert after.rests_on["reach"] == before.rests_on["reach"]
    assert has_drifted(before, after)


async def test_an_address_that_changes_is_a_drift(ws: CallContext, sandbox: Sandbox) -> None:
    before = await trigger(ws, audience={"segment": str(BETA_TESTERS)})
    member = next(each for each in sandbox.workspace.people if BETA_TESTERS in each.manual_segments)
    member.email = "new@example.com"
    assert has_drifted(before, await trigger(ws, audience={"segment": str(BETA_TESTERS)}))


@pytest.mark.parametrize("audience", [None, {"data_file_url": "https://x.example/f"}])
async def test_the_question_says_that_an_unknown_audience_is_not_compared(ws: CallContext, audience: Any) -> None:
    notes = (await trigger(ws, audience=audience)).notes
    assert "So whether it has changed can't be compared again before it is sent." in notes


async def test_other_channels_of_many_people_are_unknown_not_none(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast_reach, "MAX_PROFILES", 10)
    broadcast(sandbox, Template(1001, "push", "News", "", "{{data.text}}"))
    plan = await trigger(ws, audience={"segment": "1"})
    assert "How many of them have a device can't be known for so many people." in plan.notes
    assert plan.affected == len(sandbox.workspace.people)


async def test_suppressed_addresses_that_cannot_be_read_are_unknown_not_none(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/esp/suppression/bounces", "403", times=9))
    plan = await trigger(ws, audience={"ids": ["eve"]})
    assert "How many addresses the email provider suppresses can't be known." in plan.notes
    assert plan.affected == 1


@pytest.mark.parametrize("audience", [None, {}, {"data_file_url": "https://files.example/people.jsonl?token=secret"}])
async def test_an_audience_that_the_api_does_not_show_is_unknown_and_never_allowed(
    ws: CallContext, audience: Any
) -> None:
    plan = await trigger(ws, audience=audience)
    assert (plan.affected, plan.recipients) == (None, ())
    assert ("can't be known" if audience else "the API doesn't show") in plan.notes[0]
    policy = Policy(classes={"send": Entry(rule="allow")}, recipients=Recipients(domains=frozenset({"example.com"})))
    assert policy.rule_of("trigger_broadcast", plan) == "confirm"
    assert policy.confirmation_of(plan) == "10"
    question = question_about(plan, "1a2b3c4d").text
    assert "an unknown number of people" in question
    assert "secret" not in question


async def test_only_people_of_a_list_are_recipients_to_a_policy(ws: CallContext) -> None:
    policy = Policy(classes={"send": Entry(rule="allow")}, recipients=Recipients(domains=frozenset({"example.com"})))
    listed = await trigger(ws, audience={"emails": ["ada@example.com"]})
    assert listed.recipients == ("ada@example.com",)
    assert policy.rule_of("trigger_broadcast", listed) == "allow"
    vip = {"attribute": {"field": "email", "operator": "eq", "value": "ada@example.com"}}
    assert policy.rule_of("trigger_broadcast", await trigger(ws, audience={"filter": vip})) == "confirm"
    some = await trigger(ws, audience={"emails": ["ada@example.com", "eve@example.com"]})
    assert some.recipients == ("ada@example.com", "eve@example.com")


@pytest.mark.parametrize("audience", [{"ids": []}, {"emails": [], "ids": []}, {"segment": ""}, '{"ids": []}'])
@pytest.mark.sampled(2)
async def test_an_empty_list_never_becomes_the_audience_of_the_broadcast(
    settings: Settings, sandbox: Sandbox, audience: JsonValue
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=approve) as client:
        result = await client.call_tool("trigger_broadcast", {"broadcast": "10", "audience": audience, "data": NEWS})
        assert "so nobody is named" in text(result)
        strict = {"segment": "", "filter": {}, "emails": ["ada@example.com"], "ids": [], "per_user_data": []}
        filled = {"broadcast": "10", "audience": strict | {"data_file_url": ""}, "data": NEWS}
        assert structured(await client.call_tool("trigger_broadcast", filled))["status"] == "done"
    assert len(reached(sandbox)) == 1


async def test_what_is_empty_is_left_out_of_the_request(ws: CallContext) -> None:
    assert (await trigger(ws, data={})).calls[0].body == {}
    assert (await trigger(ws, audience={"segment": "4"}, data={})).calls[0].body == {
        "recipients": {"segment": {"id": 4}}
    }
    listed = await trigger(ws, audience={"per_user_data": [{"id": "ada", "data": {}}]}, data={})
    assert listed.calls[0].body == {"per_user_data": [{"id": "ada"}]}
    options = {"ids": ["ada"], "id_ignore_missing": True, "email_add_duplicates": False}
    assert (await trigger(ws, audience=options, data={})).calls[0].body == {"ids": ["ada"], "id_ignore_missing": True}


@pytest.mark.parametrize(
    ("audience", "named"),
    [
        ({"ids": ["ada", "nobody"]}, ["audience.ids: 1 of 2", "no. 2 “nobody”", "id_ignore_missing=true"]),
        ({"emails": ["x@example.com"]}, ["fail the whole broadcast", "email_ignore_missing=true"]),
        ({"emails": ["two@example.com"]}, ["2 customers share it", "email_add_duplicates=true"]),
        ({"per_user_data": [{"id": "ada"}, {"email": "ada@example.com"}]}, ["no. 2", "listed before"]),
        ({"per_user_data": [{"id": "ada", "email": "a@b.c"}]}, ["per_user_data[0]: expected either id or email"]),
        ({"per_user_data": [{"data": {"a": 1}}]}, ["per_user_data[0]: expected either id or email"]),
        ({"per_user_data": [{"id": "ada", "name": 1}]}, ["per_user_data[0]: unknown key “name”"]),
        ({"per_user_data": [{"id": "ada", "data": [1]}]}, ["per_user_data[0].data: expected an object"]),
        ({"emails": ["ada"]}, ["audience.emails[0]: expected an email address"]),
        ({"ids": ["ada"], "segment": "4"}, ["audience: expected at most one of", "segment and ids are given"]),
        ({"data_file_url": "people.jsonl"}, ["audience.data_file_url: expected an http or https URL"]),
        ({"filter": {"segments": 4}}, ["audience.filter: unknown key"]),
        ({"ids": []}, ["audience: ids is empty, so nobody is named", "omit audience"]),
        ({"emails": [], "filter": {}, "email_ignore_missing": True}, ["audience: filter and emails are empty"]),
        ({"segment": ""}, ["audience: segment is empty"]),
        ({"ids": ["ada"] * 1_001}, ["audience.ids: lists 1,001 customers; at most 1,000"]),
        ({"data_file_url": f"https://x.example/{'y' * 2_000}"}, ["audience.data_file_url: is 2,018 bytes long"]),
        ({"ids": ["nobody"], "id_ignore_missing": True}, ["audience: nobody would be reached", "Skipped"]),
    ],
)
async def test_what_would_fail_or_reach_nobody_is_refused_before_anything_is_sent(
    ws: CallContext, sandbox: Sandbox, audience: dict[str, Any], named: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await trigger(ws, audience=audience)
    assert [each for each in named if each not in str(refused.value)] == []
    assert sandbox.workspace.counts["triggers"] == 0


async def test_an_unknown_broadcast_or_segment_is_answered_with_what_there_is(ws: CallContext) -> None:
    with pytest.raises(NotFound, match=r"broadcast: .*Product news"):
        await trigger(ws, broadcast="Product new")
    with pytest.raises(NotFound, match=r"audience\.segment: .*Subscribers"):
        await trigger(ws, audience={"segment": "Subscriber"})
    with pytest.raises(NotFound, match=r"audience\.filter\.segment"):
        await trigger(ws, audience={"filter": {"segment": {"id": 99}}})


async def test_an_entry_that_is_listed_twice_is_sent_once(ws: CallContext) -> None:
    plan = await trigger(ws, audience={"emails": ["ada@example.com", "ADA@example.com", "ada@example.com"]})
    assert plan.calls[0].body == {"emails": ["ada@example.com"], "data": NEWS}


async def test_the_same_people_by_other_identifiers_and_by_the_other_tool_are_the_same_effect(ws: CallContext) -> None:
    by_id = await trigger(ws, audience={"ids": ["ada", "bob"]})
    by_email = await trigger(ws, audience={"emails": ["bob@example.com", "ada@example.com"]})
    any_write = await write_api(ws, "trigger_broadcast", {"broadcast_id": 10}, {"ids": ["bob", "ada"], "data": NEWS})
    assert by_id.effect == by_email.effect == any_write.effect
    assert by_id.effect != (await trigger(ws, audience={"ids": ["ada"]})).effect


async def test_data_that_a_template_lacks_is_named_for_all_or_with_the_number_of_people(ws: CallContext) -> None:
    assert (await trigger(ws, audience={"ids": ["ada"]})).missing_data == ()
    [for_all] = (await trigger(ws, audience={"ids": ["ada"]}, data={"text": "t"})).missing_data
    assert "messages may not be delivered: “headline”." in for_all
    entries = [{"id": "ada", "data": {"headline": "Hi"}}, {"email": "eve@example.com"}]
    [for_some] = (await trigger(ws, audience={"per_user_data": entries}, data={"text": "t"})).missing_data
    assert for_some == "1 of 2 people have no “headline”, so their messages may not be delivered."
    file = await trigger(ws, audience={"data_file_url": "https://x.example/f"}, data={"text": "t"})
    assert any("unless the file has them: “headline”" in sentence for sentence in file.missing_data)


async def test_the_question_says_first_what_is_missing_and_how_many_are_expected_to_be_reached(
    ws: CallContext, sandbox: Sandbox
) -> None:
    for customer in ("ada", "bob"):
        person = sandbox.workspace.people.get("id", customer)
        assert person
        person.attributes["unsubscribed"] = customer == "ada"
    plan = await trigger(ws, audience={"ids": ["ada", "bob"]}, data={"text": "t"})
    question = question_about(plan, "aaaa0001").text
    assert "lacks variables" in question.split("\n")[1]
    assert "Recipients: 1 person is expected to be reached, 2 people at most.\n" in question
    assert approval_title(plan) == "send, expected to reach 1 of 2 people"
    assert question.endswith("Sent messages can't be undone.")


@pytest.mark.parametrize(
    ("audience", "count"),
    [
        ({"ids": ["ada", "eve"]}, "1 person has"),
        ({"ids": ["ada", "eve"], "email_ignore_missing": True}, None),
        ({"ids": ["ada"]}, None),
        (None, "Some people may have"),
    ],
)
async def test_people_without_an_address_may_fail_a_broadcast_of_emails(
    ws: CallContext, sandbox: Sandbox, audience: Any, count: str | None
) -> None:
    eve = sandbox.workspace.people.get("id", "eve")
    assert eve
    sandbox.workspace.people.rename(eve, email=None)
    notes = [each for each in (await trigger(ws, audience=audience)).warnings if "email_ignore_missing" in each]
    assert [each.partition(" no email address.")[0] for each in notes] == ([count] if count else [])


async def test_the_message_is_shown_as_the_first_person_gets_it_with_their_own_data(ws: CallContext) -> None:
    plan = await trigger(ws, audience={"per_user_data": [{"id": "ada", "data": {"headline": "Hi Ada"}}]})
    assert plan.preview[:2] == ("As “ada” gets it", "Subject: “Hi Ada”")


async def test_the_last_trigger_and_those_that_wait_are_named(ws: CallContext, sandbox: Sandbox) -> None:
    plan = await trigger(ws)
    assert any(line.startswith("Last triggered: ") and "(trigger 3)" in line for line in plan.notes)
    assert any(line.startswith("Messages made since then: ") for line in plan.notes)
    there = sandbox.workspace
    waiting = {"broadcast_id": 10, "created_at": there.now, "processed_at": there.now + 600, "errors": []}
    there.triggers |= {number: {"id": number, **waiting} for number in range(4, 9)}
    assert "5 triggers wait to be processed. Customer.io queues at most 5." in (await trigger(ws)).warnings
    there.triggers.clear()
    assert "It was never triggered before, as far as the API shows." in (await trigger(ws)).notes


async def test_other_messages_with_the_same_snippets_and_segments_are_named(ws: CallContext, sandbox: Sandbox) -> None:
    sources = sandbox.workspace.sources
    campaign = sources["campaign", 4]
    footer = replace(campaign.templates[0], body="{{snippets.footer}}")
    sources["campaign", 4] = replace(campaign, templates=(footer,), trigger_segments=(4,))
    newsletter = sources["newsletter", 31]
    sources["newsletter", 32] = replace(newsletter, id=32, name="Next", sent_at=0, templates=newsletter.templates)
    plan = await trigger(ws, audience={"segment": "4"})
    notes = " ".join(plan.notes)
    assert "Segment 4 is also used by campaign 4 “VIP welcome” (running)" in notes
    assert "newsletter 32 “Next” (not sent; the API doesn't show whether it is scheduled)" in notes
    assert "The snippets “footer” are also used by campaign 4 “VIP welcome” (running)." in notes
    assert "“offers” of the journey, which may come from a collection" in notes


async def test_uses_that_cannot_be_read_are_unknown_not_none(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments/{segment_id}/used_by", "403", times=9))
    plan = await trigger(ws, audience={"segment": "4"})
    assert "What else uses its snippets or segments could not be read." in plan.notes
    sandbox.faults.clear()
    sandbox.faults.append(Fault("GET", "/v1/campaigns/4/actions", "403", times=9))
    plan = await trigger(ws, audience={"segment": "4"})
    assert any("were not checked for its snippets" in line for line in plan.notes)


async def test_the_receipt_says_how_many_are_expected_to_be_reached(ws: CallContext) -> None:
    receipt = await approve_and_apply(ws, "trigger_broadcast", audience={"ids": ["ada", "bob"]})
    assert ", expected to reach 1 of 2 people." in receipt.message
    assert "expected" not in (await trigger(ws)).summary, "its own audience is not visible"


async def test_the_receipt_names_the_trigger_and_an_equal_one_is_a_duplicate(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await approve_and_apply(ws, "trigger_broadcast", audience={"ids": ["ada"]})
    assert (receipt.status, "trigger 4" in receipt.message) == ("done", True)
    assert "kind=broadcast" in str(receipt.next_step)
    again = await approve_and_apply(ws, "trigger_broadcast", audience={"ids": ["ada"]})
    assert again.status == "already_done"
    assert sandbox.workspace.counts["triggers"] == 1
    sandbox.clock.advance(10)
    other = await approve_and_apply(ws, "trigger_broadcast", audience={"ids": ["eve", "ada"]})
    assert any("A similar change" in warning for warning in other.warnings or ())


async def test_a_trigger_whose_answer_is_lost_is_never_sent_again_and_named_once_it_is_seen(
    opened: Workspace, ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("POST", TRIGGERS, "accept_then_drop"))
    receipt = await approve_and_apply(ws, "trigger_broadcast", audience={"ids": ["ada"]})
    assert receipt.status == "unknown"
    assert receipt.change
    there = sandbox.workspace
    there.triggers[4]["errors"] = ["line 1: …"]
    reconciler = reconciler_of(opened, FunctionClock(now=lambda: opened.gate.clock.now() + 6))
    assert await reconciler.round() == 1
    [line] = (await ws.gate.recent(change=receipt.change)).changes
    assert line.state == "sent"
    assert "trigger 4, which has errors, so it may not have been sent" in str(line)
    assert there.counts["triggers"] == 1


async def test_a_refused_trigger_failed_and_sent_nothing(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("POST", TRIGGERS, "status:422"))
    receipt = await approve_and_apply(ws, "trigger_broadcast", audience={"ids": ["ada"]})
    assert receipt.status == "failed"
    assert "(422)" in receipt.message
    assert sandbox.workspace.counts["triggers"] == 0
