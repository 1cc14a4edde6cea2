"""The question: everything that a change sends is in it, or it is not shown in a client."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.api import sends, tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.gate.field_labels import LABELS
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.gate.question import MAX_CHARACTERS, MAX_LINES, Question, question_about
from cio_mcp.gate.question_values import OPTIONS
from cio_mcp.text.visible import visible

ULID = "01HZZZZZZZZZZZZZZZZZZZ0001"
TEXTS = st.text(max_size=12) | st.sampled_from(["a", "a ", "a.b", "a\u200b", "“a”", "<b>", "true", "1", "[1]", "null"])
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([1.0, 1.5]) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
BODIES = st.dictionaries(TEXTS | st.sampled_from(["email", "plan", "unsubscribed"]), VALUES, min_size=1, max_size=3)


def event(data: dict[str, JsonValue], name: str = "x") -> Call:
    return tracking.event(Reference("ada"), name, data, ulid=ULID, at=None)


def identify(attributes: dict[str, JsonValue]) -> Call:
    return tracking.identify(Reference("ada"), attributes, at=1_800_000_000, create=False)


def question_of(call: Call, **more: object) -> Question:
    return question_about(
        Plan.model_validate({"risk": "send", "summary": "Send.", "calls": (call,), **more}), "aaaa0001"
    )


@given(st.sampled_from([event, identify]), BODIES, BODIES)
def test_two_plans_with_different_requests_never_have_the_same_question(
    kind: object, one: object, other: object
) -> None:
    first, second = kind(one), kind(other)  # type: ignore[operator]  # hypothesis gives the builders
    questions = question_of(first), question_of(second)
    if all(question.fits for question in questions):
        same = canonical(first.model_dump(mode="json")) == canonical(second.model_dump(mode="json"))
        assert (questions[0].text == questions[1].text) == same


@given(BODIES)
def test_a_client_that_joins_all_lines_shows_the_same_words(body: dict[str, JsonValue]) -> None:
    text = question_of(event(body)).text
    assert "  " not in text.replace("\n", " ").replace("  ", " ") or "\\u0020" in text


def test_the_last_of_many_values_is_shown_or_the_client_is_not_prompted() -> None:
    few, many = ({f"key_{number}": "v" for number in range(count)} for count in (40, 90))
    assert "Event data.key_39: “v”" in question_of(event({**few})).text
    assert not question_of(event({**many})).fits


@pytest.mark.parametrize(
    "data",
    [
        {"url": "https://acme.example/reset?" + "x" * 600},
        {"numbers": list(range(3000))},
        {"n": 10**600},
        {f"key_{number}": "v" * 200 for number in range(30)},
        {f"k{number}": number for number in range(60)},
    ],
    ids=["long value", "long list", "long number", "many characters", "many lines"],
)
def test_a_plan_that_does_not_fit_is_not_shown_in_a_client(data: dict[str, JsonValue]) -> None:
    question = question_of(event(data))
    assert not question.fits
    assert "too large to show here" in question.text
    assert len(question.text) <= MAX_CHARACTERS


def test_a_question_at_its_bounds_fits() -> None:
    question = question_of(event({"v": "x" * 498}))
    assert question.fits
    assert question.text.count("\n") < MAX_LINES


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"send_to_unsubscribed": True}, "- Send to unsubscribed people: true."),
        (
            {"disable_message_retention": True},
            "- Don't keep the message content (disable_message_retention): true.",
        ),
        ({"tracked": False}, "- Track opens and clicks: false."),
        ({"language": "de"}, "- Language of the message: “de”."),
        ({"queue_draft": True}, "- Queue as draft: true."),
    ],
)
def test_every_option_that_is_not_a_default_comes_first(options: dict[str, JsonValue], shown: str) -> None:
    call = sends.email(3, {"id": "ada"}, "ada@example.com", {"a": 1}, send_at=None, options=options)
    text = question_of(call).text
    assert text.index("Options:") < text.index(shown) < text.index("Values that affect who is reached:")


def test_fields_of_a_send_have_the_words_of_customer_io_and_times_are_readable() -> None:
    at = datetime(2026, 11, 28, 9, tzinfo=UTC)
    call = sends.email(3, {"cio_id": "a3"}, "ada@example.com", {"reset_url": "x"}, send_at=at, options={})
    text = question_of(call).text
    assert "- Send at: 2026-11-28T09:00:00Z." in text
    assert "- Customer cio_id: “a3”." in text
    assert "- Send to: “ada@example.com”." in text
    assert "- Transactional message: 3." in text
    assert "- Message data.reset_url: “x”." in text
    assert "send_at" not in text
    assert "message_data" not in text


def test_fields_of_an_event_and_a_profile_have_the_words_of_customer_io() -> None:
    text = question_of(event({"order_id": "A1"}, name="order_placed")).text
    assert "- Event name: “order_placed”." in text
    assert "- Event data.order_id: “A1”." in text
    text = question_of(identify({"cio_subscription_preferences": {"topics": {"topic_1": True}}})).text
    assert "- Subscription preferences.topics.topic_1: true." in text
    assert "- Existing customers only: true." in text
    assert "_update" not in text


@pytest.mark.parametrize("operation", LABELS)
def test_a_label_can_not_be_taken_for_the_name_of_a_field_or_for_another_label(operation: str) -> None:
    labels = LABELS[operation].values()
    assert all(" " in label and visible(label) == f"“{label}”" for label in labels)
    assert len(set(labels)) == len(labels)


def test_every_option_has_a_label() -> None:
    labelled = {names[-1] for labels in LABELS.values() for names in labels}
    assert labelled >= OPTIONS.keys()


def test_an_address_among_many_attributes_comes_before_the_rest_with_its_old_value() -> None:
    attributes: dict[str, JsonValue] = {f"a{number}": number for number in range(20)} | {"email": "new@example.com"}
    edits = tuple(ValueEdit(name=name, before=None, after=value) for name, value in attributes.items())
    edits = (*edits[:-1], ValueEdit(name="email", before="ada@example.com", after="new@example.com"))
    text = question_of(identify(attributes), edits=edits).text
    shown = "email: “ada@example.com” → “new@example.com”"
    assert text.index("Values that affect who is reached:") < text.index(shown) < text.index("a0: (not set) → 0")


def test_an_existing_value_that_could_not_be_read_is_unknown_rather_than_unset() -> None:
    edit = ValueEdit(name="plan", before=None, after="pro", known=False)
    assert "plan: (unknown) → “pro”" in question_of(identify({"plan": "pro"}), edits=(edit,)).text


@pytest.mark.parametrize(
    ("starts", "shown"),
    [
        (None, None),
        ((), "May trigger: no running campaign."),
        (("campaign 2 “Two”",), "May trigger:\n- campaign 2 “Two”."),
        ("unknown", "May trigger: unknown."),
    ],
)
def test_unknown_is_never_shown_as_none(starts: object, shown: str | None) -> None:
    text = question_of(event({}), starts=starts).text
    assert shown in text if shown else "May trigger" not in text


def test_characters_that_cannot_be_seen_are_spelled_out_with_a_warning() -> None:
    text = question_of(event({"pl\u200ban": "https://a.example/\u202egpj.exe"})).text
    assert "Event data.“pl\\u200ban”: “https://a.example/\\u202egpj.exe”." in text
    assert "invisible characters" in text
    assert "invisible characters" not in question_of(event({"plan": "pro"})).text


def test_generated_ids_and_times_are_left_out() -> None:
    assert ULID not in question_of(event({"a": 1})).text
    assert "1800000000" not in question_of(identify({"a": 1})).text


def test_the_message_is_marked_approximate_and_comes_before_the_values() -> None:
    text = question_of(event({"a": 1}), preview=("Subject: “Hi”",)).text
    assert text.index("Message (approximate):\n- Subject: “Hi”.") < text.index("Values:")


def test_a_password_in_a_webhook_url_is_not_shown() -> None:
    body: JsonValue = {"endpoint": "https://user:secret@example.com/x"}
    call = Call(operation="create_reporting_webhook", body=body)
    assert "secret" not in question_of(call).text
    assert json.dumps(call.body) != question_of(call).text


def test_old_and_new_values_that_run_from_right_to_left_keep_their_places() -> None:
    edit = ValueEdit(name="city", before="ירושלים", after="תל")
    text = question_of(identify({"city": "תל"}), edits=(edit,)).text
    assert "city: “\u2068ירושלים\u2069” → “\u2068תל\u2069”" in text  # noqa: RUF001


@pytest.mark.parametrize("text", ["first\u2800name", "a\U0001d159b", "a\U00016fe4b", "z" + "\u0338" * 200, "\u0338x"])
def test_characters_that_look_blank_or_cover_others_are_spelled_out_with_a_warning(text: str) -> None:
    question = question_of(event({"v": text})).text
    assert "invisible characters" in question
    assert text not in question


@pytest.mark.parametrize("text", ["\u0435ve@example.com", "https://p\u0430ypal.example/x", "\u0440lan"])
def test_a_name_that_mixes_scripts_is_warned_of(text: str) -> None:
    assert "mix scripts" in question_of(event({"v": text})).text
    assert "mix scripts" in question_of(event({text: 1})).text


@pytest.mark.parametrize("text", ["почта@example.com", "Zoë", "Αθήνα", "plan"])
def test_a_name_in_one_script_is_not_warned_of(text: str) -> None:
    assert "mix scripts" not in question_of(event({"v": text})).text
