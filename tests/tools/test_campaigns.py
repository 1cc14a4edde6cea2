"""Listing campaigns, broadcasts, newsletters and transactional messages, and showing one, on the sandbox."""

from dataclasses import replace
from typing import Any

import pytest

from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.text.render import render
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.core.campaigns import State, get_campaign, list_campaigns
from cio_mcp.tools.core.sent_counts import MAX_COUNTED
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("campaign", ["1", "2", "3", "4", "5"]),
        ("broadcast", ["10"]),
        ("newsletter", [str(number) for number in range(31, 19, -1)]),
        ("transactional", [str(number) for number in range(1, 9)]),
    ],
)
async def test_each_kind_is_listed_whole_and_newsletters_newest_first(
    ws: CallContext, kind: Kind, ids: list[str]
) -> None:
    answer = await list_campaigns(ws, kind)
    assert [row.id for row in answer.campaigns] == ids
    assert not answer.has_more


async def test_a_list_says_state_and_start_in_words(ws: CallContext) -> None:
    text = render(await list_campaigns(ws), mask=False).text
    assert "1 “Onboarding”, running, starts on event “signed_up”" in text
    assert "3 “Winback”, stopped" in text


@pytest.mark.parametrize(("state", "ids"), [("running", ["1", "2", "4", "5"]), ("stopped", ["3"]), ("draft", [])])
async def test_campaigns_are_narrowed_by_state(ws: CallContext, state: State, ids: list[str]) -> None:
    assert [row.id for row in (await list_campaigns(ws, state=state)).campaigns] == ids


async def test_newsletters_are_narrowed_by_a_part_of_the_name(ws: CallContext, sandbox: Sandbox) -> None:
    month = sandbox.workspace.sources["newsletter", 30].name.split()[2]
    found = await list_campaigns(ws, "newsletter", name=f"  {month.upper()} ")
    assert [row.id for row in found.campaigns] == ["30"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "product NEWS"}, "Matches by name: 1 broadcast (kind=broadcast)."),
        ({"name": "order"}, None),
        ({"name": "Monthly", "kind": "broadcast"}, "Matches by name: 12 newsletters (kind=newsletter)."),
        (
            {"name": "order", "state": "stopped"},
            "Matches by name: 1 campaign in another state, 1 transactional message (kind=transactional).",
        ),
        ({"name": "nope"}, "No broadcast, newsletter, or transactional message matches by name either."),
        ({"state": "draft"}, None),
    ],
)
async def test_a_name_that_no_row_has_is_looked_up_in_the_other_kinds(
    ws: CallContext, arguments: dict[str, Any], sentence: str | None
) -> None:
    answer = await list_campaigns(ws, **arguments)
    assert answer.elsewhere == sentence
    assert sentence is None or sentence in render(answer, mask=False).text


async def test_a_kind_that_cannot_be_read_does_not_count_as_one_without_a_match(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/newsletters", "status:400", times=-1))
    assert (
        await list_campaigns(ws, name="nope")
    ).elsewhere == "Not searched, because they could not be read: newsletters."
    answer = await list_campaigns(ws, name="product")
    assert answer.elsewhere == (
        "Matches by name: 1 broadcast (kind=broadcast). Not searched, because they could not be read: newsletters."
    )


@pytest.mark.parametrize("name", [None, "newsletter"])
async def test_pages_of_newsletters_follow_one_another(ws: CallContext, name: str | None) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await list_campaigns(ws, "newsletter", name=name, limit=5, cursor=cursor)
        seen += [row.id for row in page.campaigns]
        cursor = page.cursor
    assert seen == [str(number) for number in range(31, 19, -1)]
    assert cursor is None


@pytest.mark.parametrize(
    ("kind", "state", "accepted"),
    [("newsletter", "running", "sent or draft"), ("transactional", "sent", "none"), ("campaign", "sent", "stopped")],
)
async def test_a_state_that_a_kind_does_not_have_is_refused_by_name(
    ws: CallContext, sandbox: Sandbox, kind: Kind, state: State, accepted: str
) -> None:
    with pytest.raises(InvalidArgument, match=f"state: for kind={kind} expected .*{accepted}"):
        await list_campaigns(ws, kind, state)
    assert not sandbox.requests


@pytest.mark.parametrize("wanted", ["1", "Onboarding", " Onboarding "])
async def test_a_campaign_is_shown_by_id_or_exact_name(ws: CallContext, wanted: str) -> None:
    answer = await get_campaign(ws, wanted)
    assert (answer.id, answer.name, answer.event_name) == ("1", "Onboarding", "signed_up")
    assert [(message.id, message.subject) for message in answer.messages] == [
        ("101", "Welcome, {{customer.first_name}}!"),
        ("102", "Three things to try first"),
    ]


async def test_segments_are_shown_by_name(ws: CallContext) -> None:
    campaign = await get_campaign(ws, "3")
    assert campaign.starts == "starts on segment “Subscribers” (4)"
    newsletter = await get_campaign(ws, "31", "newsletter")
    assert [(segment.id, segment.name) for segment in newsletter.recipient_segments or ()] == [("4", "Subscribers")]
    assert newsletter.subscription_topic == "Monthly newsletter"


async def test_a_transactional_message_lists_the_data_it_reads(ws: CallContext) -> None:
    answer = await get_campaign(ws, "Order shipped", "transactional")
    assert answer.variables is not None
    assert {"data.order_id", "data.tracking_url"} <= set(answer.variables)
    sms = await get_campaign(ws, "3", "transactional")
    assert [message.type for message in sms.messages] == ["sms"]


@pytest.mark.parametrize(
    ("wanted", "kind", "reason"),
    [
        ("20", "campaign", "id: no campaign has the ID 20. It is a newsletter"),
        ("Product news", "newsletter", "It is a broadcast: “Product news” (kind=broadcast)."),
        ("onboarding", "campaign", "did you mean “Onboarding” (id 1)?"),
        ("Onbording", "campaign", "did you mean “Onboarding” (id 1)?"),
        ("Product new", "broadcast", "did you mean “Product news” (id 10)?"),
        ("pasword resett", "transactional", "did you mean “Password reset” (id 1)?"),
        ("999", "transactional", "id: no transactional message has the ID 999. list_campaigns(kind=transactional)"),
    ],
)
async def test_a_missing_source_is_reported_with_its_kind_or_close_names(
    ws: CallContext, wanted: str, kind: Kind, reason: str
) -> None:
    with pytest.raises(NotFound) as refused:
        await get_campaign(ws, wanted, kind)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_missing_source_is_reported_even_if_the_other_kinds_cannot_be_read(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/newsletters/20", "status:400", times=-1))
    with pytest.raises(NotFound, match=r"id: no campaign has the ID 20. list_campaigns\(kind=campaign\) lists all."):
        await get_campaign(ws, "20")


async def test_a_campaign_of_many_actions_is_read_page_after_page(ws: CallContext, sandbox: Sandbox) -> None:
    parent = sandbox.workspace.sources["campaign", 1]
    many = tuple(replace(parent.templates[0], id=1000 - number) for number in range(35))
    sandbox.workspace.sources["campaign", 1] = replace(parent, templates=many)
    first = await get_campaign(ws, "1")
    rest = await get_campaign(ws, "1", cursor=first.cursor)
    assert [row.id for row in (*first.messages, *rest.messages)] == [str(template.id) for template in many]


async def test_a_name_of_digits_is_a_name_where_no_id_is_meant(ws: CallContext, sandbox: Sandbox) -> None:
    parents = sandbox.workspace.sources
    parents["campaign", 3] = replace(parents["campaign", 3], name="2026")
    assert (await get_campaign(ws, "2026")).id == "3"
    parents["campaign", 3] = replace(parents["campaign", 3], name="2")
    assert (await get_campaign(ws, "2")).name == "Order follow-up"


async def test_names_that_several_have_are_not_picked_from(ws: CallContext, sandbox: Sandbox) -> None:
    parents = sandbox.workspace.sources
    parents["campaign", 3] = replace(parents["campaign", 3], name="Onboarding")
    with pytest.raises(Ambiguous, match=r"id: 2 campaigns are named “Onboarding”\. Pass one of the IDs 1, 3"):
        await get_campaign(ws, "Onboarding")


async def test_an_answer_notes_that_only_the_newest_of_very_many_newsletters_were_searched(
    ws: CallContext, sandbox: Sandbox
) -> None:
    parents = sandbox.workspace.sources
    model = parents["newsletter", 20]
    for number in range(2000, 3000):
        parents["newsletter", number] = replace(model, id=number, name=f"Issue {number}")
    answer = await list_campaigns(ws, "newsletter", name="monthly newsletter")
    assert answer.searched == 1000
    assert "Only the newest 1000 were searched." in render(answer, mask=False).text
    assert len([request for request in sandbox.requests if request["path"] == "/v1/newsletters"]) == 10


async def test_newsletters_are_listed_with_how_many_messages_they_sent(ws: CallContext, sandbox: Sandbox) -> None:
    answer = await list_campaigns(ws, "newsletter", limit=3)
    sent = {
        str(number): sum(
            "sent" in one.metrics_at(sandbox.workspace.now)
            for one in sandbox.workspace.deliveries.of("newsletter", number)
        )
        for number in (31, 30, 29)
    }
    assert {row.id: row.sent for row in answer.campaigns} == sent
    assert f"Z ({sent['31']} messages), tags" in render(answer, mask=False).text
    again = await list_campaigns(ws, "newsletter", limit=3)
    assert again.campaigns == answer.campaigns
    assert sandbox.routes["GET /v1/newsletters/{newsletter_id}/metrics"] == 3


async def test_sent_messages_are_counted_of_the_newest_newsletters_only(ws: CallContext, sandbox: Sandbox) -> None:
    answer = await list_campaigns(ws, "newsletter", state="sent", limit=50)
    counted = [row.id for row in answer.campaigns if row.sent is not None]
    assert counted == [row.id for row in answer.campaigns][:MAX_COUNTED]
    assert sandbox.routes["GET /v1/newsletters/{newsletter_id}/metrics"] == MAX_COUNTED


async def test_counts_that_cannot_be_read_leave_the_list(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/newsletters/{newsletter_id}/metrics", "status:400", times=-1))
    answer = await list_campaigns(ws, "newsletter", limit=3)
    assert [row.sent for row in answer.campaigns] == [None, None, None]


async def test_a_page_of_campaigns_says_of_how_many_it_is(ws: CallContext) -> None:
    first = await list_campaigns(ws, limit=3)
    assert (first.total, first.omitted) == (5, 2)
    assert render(first, mask=False).text.splitlines()[0] == "5 campaigns"
    assert f"… 2 more of 5: cursor={first.cursor}" in render(first, mask=False).text
    last = await list_campaigns(ws, limit=3, cursor=first.cursor)
    assert (last.total, last.has_more) == (5, False)


async def test_a_page_of_newsletters_states_the_total_once_it_is_known(ws: CallContext) -> None:
    page = await list_campaigns(ws, "newsletter", limit=1)
    assert (page.total, page.has_more) == (None, True)
    assert render(page, mask=False).text.splitlines()[0] == "1 newsletter on this page"
    whole = await list_campaigns(ws, "newsletter", limit=100)
    assert whole.total == len(whole.campaigns)
    assert render(whole, mask=False).text.splitlines()[0] == f"{whole.total} newsletters"


async def test_more_messages_than_an_answer_shows_are_reached_by_its_cursor(ws: CallContext, sandbox: Sandbox) -> None:
    source = sandbox.workspace.sources["campaign", 1]
    many = tuple(replace(source.templates[0], id=1000 + number) for number in range(70))
    sandbox.workspace.sources["campaign", 1] = replace(source, templates=many)
    first = await get_campaign(ws, "1")
    assert (first.messages_total, len(first.messages), first.omitted) == (70, 20, 50)
    assert f"… 50 more of 70: cursor={first.cursor}" in render(first, mask=False).text
    assert "\n70 steps, in order\n" in render(first, mask=False).text
    pages = [first]
    while pages[-1].has_more:
        pages.append(await get_campaign(ws, "1", cursor=pages[-1].cursor))
    assert [row.id for page in pages for row in page.messages] == [str(template.id) for template in many]
