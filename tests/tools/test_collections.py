"""Collections: rows in pages, and edits row by row, on the sandbox."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.collections import MAX_ROW_BYTES, rows_of
from cio_mcp.customerio.call import canonical
from cio_mcp.customerio.outcome import Answered
from cio_mcp.customerio.responses import json_object
from cio_mcp.errors import BadAnswer, InvalidArgument, NotFound, Refused
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.tools.common.collection_edit import GONE, MAX_EDIT_BYTES, check_rows
from cio_mcp.tools.data.list_collections import (
    MAX_COLUMNS,
    MAX_LISTED_COLUMNS,
    MAX_PAGE_CHARACTERS,
    list_collections,
)
from cio_mcp.tools.data.update_collection import update_collection
from cio_mcp.workspace import CallContext, open_workspace
from tests.callers import caller_named
from tests.carrying_out import carry_out
from tests.customerio.documented import Documented

pytestmark = pytest.mark.anyio

OFFERS: dict[str, Any] = {"collection": "offers"}


async def test_rows_are_read_in_pages_with_what_uses_them(ws: CallContext, sandbox: Sandbox) -> None:
    rows = [{"number": number, "text": "x" * 900} for number in range(60)]
    sandbox.workspace.library.collections[1].rows = rows
    seen: list[int] = []
    cursor = None
    while True:
        answer = await list_collections(ws, "offers", limit=50, cursor=cursor)
        assert answer.total == 60
        assert sum(len(each.row) for each in answer.rows or ()) <= MAX_PAGE_CHARACTERS
        seen += [each.number for each in answer.rows or ()]
        if (cursor := answer.cursor) is None:
            break
    assert seen == list(range(1, 61))
    with pytest.raises(InvalidArgument, match="cursor"):
        await list_collections(ws, "offers", cursor="61")
    assert [use.id for use in answer.used_by or ()] == ["10"]


async def test_rows_are_shown_although_customer_io_counts_others(settings: Settings) -> None:
    nothing = {"list_snippets": "snippets", "list_campaigns": "campaigns", "list_broadcasts": "broadcasts",
               "list_transactional_messages": "messages", "list_newsletters": "newsletters"}  # fmt: skip
    api = Documented(
        {
            "list_collections": {"collections": [{"id": 1, "name": "offers", "rows": 5}]},
            "get_collection_content": {"data": [{"code": "A"}, {"code": "B"}]},
            **{operation: {key: []} for operation, key in nothing.items()},
        }
    )
    async with open_workspace(settings, sandbox=api) as opened:
        answer = await list_collections(opened.acting(caller_named("local:tester")), "offers")
    assert [each.row for each in answer.rows or ()] == ['{"code":"A"}', '{"code":"B"}']
    assert (answer.note or "").startswith("Customer.io counts 5 rows and returned 2, so the rows may not be current. ")


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/snippets"])
async def test_rows_are_shown_where_the_messages_that_use_them_cannot_be_read(
    ws: CallContext, sandbox: Sandbox, path: str
) -> None:
    sandbox.faults.append(Fault("GET", path, "empty", -1))
    answer = await list_collections(ws, "offers")
    assert len(answer.rows or ()) == 2
    assert answer.used_by is None
    assert (answer.note or "").startswith("Which messages use it is unknown: Customer.io's response was empty")


@pytest.mark.parametrize(
    ("name", "hint"), [("offer", "did you mean “offers” (id 1)?"), ("coupons", "expected “offers” (id 1).")]
)
async def test_an_unknown_name_is_answered_with_what_there_is(ws: CallContext, name: str, hint: str) -> None:
    with pytest.raises(NotFound) as missing:
        await list_collections(ws, name)
    assert str(missing.value) == f"collection: no collection is named “{name}”; {hint}"


async def test_the_receipt_of_a_new_collection_has_its_id(ws: CallContext) -> None:
    receipt = await carry_out(ws, update_collection, action="create", name="coupons", rows=[{"code": "A"}])
    assert receipt.created_id == "2"


async def test_columns_that_an_answer_has_no_room_for_are_counted(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.library.collections[1].rows = [{f"column {number}": number for number in range(70)}]
    (listed,) = (await list_collections(ws)).collections
    assert (len(listed.columns or ()), listed.columns_omitted) == (MAX_LISTED_COLUMNS, 60)
    (one,) = (await list_collections(ws, "offers")).collections
    assert (len(one.columns or ()), one.columns_omitted) == (MAX_COLUMNS, 20)
    assert "”, and 20 more" in str(one)


async def test_a_row_is_added_and_removed_by_reading_and_writing_all_of_them(ws: CallContext, sandbox: Sandbox) -> None:
    offers = sandbox.workspace.library.collections[1]
    before = list(offers.rows)
    new = {"id": "fall", "title": "3 for 2"}
    receipt = await carry_out(ws, update_collection, action="add_rows", rows=(new,), **OFFERS)
    assert receipt.status == "done"
    assert offers.rows == [*before, new]
    plan = await update_collection(ws, "remove_rows", "1", rows=({"id": "spring"},))
    assert plan.summary == "Change the rows of collection 1 “offers”: 3 rows before, 2 rows after."
    assert plan.affected is None
    receipt = await carry_out(ws, update_collection, action="remove_rows", rows=({"id": "spring"},), **OFFERS)
    assert [row["id"] for row in offers.rows] == ["bundle", "fall"]


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_rows_may_have_exactly_as_many_bytes_as_are_stated(more: int, refused: bool) -> None:
    empty = len(canonical({"x": ""}))
    longest: dict[str, JsonValue] = {"x": "y" * (MAX_ROW_BYTES - empty)}
    check_rows([longest])
    with pytest.raises(InvalidArgument, match=r"\[0\] has 10,001"):
        check_rows([{"x": "y" * (MAX_ROW_BYTES + 1 - empty)}])
    full = [longest] * (MAX_EDIT_BYTES // MAX_ROW_BYTES)
    with pytest.raises(InvalidArgument, match="this server sets at most") if refused else nullcontext():
        check_rows([*full, *[{}] * more])


async def test_a_deletion_warns_of_messages_that_could_not_be_read(ws: CallContext, sandbox: Sandbox) -> None:
    collections = sandbox.workspace.library.collections
    collections[2] = replace(collections[1], id=2, name="unused")
    sandbox.faults.append(Fault("GET", "/v1/broadcasts/10/actions", "status:500", times=9))
    unknown = await update_collection(ws, "delete", "2")
    assert GONE in unknown.warnings
    sandbox.faults.clear()
    quiet = await update_collection(ws, "delete", "2")
    assert GONE not in quiet.warnings


@pytest.mark.parametrize("pattern", [{"id": "none"}, {}, {"url": None}])
async def test_a_row_to_remove_must_match_exactly_one(ws: CallContext, pattern: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=r"^rows: each must match exactly one row: \[0\] matches 0 rows"):
        await update_collection(ws, "remove_rows", "offers", rows=(pattern,))


async def test_values_that_match_several_rows_remove_none_of_them(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.library.collections[1].rows = [{"id": "a", "kind": "x"}, {"id": "b", "kind": "x"}]
    with pytest.raises(InvalidArgument, match=r"\[0\] matches 2 rows"):
        await update_collection(ws, "remove_rows", "offers", rows=({"kind": "x"},))


async def test_a_collection_is_created_renamed_and_deleted(ws: CallContext, sandbox: Sandbox) -> None:
    collections = sandbox.workspace.library.collections
    created = await carry_out(ws, update_collection, action="create", name="stores", rows=({"city": "Oslo"},))
    assert created.status == "done"
    assert (collections[2].name, collections[2].rows) == ("stores", [{"city": "Oslo"}])
    assert (await carry_out(ws, update_collection, action="rename", collection="2", name="shops")).status == "done"
    assert collections[2].name == "shops"
    assert (await carry_out(ws, update_collection, action="delete", collection="shops")).status == "done"
    assert 2 not in collections


async def test_a_new_name_or_a_deletion_warns_of_the_messages_that_use_the_old_one(ws: CallContext) -> None:
    plan = await update_collection(ws, "rename", "offers", name="deals")
    assert any("find it by its name" in warning for warning in plan.warnings)
    plan = await update_collection(ws, "delete", "offers")
    assert plan.risk == "destroy"
    assert plan.warnings == ("Messages that use it will find no data.",)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"action": "create", "name": "offers", "rows": ()}, "^name: there is a collection"),
        ({"action": "create", "collection": "1"}, r"^collection: must be omitted.*; name: is required"),
        ({"action": "rename", "collection": "1", "rows": ({"a": 1},)}, r"^rows: must be omitted.*; name: is required"),
        ({"action": "add_rows"}, r"^collection: is required; rows: is required"),
        ({"action": "create", "name": "x", "rows": ({"a": "y" * 10_000},)}, r"^rows: a row can have at most 10,000"),
        (
            {"action": "create", "name": "x", "rows": tuple({"a": "y" * 9_000} for _ in range(120))},
            r"^rows: have 1,\d+,\d+ bytes.*at most 1,000,000",
        ),
    ],
)
async def test_a_call_that_cannot_be_meant_is_refused(ws: CallContext, arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        await update_collection(ws, **arguments)


async def test_a_collection_that_is_too_large_is_not_edited_row_by_row(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.library.collections[1].rows = [{"text": "x" * 9_000} for _ in range(120)]
    with pytest.raises(Refused, match="this server edits rows of at most 1,000,000"):
        await update_collection(ws, "add_rows", "offers", rows=({"a": 1},))
    plan = await update_collection(ws, "delete", "offers")
    assert "undo_change can't restore its rows" in plan.warnings[-1]


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
        (b'{"data":[{"a":1}]}', [{"a": 1}]),
        (b'{"a":1,"data":[{"b":1}]}', [{"a": 1, "data": [{"b": 1}]}]),
        (b"{}", []),
    ],
)
def test_rows_are_read_in_any_form_in_which_they_may_come(answer: bytes, rows: list[Any]) -> None:
    assert rows_of(json_object(Answered(200, answer), "data")) == rows


async def test_rows_that_are_fewer_than_the_collection_has_are_not_edited(ws: CallContext) -> None:
    found = await ws.collections.find("offers", field="collection")
    with pytest.raises(BadAnswer, match="2 rows of the collection, which has 5"):
        await ws.collections.rows(found.model_copy(update={"rows": 5}))
