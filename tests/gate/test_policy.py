"""The policy: of two rules the stricter wins, and what is allowed for some is never allowed for others."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import get_args

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call
from cio_mcp.errors import Refused
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, SyncSize, arguments_digest
from cio_mcp.gate.policy import RULES, WHERES, Entry, InForce, Policy, Recipients, Rule, SyncRule
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.risk import RISKS, Risk
from cio_mcp.gate.service import Gate
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests.callers import caller_named, work_of
from tests.carrying_out import approve
from tests.clock import ManualClock

TOOL = "a_tool"
NAMED = Recipients(frozenset({"qa@example.com"}), frozenset({"test.example.com"}), "Beta testers")
ALLOWS = Policy(classes={"data": Entry("allow"), "send": Entry("allow"), "destroy": Entry("allow")}, recipients=NAMED)

entries = st.builds(
    Entry,
    rule=st.none() | st.sampled_from(RULES),
    approval=st.none() | st.sampled_from(WHERES),
)
addresses = st.sampled_from(
    ["qa@example.com", "QA@Example.com", "x@test.example.com", "eve@example.com", "x@a.test.example.com", "cio_1", ""]
)
recipients = st.builds(
    Recipients,
    st.frozensets(st.sampled_from(["qa@example.com", "ops@example.com"])),
    st.frozensets(st.sampled_from(["test.example.com", "example.com"])),
    st.none() | st.just("Beta testers"),
)
policies = st.builds(
    Policy,
    classes=st.dictionaries(st.sampled_from(RISKS), entries),
    tools=st.dictionaries(st.sampled_from([TOOL, "another_tool"]), entries),
    recipients=recipients,
    large_audience=st.integers(1, 50),
)
risks = st.sampled_from(RISKS)
plans = st.builds(
    Plan,
    risk=risks,
    summary=st.just("Do it."),
    affected=st.none() | st.integers(0, 100),
    recipients=st.lists(addresses, max_size=4).map(tuple),
    test_profiles=st.lists(st.sampled_from(["cio_1", "qa@example.com"]), max_size=1).map(tuple),
    repeat=st.booleans(),
)
settings_of = st.builds(
    lambda mask, approval: Settings(mask_pii=mask, approval=approval),
    st.booleans(),
    st.none() | st.sampled_from(WHERES),
)


def test_every_class_of_write_is_known_to_the_policy() -> None:
    assert set(RISKS) == set(get_args(Risk))


def test_without_a_file_a_person_approves_everything() -> None:
    for risk in RISKS:
        assert Policy().rule_of(TOOL, Plan(risk=risk, summary="Do it.", recipients=("qa@example.com",))) == "confirm"


@given(policies, plans)
def test_the_strictest_of_what_the_file_says_wins(policy: Policy, plan: Plan) -> None:
    rules = [one.rule for one in (policy.classes.get(plan.risk), policy.tools.get(TOOL)) if one and one.rule]
    strictness = RULES.index(policy.rule_of(TOOL, plan))
    assert all(strictness >= RULES.index(rule) for rule in rules)
    assert strictness >= RULES.index("confirm") or rules
    assert (policy.rule_of(TOOL, plan) == "hide") == ("hide" in rules)


@given(policies, risks, settings_of, st.booleans())
def test_the_strictest_place_to_ask_wins_over_file_and_environment(
    policy: Policy, risk: Risk, settings: Settings, may_be_asked: bool
) -> None:
    modes = [one.approval for one in (policy.classes.get(risk), policy.tools.get(TOOL)) if one and one.approval]
    environment = settings.approval or ("ask" if may_be_asked else "outside")
    outside = "outside" in [*modes, environment] or settings.mask_pii
    plan = Plan(risk=risk, summary="Do it.")
    assert policy.asks_here(TOOL, plan, settings, may_be_asked=may_be_asked) is not outside


@given(policies, plans)
def test_nothing_is_allowed_beyond_what_the_file_names(policy: Policy, plan: Plan) -> None:
    if policy.rule_of(TOOL, plan) != "allow":
        return
    assert plan.affected is not None
    assert plan.affected <= policy.large_audience
    assert not plan.repeat
    if plan.risk == "destroy":
        destroy = policy.classes["destroy"].rule
        assert destroy is not None
        assert destroy == "allow"
    if plan.risk == "send" or (plan.risk == "destroy" and plan.affected):
        assert len(plan.recipients) >= max(1, plan.affected)
        for one in plan.recipients:
            whole, domain = one.lower(), one.lower().rpartition("@")[2]
            by_segment = policy.recipients.segment is not None and one in plan.test_profiles
            by_domain = "@" in one and domain in policy.recipients.domains
            assert whole in policy.recipients.addresses or by_domain or by_segment


@pytest.mark.parametrize(
    "recipient",
    ["qa@example.com", "QA@EXAMPLE.com", "anyone@test.example.com", "any+one@Test.Example.com"],
)
def test_an_allowed_recipient_may_be_written_to(recipient: str) -> None:
    assert ALLOWS.rule_of(TOOL, Plan(risk="send", summary="Write.", recipients=(recipient,))) == "allow"


@pytest.mark.parametrize(
    "recipient",
    [
        "qa2@example.com",
        "eve@a.test.example.com",
        "eve@eviltest.example.com",
        "eve@test.example.com.evil.org",
        "eve@test.example.com.",
        "eve@example.com",
        "eve@evil.org,qa@example.com",
        "eve@evil.org;x@test.example.com",
        "eve@evil.org x@test.example.com",
        "eve@evil.org@test.example.com",
        "eve%evil.org@test.example.com",
        "qa@example.com <eve@evil.org>",
        '"eve@evil.org"@test.example.com',
        "x@test.example.com\nBcc: eve@evil.org",
        "qa@example.com\n",
        " qa@example.com",
        "qa@example.com\u200b",
        "q\u0430@example.com",
        "x@te\u017ft.example.com",
        "x@\u212aelvin.example",
        "@test.example.com",
        "test.example.com",
        "",
    ],
)
def test_a_recipient_who_only_resembles_an_allowed_one_needs_approval(recipient: str) -> None:
    policy = replace(ALLOWS, recipients=replace(NAMED, domains=NAMED.domains | {"kelvin.example"}))
    assert policy.rule_of(TOOL, Plan(risk="send", summary="Write.", recipients=(recipient,))) == "confirm"


def test_one_recipient_who_is_not_named_is_enough_to_need_a_person() -> None:
    both = Plan(risk="send", summary="Write.", affected=2, recipients=("qa@example.com", "eve@example.com"))
    assert ALLOWS.rule_of(TOOL, both) == "confirm"
    more = Plan(risk="send", summary="Write.", affected=3, recipients=("qa@example.com", "x@test.example.com"))
    assert ALLOWS.rule_of(TOOL, more) == "confirm"


def test_a_test_profile_counts_only_where_the_file_names_a_segment() -> None:
    plan = Plan(risk="send", summary="Write.", recipients=("cio_1",), test_profiles=("cio_1",))
    assert ALLOWS.rule_of(TOOL, plan) == "allow"
    assert replace(ALLOWS, recipients=replace(NAMED, segment=None)).rule_of(TOOL, plan) == "confirm"


def test_joining_a_segment_needs_approval_where_a_segment_allows_recipients() -> None:
    joining = Call(operation="add_to_segment", path={"segment_id": "7"}, body={"ids": ["ada"]})
    assert ALLOWS.rule_of(TOOL, Plan(risk="data", summary="Add.", calls=(joining,))) == "confirm"


def test_a_tool_that_is_allowed_does_not_allow_to_destroy() -> None:
    policy = Policy(tools={TOOL: Entry("allow")}, recipients=NAMED)
    assert policy.rule_of(TOOL, Plan(risk="destroy", summary="Delete.", recipients=("qa@example.com",))) == "confirm"
    assert policy.rule_of(TOOL, Plan(risk="data", summary="Set.")) == "allow"


@pytest.mark.parametrize(
    ("recipients", "affected", "rule"),
    [
        (("qa@example.com",), 1, "allow"),
        (("qa@example.com", "ada@example.com"), 2, "confirm"),
        (("qa@example.com",), 2, "confirm"),
        ((), 1, "confirm"),
        ((), 0, "allow"),
    ],
)
def test_only_people_who_are_named_can_be_deleted_without_approval(
    recipients: tuple[str, ...], affected: int, rule: str
) -> None:
    plan = Plan(risk="destroy", summary="Delete.", recipients=recipients, affected=affected)
    assert ALLOWS.rule_of(TOOL, plan) == rule


def test_the_confirmation_is_the_count_or_the_name_of_the_target() -> None:
    call = Call(operation="trigger_broadcast", path={"broadcast_id": "10"})
    policy = Policy(large_audience=1000)
    assert policy.confirmation_of(Plan(risk="send", summary="Trigger.", affected=1000, calls=(call,))) is None
    assert policy.confirmation_of(Plan(risk="send", summary="Trigger.", affected=1001, calls=(call,))) == "1001"
    assert policy.confirmation_of(Plan(risk="send", summary="Trigger.", affected=None, calls=(call,))) == "10"
    assert policy.confirmation_of(Plan(risk="destroy", summary="Delete.", calls=(call,))) == "10"
    assert policy.confirmation_of(Plan(risk="destroy", summary="Delete.", confirmation="ada", calls=(call,))) == "ada"


def test_a_tool_is_listed_until_it_or_all_it_can_do_is_hidden() -> None:
    sends, sets = list[Risk](["send"]), list[Risk](["data"])
    policy = Policy(classes={"send": Entry("hide")}, tools={"hidden": Entry("hide")})
    assert not policy.lists("send_event", sends)
    assert policy.lists("update_customer", ("data", "send"))
    assert policy.lists("get_customer", ())
    assert not policy.lists("hidden", ())
    assert not policy.lists("hidden", sets)


# What the gate makes of it.

Planner = Callable[[], Awaitable[Plan]]


def with_policy(ws: CallContext, policy: Policy) -> CallContext:
    return replace(ws, gate=replace(ws.gate, policy=policy))


async def propose(ws: CallContext, tool: str, plan: Planner, arguments: object = None) -> Change:
    row = await ws.gate.propose(ws.caller.id, tool, arguments_digest({"": str(arguments)}), plan)
    assert isinstance(row, Change), row
    return row


async def make_change(ws: CallContext, row: Change, plan: Planner) -> Receipt:
    return await ws.gate.make(row, plan, work_of(ws.caller))


def writes(sandbox: Sandbox) -> int:
    return sum(request["method"] != "GET" for request in sandbox.requests)


async def test_a_send_to_somebody_named_is_made_and_the_journal_says_that_the_policy_allowed_it(
    ws: CallContext, sandbox: Sandbox
) -> None:
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(addresses=frozenset({"ada@example.com"}))))
    plan = partial(send_event, ws, "ada", "order_placed")
    row = await propose(ws, "send_event", plan)
    assert (row.state, row.row.decided_by) == ("approved", "policy")
    assert (await make_change(ws, row, plan)).status == "done"
    assert writes(sandbox) == 1


@pytest.mark.parametrize("address", [None, "ADA@example.com", "eve@evil.org"])
async def test_a_message_goes_by_policy_only_where_it_goes_to_an_address_that_is_named(
    ws: CallContext, address: str | None
) -> None:
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(addresses=frozenset({"ada@example.com"}))))
    row = await propose(ws, "send_transactional", partial(send_transactional, ws, "2", "ada", to=address))
    assert row.state == ("planned" if address == "eve@evil.org" else "approved")


async def test_the_members_of_the_segment_may_be_written_to_at_their_own_address_only(ws: CallContext) -> None:
    members = (await ws.segments.members("3", limit=1)).identifiers
    person = await ws.people.attributes(members[0].reference)
    assert person.id
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(segment="Beta testers")))
    own = await propose(ws, "send_transactional", partial(send_transactional, ws, "2", person.id), 1)
    other = partial(send_transactional, ws, "2", person.id, to="eve@evil.org")
    elsewhere = await propose(ws, "send_transactional", other, 2)
    outsider = await propose(ws, "send_event", partial(send_event, ws, "bob", "order_placed"), 3)
    assert (own.state, elsewhere.state, outsider.state) == ("approved", "planned", "planned")


@pytest.mark.parametrize("segment", ["1", "No such segment"])
async def test_a_segment_that_follows_conditions_or_is_not_there_names_nobody(ws: CallContext, segment: str) -> None:
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(segment=segment)))
    assert (await propose(ws, "send_event", partial(send_event, ws, "ada", "order_placed"))).state == "planned"


async def test_a_recipient_who_left_the_segment_before_the_send_needs_approval(
    ws: CallContext, sandbox: Sandbox
) -> None:
    member = next(person for person in sandbox.workspace.people if 3 in person.manual_segments)
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(segment="3")))
    plan = partial(send_event, ws, f"cio_{member.cio_id}", "order_placed")
    row = await propose(ws, "send_event", plan)
    member.manual_segments.clear()
    assert row.state == "approved"
    assert (await make_change(ws, row, plan)).status == "approval_required"
    assert writes(sandbox) == 0


async def test_an_address_is_not_changed_by_policy_unless_old_and_new_are_named(ws: CallContext) -> None:
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(addresses=frozenset({"ada@example.com"}),
                                                               domains=frozenset({"test.example.com"}))))  # fmt: skip
    cases: list[tuple[str, dict[str, JsonValue], str]] = [
        ("ada", {"email": "ada@test.example.com"}, "approved"),
        ("ada", {"email": "ada@evil.org"}, "planned"),
        ("ada", {"Email": "ada@test.example.com"}, "planned"),
        ("bob", {"email": "bob@test.example.com"}, "planned"),
        ("ada", {"phone": "+15550001111"}, "planned"),
        ("ada", {"id": "somebody else"}, "planned"),
    ]
    for number, (customer, attributes, state) in enumerate(cases):
        row = await propose(
            ws, "update_customer", partial(update_customer, ws, customer, attributes=attributes), number
        )
        assert (row.plan.risk, row.state) == ("send", state), attributes


@pytest.mark.parametrize(("is_running", "risk", "state"), [(True, "send", "planned"), (False, "data", "approved")])
async def test_an_edit_is_allowed_as_data_only_when_it_cannot_start_a_running_campaign(
    ws: CallContext, sandbox: Sandbox, *, is_running: bool, risk: Risk, state: str
) -> None:
    if not is_running:
        sandbox.workspace.stop_campaign(4)
    ws = with_policy(ws, Policy(classes={"data": Entry("allow")}))
    plan = partial(update_customer, ws, "two-1", attributes={"plan": "vip"})
    row = await propose(ws, "update_customer", plan)
    assert (row.plan.risk, row.state) == (risk, state)
    await make_change(ws, row, plan)
    sandbox.clock.advance(20)
    sandbox.workspace.settle()
    [person] = [each for each in sandbox.workspace.people if each.id == "two-1"]
    assert person.attributes["plan"] == ("pro" if is_running else "vip")


async def test_a_deliberate_repeat_needs_approval_even_for_an_allowed_recipient(ws: CallContext) -> None:
    ws = with_policy(ws, replace(ALLOWS, recipients=Recipients(addresses=frozenset({"ada@example.com"}))))
    row = await propose(ws, "send_event", partial(send_event, ws, "ada", "order_placed", repeat=True))
    assert row.state == "planned"


async def test_a_change_that_an_older_policy_allowed_is_not_applied_under_a_stricter_one(
    ws: CallContext, sandbox: Sandbox
) -> None:
    lenient = with_policy(ws, replace(ALLOWS, recipients=Recipients(addresses=frozenset({"ada@example.com"}))))
    plan = partial(send_event, ws, "ada", "order_placed")
    row = await propose(lenient, "send_event", plan)
    receipt = await make_change(ws, row, plan)
    assert receipt.status == "declined"
    assert "policy" in receipt.message
    assert writes(sandbox) == 0


async def test_a_hidden_class_is_refused_also_after_a_person_approved_it(ws: CallContext, sandbox: Sandbox) -> None:
    plan = partial(send_event, ws, "ada", "order_placed")
    row = await propose(ws, "send_event", plan)
    await approve(ws.gate, row)
    hidden = with_policy(ws, Policy(classes={"send": Entry("hide")}))
    with pytest.raises(Refused, match="doesn't allow"):
        await make_change(hidden, row, plan)
    with pytest.raises(Refused, match="doesn't allow"):
        await propose(hidden, "another tool", partial(send_event, hidden, "bob", "order_placed"))
    assert writes(sandbox) == 0


async def test_a_large_audience_needs_its_count_typed_and_one_that_became_large_is_shown_again(ws: CallContext) -> None:
    people = iter([1001, 1000, 1000])

    async def plan() -> Plan:
        await anyio.lowlevel.checkpoint()
        call = tracking.event(Reference("ada"), "x", {}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None)
        return Plan(risk="send", summary="Send x.", affected=next(people), calls=(call,))

    large = await propose(ws, "large", plan)
    assert "1001" in large.question
    await ws.gate.approvals.record_prompt(large)
    await ws.gate.approvals.answer(large, approve=True, confirmation="1000", by=ws.caller.id)
    assert (await ws.gate.recent(change=large.id)).changes[0].state == "declined"
    small = await propose(ws, "small", plan)
    await approve(ws.gate, small)
    stricter = with_policy(ws, Policy(large_audience=999))
    assert (await make_change(stricter, small, plan)).status == "approval_required"
    assert "1000" in (await propose(stricter, "small", plan)).question


# The cap.


def event(ws: CallContext, name: str) -> Planner:
    return partial(send_event, ws, "ada", name)


async def propose_approved(ws: CallContext, name: str) -> Change:
    row = await propose(ws, "send_event", event(ws, name), name)
    await approve(ws.gate, row)
    return row


async def test_no_more_sends_leave_in_an_hour_than_the_cap_and_the_approval_is_kept_until_there_is_room(
    ws: CallContext, sandbox: Sandbox
) -> None:
    clock = ManualClock(skips=True)
    before: Gate = replace(ws.gate, clock=clock)
    uncapped = replace(ws, gate=before)
    ws = replace(ws, gate=replace(before, policy=Policy(sends_an_hour=1)))
    assert (await make_change(ws, await propose_approved(ws, "one"), event(ws, "one"))).status == "done"
    clock.time += 3500
    second = await propose_approved(uncapped, "two")
    with pytest.raises(
        Refused, match=r"limit of 1 sends an hour .*Nothing was sent.*possible at 2027-01-15T09:00:00Z, in 2 min"
    ):
        await make_change(ws, second, event(ws, "two"))
    assert writes(sandbox) == 1
    assert (await ws.gate.recent(change=second.id)).changes[0].state == "approved"
    with pytest.raises(Refused, match=r"limit of 1 "):
        await propose(ws, "send_event", event(ws, "three"), "no approval is wasted")
    clock.time += 101
    assert (await make_change(ws, second, event(ws, "two"))).status == "done"
    assert writes(sandbox) == 2


async def test_a_data_change_does_not_count_towards_the_cap(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.stop_campaign(4)  # while it runs, any edit may start it
    ws = with_policy(ws, Policy(sends_an_hour=1))
    assert (await make_change(ws, await propose_approved(ws, "one"), event(ws, "one"))).status == "done"
    plan = partial(update_customer, ws, "ada", attributes={"favourite_colour": "teal"})
    row = await propose(ws, "update_customer", plan)
    await approve(ws.gate, row)
    assert (await make_change(ws, row, plan)).status == "done"
    assert writes(sandbox) == 2


@pytest.mark.slow
async def test_the_cap_holds_across_servers_that_race_on_one_journal(
    opened: Workspace, settings: Settings, sandbox: Sandbox
) -> None:
    cap = Policy(sends_an_hour=3)
    async with open_workspace(settings, sandbox=sandbox, policy=cap) as other:
        mine, theirs = (
            with_policy(opened.acting(caller_named("local:me")), cap),
            other.acting(caller_named("local:them")),
        )
        rows = [(ws, name, await propose_approved(ws, name)) for ws, of in ((mine, "a"), (theirs, "b"))
                for name in (f"{of}{number}" for number in range(4))]  # fmt: skip
        refused: list[str] = []

        async def make(ws: CallContext, name: str, row: Change) -> None:
            try:
                await make_change(ws, row, event(ws, name))
            except Refused:
                refused.append(name)

        async with anyio.create_task_group() as group:
            for each in rows:
                group.start_soon(make, *each)
    assert writes(sandbox) == 3
    assert len(refused) == 5


async def test_the_cap_of_one_workspace_is_not_that_of_another(
    ws: CallContext, settings: Settings, sandbox: Sandbox
) -> None:
    cap = Policy(sends_an_hour=1)
    other = settings.model_copy(update={"workspace": "another"})
    async with open_workspace(other, sandbox=sandbox, policy=cap) as opened:
        for each in (with_policy(ws, cap), opened.acting(caller_named("local:me"))):
            assert (await make_change(each, await propose_approved(each, "one"), event(each, "one"))).status == "done"
    assert writes(sandbox) == 2


def test_no_recipients_are_not_recipients_who_are_all_allowed() -> None:
    assert not NAMED.covers_all((), ())
    assert NAMED.covers_all(("qa@example.com",), ())


@pytest.mark.parametrize(("of_class", "of_tool"), [("confirm", "allow"), ("allow", "confirm"), ("hide", "confirm")])
def test_of_the_rules_of_a_class_and_of_a_tool_the_stricter_is_in_force(of_class: Rule, of_tool: Rule) -> None:
    policy = Policy(classes={"send": Entry(of_class)}, tools={"send_event": Entry(of_tool)}, recipients=NAMED)
    stricter = max(
        (of_class, "class.send.rule"), (of_tool, "tool.send_event.rule"), key=lambda rule: RULES.index(rule[0])
    )
    assert policy.rule_for("send_event", "send") == InForce(*stricter)


def test_without_recipients_no_send_is_allowed_and_the_reason_is_named() -> None:
    policy = Policy(classes={"send": Entry("allow")})
    assert policy.rule_for("send_event", "send") == InForce("confirm", "default: [recipients] is empty")


@pytest.mark.parametrize(("affected", "rule"), [(1000, "allow"), (1001, "confirm")])
def test_a_change_of_as_many_people_as_the_large_audience_may_still_be_allowed(affected: int, rule: Rule) -> None:
    policy = Policy(classes={"data": Entry("allow")})
    assert policy.rule_of("update_customer", Plan(risk="data", summary="Set.", affected=affected)) == rule


def test_what_names_nothing_is_approved_with_the_word_of_its_class() -> None:
    assert Policy().confirmation_of(Plan(risk="destroy", summary="Remove.")) == "destroy"
    assert Policy().confirmation_of(Plan(risk="send", summary="Send.", affected=None)) == "send"


sync_rules = st.builds(
    SyncRule,
    rule=st.sampled_from(RULES),
    max_changed=st.integers(1, 20),
    max_share=st.sampled_from([0.1, 0.5, 1.0]),
    create=st.booleans(),
    starts=st.booleans(),
)
sync_plans = st.builds(
    lambda size, risk, starts: Plan(risk=risk, summary="Sync.", starts=starts, sync=size),
    st.builds(
        SyncSize,
        name=st.sampled_from(["crm", "other"]),
        changed=st.integers(0, 25),
        total=st.integers(0, 100),
        creates=st.booleans(),
        reaches=st.booleans(),
    ),
    st.sampled_from(RISKS),
    st.sampled_from([None, (), ("Campaign 1",), "unknown"]),
)


@given(rule=sync_rules, plan=sync_plans, others=policies)
def test_a_sync_is_allowed_only_by_its_own_rule_within_its_bounds(rule: SyncRule, plan: Plan, others: Policy) -> None:
    policy = replace(others, syncs={"crm": rule})
    if policy.rule_of("sync crm", plan) != "allow":
        return
    size = plan.sync
    assert size is not None
    assert (size.name, rule.rule) == ("crm", "allow")
    assert size.changed <= rule.max_changed
    assert size.changed <= Fraction(str(rule.max_share)) * size.total
    assert rule.create or not size.creates
    assert rule.starts or not (plan.starts or size.reaches)
    assert plan.risk != "destroy"
    assert others.classes.get(plan.risk, Entry()).rule in (None, "allow")


@given(total=st.integers(1, 2_000), percent=st.integers(1, 100))
def test_a_sync_that_changes_exactly_the_share_of_its_rule_is_allowed_and_one_more_row_is_not(
    total: int, percent: int
) -> None:
    policy = Policy(syncs={"crm": SyncRule("allow", max_changed=total, max_share=percent / 100)})
    changed = total * percent // 100
    for size, rule in ((changed, "allow"), (changed + 1, "confirm")):
        plan = Plan(risk="data", summary="Sync.", sync=SyncSize(name="crm", changed=size, total=total))
        assert policy.rule_of("sync crm", plan) == rule


SMALL = SyncSize(name="crm", changed=5, total=50)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "allow"),
        ({"sync": SMALL.model_copy(update={"changed": 6, "total": 60})}, "confirm"),
        ({"sync": SMALL.model_copy(update={"total": 49})}, "confirm"),
        ({"sync": SMALL.model_copy(update={"total": 0})}, "confirm"),
        ({"sync": SMALL.model_copy(update={"creates": True})}, "confirm"),
        ({"sync": SMALL.model_copy(update={"reaches": True})}, "confirm"),
        ({"sync": SMALL.model_copy(update={"name": "other"})}, "confirm"),
        ({"starts": ("Campaign 1",)}, "confirm"),
        ({"starts": "unknown"}, "confirm"),
        ({"risk": "send"}, "confirm"),
        ({"risk": "destroy"}, "confirm"),
        ({"earlier": ("c1",)}, "confirm"),
        ({"repeat": True}, "confirm"),
    ],
)
def test_whatever_goes_beyond_the_rule_of_a_sync_waits_for_a_person(changes: dict[str, object], rule: Rule) -> None:
    plan = Plan(risk="data", summary="Sync.", sync=SMALL).model_copy(update=changes)
    policy = Policy(syncs={"crm": SyncRule("allow", max_changed=5, max_share=0.1)})
    assert policy.rule_of("sync crm", plan) == rule


@given(rule=sync_rules, plan=plans, others=policies)
def test_the_rule_of_a_sync_changes_nothing_for_tools(rule: SyncRule, plan: Plan, others: Policy) -> None:
    assert replace(others, syncs={TOOL: rule}).rule_of(TOOL, plan) == others.rule_of(TOOL, plan)
