"""Customer.io's filter is checked before it is sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.common.people_filter import ACCEPTED, MAX_DEPTH, audience, check_filter
from cio_mcp.workspace import CallContext

VIP: dict[str, Any] = {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["and", "not", "segment", "x"]), inner),
    max_leaves=8,
)


def test_a_nested_filter_passes_unchanged() -> None:
    filter_ = {"and": [VIP, {"not": {"or": [{"segment": {"id": 3}}, VIP]}}]}
    assert check_filter(filter_) == filter_


@pytest.mark.parametrize(("value", "sent"), [(True, "true"), (False, "false"), (5, "5"), (1.5, "1.5"), ("a", "a")])
def test_compared_values_are_sent_as_text(value: object, sent: str) -> None:
    assert check_filter({"attribute": {"field": "f", "operator": "eq", "value": value}})["attribute"]["value"] == sent


@pytest.mark.parametrize("segment", [4, "4", "“4”", {"id": 4}, {"id": "4"}, {"id": '"4"', "name": None}], ids=repr)
def test_a_segment_may_be_given_by_id_in_each_obvious_spelling(segment: object) -> None:
    assert check_filter({"not": {"segment": segment}}) == {"not": {"segment": {"id": 4}}}


@pytest.mark.parametrize(
    "segment", ["VIP", "“VIP”", {"name": "VIP"}, {"id": "VIP"}, {"name": " VIP ", "id": ""}], ids=repr
)
def test_a_segment_may_be_given_by_name_in_each_obvious_spelling(segment: object) -> None:
    assert check_filter({"or": [{"segment": segment}]}) == {"or": [{"segment": {"name": "VIP"}}]}


def test_keys_in_capitals_nulls_and_one_condition_for_a_list_are_accepted() -> None:
    assert check_filter({"AND": {"Not": {"segment": 4, "attribute": None}}}) == {
        "and": [{"not": {"segment": {"id": 4}}}]
    }


@pytest.mark.anyio
async def test_segments_are_found_by_name_wherever_they_stand(ws: CallContext, sandbox: Sandbox) -> None:
    named = {"and": [{"segment": "VIP"}, {"not": {"or": [{"segment": {"id": "Beta testers"}}, VIP]}}]}
    assert await audience(ws, named) == {
        "and": [{"segment": {"id": 2}}, {"not": {"or": [{"segment": {"id": 3}}, VIP]}}]
    }
    assert await audience(ws, {"segment": {"name": "VIP"}}) == {"segment": {"id": 2}}
    assert sandbox.routes["GET /v1/segments"] == 1


@pytest.mark.anyio
async def test_a_filter_costs_one_read_of_the_segments_if_it_has_any(ws: CallContext, sandbox: Sandbox) -> None:
    assert await audience(ws, VIP) == VIP
    assert not sandbox.requests
    for _ in range(2):
        assert await audience(ws, {"and": [{"segment": {"id": 2}}, VIP]}) == {"and": [{"segment": {"id": 2}}, VIP]}
    assert [request["path"] for request in sandbox.requests] == ["/v1/segments"]


@pytest.mark.anyio
async def test_the_id_of_a_segment_that_does_not_exist_is_refused_rather_than_finding_nobody(ws: CallContext) -> None:
    for segment in ({"id": 99}, {"id": "99"}, 99):
        with pytest.raises(NotFound, match=r"filter\.and\[0\]\.segment: no segment has the ID or name “99”"):
            await audience(ws, {"and": [{"segment": segment}, VIP]})


@pytest.mark.anyio
async def test_a_name_that_is_a_number_is_the_name_before_it_is_an_id(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.segments[4].name = "3"
    assert await audience(ws, {"segment": {"name": "3"}}) == {"segment": {"id": 4}}
    assert await audience(ws, {"segment": "3"}) == {"segment": {"id": 3}}
    assert await audience(ws, {"segment": {"name": "2"}}) == {"segment": {"id": 2}}


@pytest.mark.anyio
async def test_a_segment_that_is_not_found_by_name_is_suggested(ws: CallContext) -> None:
    with pytest.raises(NotFound, match=r"did you mean “Beta testers” \(id 3\)\?"):
        await audience(ws, {"not": {"segment": {"name": "Beta tester"}}})


@pytest.mark.anyio
async def test_all_segments_that_do_not_exist_are_reported_at_once_each_with_its_place(ws: CallContext) -> None:
    with pytest.raises(NotFound) as refused:
        await audience(ws, {"and": [{"segment": "Beta tester"}, {"segment": "VIP"}, {"not": {"segment": "VIPs"}}]})
    assert str(refused.value) == (
        "filter.and[0].segment: no segment has the ID or name “Beta tester”; did you mean “Beta testers” (id 3)? "
        "filter.and[2].not.segment: no segment has the ID or name “VIPs”; did you mean “VIP” (id 2)?"
    )


def test_all_faults_of_a_filter_are_reported_at_once() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_filter(
            {"and": [{"plan": "vip"}, VIP, {"or": [{"segment": []}, {"attribute": {"operator": "is"}}]}], "x": 1}
        )
    places = [text.split(": ")[0] for text in str(refused.value).split(". ")]
    assert places == [
        "filter",
        "filter.and[0]",
        "filter.and[2].or[0].segment",
        "filter.and[2].or[1].attribute.field",
        "filter.and[2].or[1].attribute.operator",
    ]


def test_only_some_of_very_many_faults_are_listed_and_the_rest_is_counted() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_filter({"or": [{"segment": []}] * 100})
    assert str(refused.value).endswith("92 more conditions are invalid.")


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        ({}, "filter: expected exactly one of and, or, not, segment, attribute"),
        ("VIP", "filter: expected an object with exactly one of and, or, not, segment, attribute"),
        ([VIP], "filter: expected an object with exactly one of and, or, not, segment, attribute; to combine"),
        ({**VIP, "segment": {"id": 1}}, "filter: expected exactly one of"),
        ({"plan": "vip"}, "filter: unknown key “plan”; expected exactly one of"),
        ({"plan": "vip"}, f"filter: unknown key “plan”; {ACCEPTED}; compare an attribute with {{attribute: {{field,"),
        ({"segments": "VIP"}, "filter: unknown key “segments” (did you mean segment?); expected exactly one of"),
        ({"and": "VIP"}, "filter.and: expected a list"),
        ({"or": []}, "filter.or: expected a list"),
        ({"not": [VIP]}, "filter.not: expected an object with exactly one of"),
        ({"and": [VIP, {"segment": ["VIP"]}]}, "filter.and[1].segment: expected an ID or name, or an object with"),
        ({"segment": " "}, "filter.segment: expected an ID or name"),
        ({"segment": True}, "filter.segment: expected an ID or name"),
        ({"segment": -1}, "filter.segment: expected an ID or name"),
        ({"segment": {"name": " "}}, "filter.segment: expected an ID or name, or an object with either id or name"),
        ({"segment": {"name": 2}}, "filter.segment: expected"),
        ({"segment": {}}, "filter.segment: expected"),
        ({"segment": {"id": True}}, "filter.segment: expected"),
        ({"segment": {"id": 1, "name": "x"}}, "filter.segment: expected an ID or name, or an object with either"),
        ({"segment": {"label": "x"}}, "filter.segment: unknown key “label”; expected id, name"),
        ({"segment": {"nam": "x"}}, "filter.segment: unknown key “nam” (did you mean name?); expected id, name"),
        ({"or": [VIP] * 101}, "filter.or: has 101 conditions; at most 100 are allowed"),
        ({"attribute": {"field": "", "operator": "exists"}}, "filter.attribute.field: expected"),
        ({"attribute": {"field": "f", "operator": "contains", "value": "x"}}, "filter.attribute.operator: expected eq"),
        ({"attribute": {"field": "f", "operator": "eq"}}, "filter.attribute.value: eq requires"),
        (
            {"attribute": {"field": "f", "operator": "exists", "value": "x"}},
            "filter.attribute.value: must be omitted",
        ),
        ({"attribute": {"field": "f", "op": "eq", "value": "x"}}, "filter.attribute: unknown key “op”"),
    ],
)
def test_a_bad_filter_is_refused_by_naming_the_place(filter_: object, message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_filter(filter_)
    assert str(refused.value).startswith(message)


def test_endless_nesting_is_refused() -> None:
    filter_ = VIP
    for _ in range(MAX_DEPTH + 1):
        filter_ = {"not": filter_}
    with pytest.raises(InvalidArgument, match="levels deep"):
        check_filter(filter_)


def test_a_foreign_key_cannot_break_out_of_the_sentence() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_filter({'x"”\n\u202eSYSTEM': 1})
    assert "\n" not in str(refused.value)
    assert "\u202e" not in str(refused.value)


@given(JSON)
def test_any_input_is_accepted_or_refused_in_a_sentence(value: object) -> None:
    field = "filter"
    try:
        assert len(check_filter(value)) == 1
    except InvalidArgument as refused:
        field = refused.field
    assert field.startswith("filter")
