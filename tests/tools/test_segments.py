"""Listing segments and showing one, on the sandbox."""

import pytest

from cio_mcp.errors import NotFound
from cio_mcp.sandbox import Sandbox
from cio_mcp.text.render import render
from cio_mcp.tools.core.segments import get_segment, list_segments
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio


async def test_segments_are_listed_with_their_type(ws: CallContext) -> None:
    answer = await list_segments(ws)
    assert [(segment.id, segment.name, segment.type) for segment in answer.segments] == [
        ("1", "Everyone", "dynamic"),
        ("2", "VIP", "dynamic"),
        ("3", "Beta testers", "manual"),
        ("4", "Subscribers", "dynamic"),
    ]
    assert answer.total == 4
    assert not answer.has_more


async def test_segments_are_narrowed_by_a_part_of_the_name(ws: CallContext) -> None:
    assert [segment.name for segment in (await list_segments(ws, name="BETA")).segments] == ["Beta testers"]


async def test_a_page_of_segments_says_how_many_it_leaves_out(ws: CallContext) -> None:
    first = await list_segments(ws, limit=3)
    assert (first.total, first.omitted, first.has_more) == (4, 1, True)
    second = await list_segments(ws, limit=3, cursor=first.cursor)
    assert [segment.name for segment in second.segments] == ["Subscribers"]
    assert f"… 1 more of 4: cursor={first.cursor}" in render(first, mask=False).text


@pytest.mark.parametrize("segment", ["2", "VIP", " VIP "])
async def test_a_segment_is_shown_by_id_or_exact_name(ws: CallContext, segment: str) -> None:
    answer = await get_segment(ws, segment)
    assert (answer.segment.id, answer.segment.name) == ("2", "VIP")
    assert answer.count >= 1
    assert answer.members is None


async def test_the_uses_of_a_segment_are_named(ws: CallContext) -> None:
    answer = await get_segment(ws, "Subscribers")
    used = [(source.kind, source.id, source.name) for source in answer.campaigns]
    assert ("campaign", "3", "Winback") in used
    assert ("broadcast", "10", "Product news") in used
    assert len(answer.sent_newsletters) == 12
    assert all(source.name for source in answer.sent_newsletters)
    assert "Used by: campaign 3 “Winback”" in render(answer, mask=False).text


async def test_members_come_a_page_at_a_time(ws: CallContext) -> None:
    first = await get_segment(ws, "Everyone", members=True, limit=5)
    assert first.members is not None
    assert len(first.members) == 5
    assert first.count == 46
    assert first.omitted == 41
    assert f"… 41 more of 46: cursor={first.cursor}" in render(first, mask=False).text
    second = await get_segment(ws, "Everyone", members=True, limit=5, cursor=first.cursor)
    assert second.members is not None
    assert not {member.cio_id for member in first.members} & {member.cio_id for member in second.members}


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ("vip", "did you mean “VIP” (id 2)?"),
        ("Beta tester", "did you mean “Beta testers” (id 3)?"),
        ("99", "list_segments lists all"),
        ("Whales", "list_segments lists all"),
    ],
)
async def test_an_unknown_segment_brings_names_close_to_it(ws: CallContext, segment: str, message: str) -> None:
    with pytest.raises(NotFound) as missing:
        await get_segment(ws, segment)
    assert str(missing.value).startswith("segment: no segment has the ID or name")
    assert message in str(missing.value)


async def test_the_list_of_segments_is_read_once_for_several_answers(ws: CallContext, sandbox: Sandbox) -> None:
    await list_segments(ws)
    await get_segment(ws, "VIP")
    assert sandbox.routes["GET /v1/segments"] == 1


async def test_a_segment_that_hundreds_use_is_bounded_and_says_so(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.tools.core.segments.MAX_USERS", 1)
    answer = await get_segment(ws, "Subscribers")
    assert len(answer.sent_newsletters) == 1
    assert answer.omitted
    users = len([*answer.campaigns, *answer.sent_newsletters, *answer.draft_newsletters]) + answer.omitted
    assert answer.users_total == users
    assert f"… {answer.omitted} more of {users}: cursor=1" in render(answer, mask=False).text
    with_members = await get_segment(ws, "Subscribers", members=True, limit=1)
    assert f"These are the first of {users} uses. To list the others" in render(with_members, mask=False).text


async def test_a_cursor_leads_to_everything_that_uses_a_segment(
    ws: CallContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await get_segment(ws, "Subscribers")
    assert (whole.users_total, whole.has_more) == (None, False)
    monkeypatch.setattr("cio_mcp.tools.core.segments.MAX_USERS", 5)
    pages = [await get_segment(ws, "Subscribers")]
    while pages[-1].has_more:
        pages.append(await get_segment(ws, "Subscribers", cursor=pages[-1].cursor))
    assert [user for page in pages for user in page.campaigns] == whole.campaigns
    assert [user for page in pages for user in page.sent_newsletters] == whole.sent_newsletters
    assert {page.users_total for page in pages} == {len(whole.campaigns) + len(whole.sent_newsletters)}
