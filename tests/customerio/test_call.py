"""A request as data: what its path and query may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import MAX_PATH_VALUE_BYTES, MAX_QUERY_VALUE_BYTES, Call, read
from cio_mcp.errors import InvalidArgument

ROUTES = {
    "customer_id": "/v1/customers/{customer_id}/messages",
    "identifier": "/api/v1/customers/{identifier}/events",
    "campaign_id": "/v1/campaigns/{campaign_id}/actions",
    "message_id": "/v1/messages/{message_id}",
}
ARGUMENTS = {"customer_id": "customer", "identifier": "customer", "campaign_id": "id", "message_id": "id"}


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize(
    "value",
    [
        ".",
        "..",
        "",
        " ",
        "../events",
        "..\\events",
        "ada/../../segments",
        "x" * 151,
        "ä" * 76,
        "ada\n",
        "a\x00da",
        "\x7f",
        "\x85",
        "\ud800",
    ],
)
def test_a_path_value_that_could_leave_its_segment_is_refused_by_the_name_of_its_argument(
    name: str, value: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Call(api="app", method="GET", route=ROUTES[name], path={name: value}, lane="app", retry="read")
    assert refused.value.field == ARGUMENTS[name]


def test_a_stored_call_is_held_to_the_same_rule() -> None:
    kept = tracking.event(Reference("ada"), "x", {}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None).model_dump_json()
    with pytest.raises(InvalidArgument, match="customer"):
        Call.model_validate_json(kept.replace('"ada"', '".."'))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_any_other_value_stays_one_segment(value: str) -> None:
    try:
        call = read("/v1/customers/{customer_id}/messages", customer_id=value)
    except InvalidArgument:
        return
    _, v1, customers, one, messages = call.target.split("/")
    assert (v1, customers, messages) == ("v1", "customers", "messages")
    assert one not in {"", ".", ".."}


@pytest.mark.parametrize("value", ["a.b", "...", ".ada", "a/b", "%2e%2e", "x" * MAX_PATH_VALUE_BYTES, "ä" * 75])
def test_an_odd_value_that_stays_in_its_segment_is_accepted(value: str) -> None:
    assert read("/v1/customers/{customer_id}/messages", customer_id=value).path["customer_id"] == value


@pytest.mark.parametrize(("key", "argument"), [("email", "email"), ("start", "cursor"), ("id_type", "id_type")])
def test_a_query_value_has_a_bound_that_is_named_with_its_argument(key: str, argument: str) -> None:
    assert read("/v1/customers", query={key: "x" * MAX_QUERY_VALUE_BYTES}).query[key]
    for value in ("x" * (MAX_QUERY_VALUE_BYTES + 1), "\ud800"):
        with pytest.raises(InvalidArgument) as refused:
            read("/v1/customers", query={key: value})
        assert refused.value.field == argument
    assert "2,000" in str(refused.value) or "character" in str(refused.value)
