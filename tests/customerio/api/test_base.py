"""Lenient models: what Customer.io leaves out, spells otherwise, or sends in another shape."""

from datetime import UTC, datetime

import pytest

from cio_mcp.customerio.api.base import Activity, Identifiers, Message, MessagePage
from cio_mcp.customerio.api.people import PeoplePage, Person
from cio_mcp.customerio.api.segments import Segment, Usage
from cio_mcp.errors import BadAnswer


def test_ids_come_as_numbers_or_texts() -> None:
    assert Segment.of({"id": 4}).id == Segment.of({"id": "4"}).id == "4"
    assert Usage.of({"campaigns": [1, "2"]}).campaigns == ("1", "2")


@pytest.mark.parametrize("page", [{}, {"messages": None}, {"messages": "nil"}, {"messages": [], "next": ""}])
def test_a_list_that_is_missing_is_empty_and_leads_nowhere(page: dict[str, object]) -> None:
    assert MessagePage.of(page) == MessagePage(messages=(), next=None)


def test_blank_identifiers_are_none() -> None:
    page = PeoplePage.of({"identifiers": [{"email": "", "id": None, "cio_id": "a3000001"}], "ids": [""]})
    assert page.identifiers == (Identifiers(cio_id="a3000001"),)


@pytest.mark.parametrize("never", [None, 0, "", "0"], ids=repr)
def test_a_time_that_never_was_is_none(never: object) -> None:
    assert Message.of({"id": "d", "created": never}).created is None


def test_a_time_is_in_utc() -> None:
    assert Activity.of({"timestamp": 1_397_566_226}).timestamp == datetime(2014, 4, 15, 12, 50, 26, tzinfo=UTC)


def test_unknown_keys_are_ignored() -> None:
    assert Message.of({"id": "d", "brand_new": {"deep": [1]}}).id == "d"


@pytest.mark.parametrize(
    ("answer", "field"),
    [({}, "id"), ([], "all of it"), ({"id": "d", "metrics": {"secret@example.com": "x"}}, "metrics")],
)
def test_another_shape_is_a_bad_answer_that_names_the_field_and_nothing_else(answer: object, field: str) -> None:
    with pytest.raises(BadAnswer) as bad:
        Message.of(answer)
    assert str(bad.value) == f"Customer.io's answer is not what it documents ({field})."


def test_attributes_may_be_of_any_type() -> None:
    assert Person.of({"attributes": {"n": 1, "deep": {"a": [None]}, "none": None}}).attributes["n"] == 1
