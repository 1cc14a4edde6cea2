"""Listing deliveries and showing one, on the sandbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.text.html import readable
from cio_mcp.text.render import render
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.tools.common.arguments import Kind, Metric
from cio_mcp.tools.core import message_search
from cio_mcp.tools.core.message_search import MAX_PAGES
from cio_mcp.tools.core.messages import get_message, list_messages
from cio_mcp.workspace import CallContext
from tests.calls import code_of, counted

pytestmark = pytest.mark.anyio

ARCHIVED = "/v1/messages/{message_id}/archived_message"


async def test_the_messages_of_a_person_come_newest_first_with_names_beside_ids(ws: CallContext) -> None:
    answer = await list_messages(ws, customer="ada@example.com", limit=5)
    moments = [message.created for message in answer.messages if message.created]
    assert moments == sorted(moments, reverse=True)
    assert len(moments) == 5
    assert answer.has_more
    newest = answer.messages[0]
    assert newest.source is not None
    assert (newest.source.kind, newest.source.id, newest.source.name) == ("transactional", "1", "Password reset")
    assert newest.channel == "email"
    assert newest.customer == "cio_a3000001"
    assert "transactional 1 “Password reset”" in render(answer, mask=False).text


async def test_the_cursor_leads_to_the_next_page(ws: CallContext) -> None:
    first = await list_messages(ws, customer="ada", limit=4)
    second = await list_messages(ws, customer="ada", limit=4, cursor=first.cursor)
    both = await list_messages(ws, customer="ada", limit=8)
    assert [m.id for m in (*first.messages, *second.messages)] == [m.id for m in both.messages]


@pytest.mark.parametrize(
    ("kind", "id_", "route"),
    [
        ("campaign", "1", "/v1/campaigns/{campaign_id}/messages"),
        ("broadcast", "10", "/v1/broadcasts/{broadcast_id}/messages"),
        ("newsletter", "31", "/v1/newsletters/{newsletter_id}/messages"),
        ("transactional", "2", "/v1/transactional/{transactional_id}/messages"),
    ],
)
async def test_each_kind_is_listed_where_customer_io_lists_it(
    ws: CallContext, sandbox: Sandbox, kind: Kind, id_: str, route: str
) -> None:
    answer = await list_messages(ws, kind=kind, id=id_, limit=3)
    assert answer.messages
    assert {(m.source.kind, m.source.id) for m in answer.messages if m.source} == {(kind, id_)}
    assert answer.looked_at is None
    assert sum(count for name, count in sandbox.routes.items() if name == f"GET {route}") == 1


async def test_a_name_is_as_good_as_an_id(ws: CallContext) -> None:
    by_name = await list_messages(ws, kind="campaign", id="Order follow-up", limit=3)
    assert by_name.messages == (await list_messages(ws, kind="campaign", id="2", limit=3)).messages


async def test_a_metric_is_filtered_by_customer_io_where_it_can(ws: CallContext) -> None:
    answer = await list_messages(ws, kind="campaign", id="2", metric="bounced")
    assert {message.status for message in answer.messages} == {"bounced"}
    assert "eve@example.com" in {message.recipient for message in answer.messages}
    assert answer.looked_at == len(answer.messages)


async def test_a_list_says_what_orders_it_and_what_time_it_is(ws: CallContext) -> None:
    answer = await list_messages(ws, customer="ada", limit=1)
    assert answer.order == "created"
    first = render(answer, mask=False).text.splitlines()[0]
    assert first.startswith(
        "Newest first by the time they were created; since and until apply to that time. The time is now"
    )
    assert moment(ws.now)[:13] in first


@pytest.mark.parametrize(("metric", "human"), [("opened", "human_opened"), ("clicked", "human_clicked")])
async def test_rows_of_a_metric_carry_and_follow_its_time_and_machines_are_marked(
    ws: CallContext, sandbox: Sandbox, metric: Metric, human: str
) -> None:
    scanned = next(one for one in sandbox.workspace.deliveries.of("newsletter", 31) if "opened" not in one.metrics)
    scanned_at = from_unix(int(sandbox.workspace.now) - 60)
    names = ("opened", "prefetch_opened", "clicked", "prefetch_clicked")
    scanned.metrics |= dict.fromkeys(names, int(scanned_at.timestamp()))
    answer = await list_messages(ws, kind="newsletter", id="31", metric=metric, limit=100)
    assert answer.order == metric
    happened = {
        one.id: (one.metrics[human], None)
        if human in one.metrics_at(now)
        else (one.metrics[f"prefetch_{metric}"], True)
        for now in (sandbox.workspace.now,)
        for one in sandbox.workspace.deliveries.of("newsletter", 31)
        if metric in one.metrics_at(now)
    }
    latest = sorted(happened, key=lambda id_: (happened[id_][0], id_), reverse=True)[:100]
    assert [message.id for message in answer.messages] == latest
    assert [(m.happened and m.happened.timestamp(), m.machine) for m in answer.messages] == [
        happened[id_] for id_ in latest
    ]
    assert answer.looked_at == len(happened)
    assert answer.messages[0].id == scanned.id
    assert f"{metric} {moment(scanned_at)} by a machine, email of " in render(answer, mask=False).text


async def test_a_range_with_a_metric_is_of_its_time_however_long_ago_the_message_was_made(
    ws: CallContext, sandbox: Sandbox
) -> None:
    everything = (await list_messages(ws, kind="campaign", id="1", metric="opened", limit=100)).messages
    slow = max(everything, key=lambda m: m.happened - m.created if m.happened and m.created else timedelta(0))
    assert slow.happened
    assert slow.created
    since, until = slow.happened - timedelta(seconds=1), slow.happened + timedelta(seconds=1)
    assert slow.created < since
    answer = await list_messages(
        ws, kind="campaign", id="1", metric="opened", since=since.isoformat(), until=until.isoformat()
    )
    assert slow.id in [message.id for message in answer.messages]
    assert all(message.happened and since <= message.happened < until for message in answer.messages)
    assert sandbox.routes["GET /v1/campaigns/{campaign_id}/messages"] > 0


async def test_pages_of_a_metric_show_each_message_once_and_say_how_far_back_they_looked(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await list_messages(ws, kind="campaign", id="1", metric="sent", limit=100)
    monkeypatch.setattr(message_search, "PAGE_SIZE", 4)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await list_messages(ws, kind="campaign", id="1", metric="sent", limit=7, cursor=cursor)
        assert page.looked_at
        assert page.looked_at <= 4 * MAX_PAGES
        assert page.back_to
        note = f"Searched {page.looked_at} messages created since {moment(page.back_to)}."
        assert note in render(page, mask=False).text
        assert ("The cursor continues" in render(page, mask=False).text) == (page.has_more and page.omitted is None)
        seen += [message.id for message in page.messages]
        if not page.has_more:
            break
        cursor = page.cursor
    assert len(seen) > 4 * MAX_PAGES
    assert seen == [message.id for message in whole.messages]


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.2", "-1.2.", "1..", "1.99999999999."])
async def test_a_cursor_that_is_none_of_ours_is_refused(ws: CallContext, sandbox: Sandbox, cursor: str) -> None:
    with pytest.raises(InvalidArgument, match="cursor: expected the cursor from the previous page"):
        await list_messages(ws, metric="opened", cursor=cursor)
    assert not sandbox.requests


async def test_messages_of_a_person_are_searched_by_metric_too(ws: CallContext) -> None:
    answer = await list_messages(ws, customer="ada", metric="opened", limit=5)
    moments = [message.happened for message in answer.messages if message.happened]
    assert len(moments) == 5
    assert moments == sorted(moments, reverse=True)
    assert answer.looked_at
    assert answer.omitted
    assert answer.total == len(answer.messages) + answer.omitted
    assert f"… {answer.omitted} more of {answer.total}: cursor=" in render(answer, mask=False).text


async def test_a_filter_that_customer_io_lacks_is_applied_here_and_noted(ws: CallContext) -> None:
    answer = await list_messages(ws, customer="ada", kind="newsletter", limit=3)
    assert [m.source.kind for m in answer.messages if m.source] == ["newsletter"] * 3
    assert answer.looked_at is not None
    assert answer.looked_at > 3
    assert f"3 of the {answer.looked_at} messages searched match." in render(answer, mask=False).text


async def test_filtering_here_loses_nothing_from_page_to_page(ws: CallContext) -> None:
    everything = await list_messages(ws, customer="ada", channel="email", limit=100)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await list_messages(ws, customer="ada", channel="email", limit=4, cursor=cursor)
        assert len(page.messages) <= 4
        seen += [message.id for message in page.messages]
        if not page.has_more:
            break
        cursor = page.cursor
    assert seen == [message.id for message in everything.messages]


async def test_filtering_here_ends_after_a_few_pages(ws: CallContext, sandbox: Sandbox) -> None:
    answer = await list_messages(ws, customer="ada", kind="campaign", id="3", limit=1)
    assert answer.messages == []
    assert answer.looked_at == MAX_PAGES
    assert answer.has_more
    assert sandbox.routes["GET /v1/customers/{customer_id}/messages"] == MAX_PAGES


async def test_sms_is_listed_by_its_own_name(ws: CallContext) -> None:
    answer = await list_messages(ws, channel="sms", limit=5)
    assert {message.channel for message in answer.messages} == {"sms"}


async def test_times_are_given_to_customer_io(ws: CallContext) -> None:
    since, until = datetime.now(UTC) - timedelta(days=40), datetime.now(UTC) - timedelta(days=10)
    answer = await list_messages(ws, customer="ada", since=since.isoformat(), until=until.isoformat())
    assert answer.messages
    assert all(m.created and since - timedelta(seconds=1) <= m.created <= until for m in answer.messages)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"until": "tomorrow"}, "until: expected an ISO 8601 time"),
        ({"since": "2020-01-01T00:00:00Z"}, "since: Customer.io lists at most 6 months at once"),
        ({"since": "2025-01-01T00:00:00Z", "until": "2025-08-01T00:00:00Z"}, "at the earliest"),
        ({"since": "2025-02-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"}, "since: must be earlier than until"),
        ({"since": "2025-02-01", "until": "2025-02-01"}, "a date is its start, so for one day pass the next one"),
        ({"id": "1"}, "kind: is required with id"),
    ],
)
async def test_a_bad_argument_is_refused_before_anything_is_sent(
    ws: CallContext, sandbox: Sandbox, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await list_messages(ws, **arguments)
    assert reason in str(refused.value)
    assert not sandbox.requests


async def test_six_months_to_the_day_are_one_window(ws: CallContext) -> None:
    await list_messages(ws, since="2026-02-28T12:00:00Z", until="2026-08-31T12:00:00Z", limit=1)


async def test_one_transactional_message_is_listed_over_a_year(ws: CallContext) -> None:
    year: dict[str, Any] = {"since": "2025-09-01T00:00:00Z", "until": "2026-09-01T00:00:00Z"}
    await list_messages(ws, kind="transactional", id="1", limit=1, **year)
    with pytest.raises(InvalidArgument, match="12 months"):
        await list_messages(ws, kind="transactional", id="1", since="2025-08-31T00:00:00Z", until=year["until"])


async def test_the_wrong_kind_is_put_right(ws: CallContext) -> None:
    with pytest.raises(NotFound, match=r"no campaign has the ID 10\. It is a broadcast"):
        await list_messages(ws, kind="campaign", id="10")


async def test_a_customer_who_is_not_there_has_no_messages_to_list(ws: CallContext) -> None:
    with pytest.raises(NotFound, match="customer: no customer has the ID"):
        await list_messages(ws, customer="nobody")


async def test_a_message_is_shown_with_its_timeline(ws: CallContext, sandbox: Sandbox) -> None:
    listed = (await list_messages(ws, customer="ada", limit=1)).messages[0]
    answer = await get_message(ws, listed.id)
    assert answer.message == listed
    assert list(answer.timeline)[:3] == ["created", "sent", "delivered"]
    assert all(moment.tzinfo for moment in answer.timeline.values())
    assert answer.content is None
    assert sandbox.routes[f"GET {ARCHIVED}"] == 0


async def test_content_is_read_from_the_archive_as_text(ws: CallContext) -> None:
    listed = (await list_messages(ws, customer="ada", kind="newsletter", limit=1)).messages[0]
    answer = await get_message(ws, listed.id, content=True)
    assert answer.content is not None
    assert answer.content.subject == listed.subject
    assert answer.content.text is not None
    assert "Hi Ada, this month." in answer.content.text
    assert "<p>" not in answer.content.text
    assert answer.note is not None
    assert "100 reads a day" in answer.note
    rendered = render(answer, mask=False)
    assert "> Hi Ada, this month." in rendered.text
    content = rendered.structured["content"]
    assert isinstance(content, dict)
    assert content["from"]


async def test_content_is_read_off_the_event_loop(ws: CallContext) -> None:
    listed = (await list_messages(ws, customer="ada", kind="newsletter", limit=1)).messages[0]
    with counted() as calls:
        answer = await get_message(ws, listed.id, content=True)
    assert answer.content is not None
    assert calls[code_of(get_message)]
    assert not calls[code_of(readable)]


@pytest.mark.parametrize("kind", ["status:404", "429_bare"])
async def test_content_that_cannot_be_had_leaves_the_message(ws: CallContext, sandbox: Sandbox, kind: str) -> None:
    listed = (await list_messages(ws, customer="ada", limit=1)).messages[0]
    sandbox.faults.append(Fault("GET", ARCHIVED, kind, -1))
    answer = await get_message(ws, listed.id, content=True)
    assert answer.message.id == listed.id
    assert answer.content is None
    assert answer.note


async def test_an_unknown_message_is_not_found(ws: CallContext) -> None:
    with pytest.raises(NotFound, match="id: no message has this ID"):
        await get_message(ws, "bm9wZQ==", content=True)


async def test_a_long_text_is_read_a_part_at_a_time_with_one_read_of_the_archive(
    ws: CallContext, sandbox: Sandbox
) -> None:
    listed = (await list_messages(ws, customer="ada", kind="newsletter", limit=1)).messages[0]
    delivery = sandbox.workspace.deliveries.get(listed.id)
    assert delivery
    body = "".join(f"word {number} " for number in range(2_000)).strip()
    delivery.overrides["body"] = body
    parts, cursor = [], None
    while True:
        answer = await get_message(ws, listed.id, content=True, cursor=cursor)
        assert answer.content
        assert answer.content.text
        rendered = render(answer, mask=False)
        assert len(rendered.text) < 10_000
        cursor = answer.content.cursor
        if cursor is None:
            break
        assert f"… more of {len(body):,} characters: cursor={cursor}" in rendered.text
        parts.append(answer.content.text.removesuffix("…"))
    assert "".join([*parts, answer.content.text]) == body
    assert len(parts) > 1
    assert sandbox.routes["GET /v1/messages/{message_id}/archived_message"] == 1


@pytest.mark.parametrize("cursor", ["x", "-1", "20000", "99999999"])
async def test_a_cursor_behind_a_text_is_refused(cursor: str, ws: CallContext) -> None:
    listed = (await list_messages(ws, customer="ada", kind="newsletter", limit=1)).messages[0]
    with pytest.raises(InvalidArgument, match="cursor: expected the cursor from the previous page"):
        await get_message(ws, listed.id, content=True, cursor=cursor)


async def test_no_part_of_a_masked_text_holds_half_an_address(ws: CallContext, sandbox: Sandbox) -> None:
    masking = replace(ws, settings=ws.settings.model_copy(update={"mask_pii": True}))
    listed = (await list_messages(ws, customer="ada", kind="newsletter", limit=1)).messages[0]
    delivery = sandbox.workspace.deliveries.get(listed.id)
    assert delivery
    delivery.overrides["body"] = f"{'x' * 7_980} secret.person@example.com {'y' * 100}"
    first = await get_message(masking, listed.id, content=True)
    assert first.content
    rest = await get_message(masking, listed.id, cursor=first.content.cursor)
    assert rest.content
    for answer in (first, rest):
        assert "ecret" not in render(answer, mask=True).text
        assert "person" not in render(answer, mask=True).text


async def test_messages_without_a_time_are_left_out_and_counted(ws: CallContext, sandbox: Sandbox) -> None:
    counted = next(one for one in sandbox.workspace.deliveries.of("newsletter", 31) if "opened" not in one.metrics)
    counted.metrics["opened"] = 1
    answer = await list_messages(ws, kind="newsletter", id="31", metric="opened", limit=100)
    assert answer.undated == 1
    assert counted.id not in [message.id for message in answer.messages]
    assert "1 more are omitted because Customer.io returns no time for them." in render(answer, mask=False).text


@pytest.mark.parametrize("metric", [None, "unsubscribed"])
async def test_a_list_of_nothing_says_so(ws: CallContext, sandbox: Sandbox, metric: Metric | None) -> None:
    for delivery in sandbox.workspace.deliveries:
        delivery.metrics.pop("unsubscribed", None)
    answer = await list_messages(ws, metric=metric, since=(ws.now - timedelta(seconds=1)).isoformat())
    assert render(answer, mask=False).text.splitlines()[1] == "No messages in this period."
