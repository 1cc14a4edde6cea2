"""Arguments as models write them, read by a schema alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.errors import InvalidArgument
from cio_mcp.server.input import Input, read_input
from cio_mcp.server.sizes import MAX_VALUES
from cio_mcp.tools.common.arguments import MAX_TIME_BYTES, READ_AS

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KINDS = ["campaign", "broadcast", "newsletter"]
REFERENCE = {"type": "string", READ_AS: "reference"}
TIME = {"type": "string", READ_AS: "time"}
MOMENT = {"type": "string", READ_AS: "moment"}
CONDITION = {
    "type": "object",
    "properties": {
        "field": {"type": "string"},
        "value": {"type": "string"},
        "tag": {"type": "string", "minLength": 1},
        "fast": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "all": {"type": "array", "items": {"$ref": "#/$defs/Condition"}},
    },
    "required": ["field"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"Condition": CONDITION},
    "properties": {
        "id": REFERENCE,
        "kind": {"type": "string", "enum": KINDS, "default": "campaign"},
        "include": {"type": "array", "items": {"type": "string", "enum": ["segments", "messages"]}, "default": []},
        "ids": {"type": "array", "items": REFERENCE},
        "limit": {"type": "integer", "default": 20},
        "repeat": {"type": "boolean", "default": False},
        "since": {"anyOf": [TIME, {"type": "null"}], "default": None},
        "until": {"anyOf": [TIME, {"type": "null"}], "default": None},
        "send_at": {"anyOf": [MOMENT, {"type": "null"}], "default": None},
        "timezone": REFERENCE,
        "subject": {"type": "string"},
        "data": {"type": "object", "additionalProperties": True},
        "filter": {"anyOf": [{"$ref": "#/$defs/Condition"}, {"type": "null"}], "default": None},
        "channel": {"const": "email", "type": "string"},
        "either": {"anyOf": [{"type": "array", "items": REFERENCE}, REFERENCE]},
    },
    "required": ["id"],
}


def read(**arguments: Any) -> Input:
    return read_input(arguments, SCHEMA, NOW)


@pytest.mark.parametrize("blank", [None, ""])
def test_null_and_empty_text_for_an_optional_argument_mean_not_given(blank: str | None) -> None:
    names = [name for name in SCHEMA["properties"] if name != "id"]
    assert read(id="1", **dict.fromkeys(names, blank)).arguments == {"id": "1"}


@pytest.mark.parametrize("blank", [None, ""])
def test_null_and_empty_text_for_a_required_argument_stay_for_validation_to_refuse(blank: str | None) -> None:
    assert read(id=blank).arguments == {"id": blank}


@pytest.mark.parametrize(
    ("argument", "given", "expected"),
    [
        ("include", "segments", ["segments"]),
        ("include", "segments, messages", ["segments", "messages"]),
        ("include", '["segments"]', ["segments"]),
        ("include", ["Segment", "MESSAGES"], ["segments", "messages"]),
        ("ids", 5, ["5"]),
        ("ids", "Spring, summer", ["Spring, summer"]),
        ("ids", [1, "“2”"], ["1", "2"]),
        ("limit", " 5 ", "5"),
        ("id", 5, "5"),
        ("id", 5.0, "5"),
        ("subject", 5, "5"),
        ("repeat", "true", True),
        ("repeat", "Yes", True),
        ("repeat", " false ", False),
        ("kind", "Newsletters", "newsletter"),
        ("kind", "“broadcast”", "broadcast"),
        ("channel", "Email", "email"),
        ("data", '{"a": "2", "b": null}', {"a": "2", "b": None}),
        ("filter", '{"field": "plan", "fast": "yes"}', {"field": "plan", "fast": True}),
        ("either", "“a”", "a"),
        ("either", ["“a”"], ["a"]),
    ],
)
def test_a_value_is_read_in_the_type_of_the_schema(argument: str, given: Any, expected: Any) -> None:
    assert read(**{"id": "1", argument: given}).arguments[argument] == expected


@pytest.mark.parametrize("text", ["ada", " ada ", "“ada”", '"ada"', "'ada'", "\u2018ada\u2019", "` ada `"])
def test_an_id_is_read_without_the_spaces_and_quotation_marks_it_was_copied_with(text: str) -> None:
    assert read(id=text).arguments == {"id": "ada"}


@pytest.mark.parametrize("text", ['"', '""', "ada's", '"ada', "“ada", 'a "b"'])
def test_quotation_marks_that_are_part_of_a_name_stay(text: str) -> None:
    assert read(id=text).arguments == {"id": text}


@pytest.mark.parametrize("text", [" “Hello” ", "", "null", "[1]", '{"a": 1}'])
def test_text_that_is_not_a_reference_is_not_changed(text: str) -> None:
    assert read_input({"subject": text}, SCHEMA | {"required": ["subject"]}, NOW).arguments == {"subject": text}


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)))
def test_nothing_inside_a_free_form_object_is_changed(data: dict[str, Any]) -> None:
    assert read(id="1", data=data).arguments["data"] == data


@pytest.mark.parametrize("value", [["x"], {"a": 1}, True, "[not json", "[NaN]", '["a"', '{"a": NaN}', "[" * 100_000, 5])
def test_an_unreadable_value_is_left_for_validation_to_refuse(value: Any) -> None:
    for argument in ("data", "limit", "repeat", "kind"):
        assert read(**{"id": "1", argument: value}).arguments[argument] == value


def test_null_inside_a_declared_object_means_not_given_and_an_empty_text_does_where_none_is_allowed() -> None:
    condition: dict[str, Any] = {"field": "plan", "value": "", "tag": "", "fast": None, "all": []}
    assert read(id="1", filter=condition).arguments["filter"] == {"field": "plan", "value": ""}


def test_an_optional_object_in_which_nothing_is_given_counts_as_not_given() -> None:
    assert read(id="1", filter={"fast": None, "all": []}).arguments == {"id": "1"}


def test_a_guess_is_noted_and_a_difference_in_case_is_not() -> None:
    assert read(id="1", kind="NEWSLETTER").note is None
    assert read(id="1", kind="campain", include="message, segment").note == (
        "kind was read as campaign. include was read as messages, segments."
    )


def test_times_without_a_zone_are_read_as_utc_and_the_note_says_so() -> None:
    result = read(id="1", since="2026-01-01", until="“2026-01-31T09:00:00”")
    assert result.arguments == {"id": "1", "since": "2026-01-01T00:00:00Z", "until": "2026-01-31T09:00:00Z"}
    assert result.note == (
        "Times without a zone were read as UTC: since 2026-01-01T00:00:00Z, until 2026-01-31T09:00:00Z."
    )


def test_times_without_a_zone_are_read_in_the_zone_that_the_call_names() -> None:
    result = read(id="1", since="2026-01-01", timezone=" “America/New_York” ")
    assert result.arguments["since"] == "2026-01-01T00:00:00-05:00"
    assert result.note == "Times without a zone were read as America/New_York: since 2026-01-01T00:00:00-05:00."


@pytest.mark.parametrize("date", ["2026-11-27", "20261127", "2026-W48-5", " “2026-11-27” "])
def test_a_date_alone_is_refused_for_a_moment(date: str) -> None:
    expected = "send_at: expected a date and time, such as 2026-11-27T09:00:00-05:00"
    assert read(id="1", send_at=date).faults == {"send_at": expected}


def test_a_moment_without_a_zone_stays_without_one_so_that_its_tool_can_say_so() -> None:
    result = read(id="1", send_at="2026-11-27 09:00", timezone="America/New_York")
    assert result.arguments["send_at"] == "2026-11-27T09:00:00"
    assert read(id="1", send_at="2026-11-27T09:00:00-05:00").arguments["send_at"] == "2026-11-27T09:00:00-05:00"
    assert read(id="1", send_at=1_764_100_000).arguments["send_at"] == "2025-11-25T19:46:40Z"


@pytest.mark.parametrize("argument", ["send_at", "since"])
@pytest.mark.parametrize("text", ["2026-11-27 09:00 America/New_York", "2026-11-27T09:00[America/New_York]"])
def test_a_time_with_the_name_of_a_zone_is_refused_with_its_offset(argument: str, text: str) -> None:
    expected = "expected a UTC offset instead of the name of a time zone: 2026-11-27T09:00:00-05:00"
    assert read(id="1", **{argument: text}).faults == {argument: f"{argument}: {expected}"}


@pytest.mark.parametrize(
    "text", ["2026-11-27 09:00 ../etc", "2026-11-27 09:00 Nowhere/Land", "2026-11-27 a/b", "x Etc/UTC"]
)
def test_an_invalid_zone_gets_the_general_error(text: str) -> None:
    assert "expected an ISO 8601 time, such as" in read(id="1", send_at=text).faults["send_at"]


@pytest.mark.parametrize("name", ["Nowhere/Land", "../etc", "", None, 5])
def test_a_zone_that_does_not_exist_is_left_for_the_tool_to_refuse(name: Any) -> None:
    assert read(id="1", since="2026-01-01", timezone=name).arguments["since"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("value", [1_764_100_000, "1764100000", "2025-11-25T19:46:40Z"], ids=repr)
def test_unix_seconds_are_the_same_time_as_iso_8601_and_need_no_note(value: Any) -> None:
    result = read(id="1", since=value)
    assert (result.arguments["since"], result.note) == ("2025-11-25T19:46:40Z", None)


def test_every_wrong_time_is_a_fault_of_its_own_which_says_what_time_it_is() -> None:
    faults = read(id="1", since="last week", until=1_764_100_000_000).faults
    assert faults.keys() == {"since", "until"}
    assert faults["since"].endswith("It is now 2026-01-31T12:00:00Z")
    assert faults["until"].endswith("this is in milliseconds")


def test_null_omitted_and_quoted_forms_of_a_call_are_the_same_call() -> None:
    plain = read(id="5", include=["segments"])
    sloppy = read(id=" “5” ", include="Segments", limit=None, since="", filter={"fast": None})
    assert plain.arguments == sloppy.arguments


def test_a_list_of_a_hundred_items_is_read_and_a_longer_one_is_left_for_validation_to_refuse() -> None:
    assert read(id="1", ids=[5] * 1_000).arguments["ids"] == ["5"] * 1_000
    assert read(id="1", ids=[5] * 1_001).arguments["ids"] == [5] * 1_001


def test_an_empty_list_is_left_for_validation_to_refuse_except_in_a_declared_object() -> None:
    assert read(id="1", ids=[]).arguments == {"id": "1", "ids": []}
    assert read(id="1", filter={"field": "a", "all": []}).arguments["filter"] == {"field": "a"}


def test_empty_parts_of_a_list_in_a_text_are_ignored() -> None:
    assert read(id="1", include="segments,, messages, ").arguments["include"] == ["segments", "messages"]


def test_true_is_neither_a_number_nor_a_text() -> None:
    assert read(id="1", limit=True).faults == {"limit": "limit: expected a number"}
    assert read(id=True, subject=True).arguments == {"id": True, "subject": True}


def test_an_id_of_spaces_is_refused() -> None:
    assert read(id="  ").faults == {"id": "id: contains only spaces; set a value or omit it"}


def test_a_time_that_validation_refuses_as_too_long_has_no_second_fault() -> None:
    assert list(read(id="1", since="x" * MAX_TIME_BYTES).faults) == ["since"]
    assert read(id="1", since="x" * (MAX_TIME_BYTES + 1)).faults == {}


def test_json_text_of_another_kind_or_of_too_many_values_or_characters_is_not_read() -> None:
    assert read(id="1", filter="[1]").arguments["filter"] == "[1]"
    assert read(id="1", ids='{"a": 1}').arguments["ids"] == ['{"a": 1}']
    with pytest.raises(InvalidArgument, match="filter: is JSON text of 1,000,001 characters; at most 1,000,000"):
        read(id="1", filter="{" + " " * 999_999 + "}")
    with pytest.raises(InvalidArgument, match="ids: contains too many values"):
        read(id="1", ids="[" + "1," * MAX_VALUES + "1]")
