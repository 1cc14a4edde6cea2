"""The parts of a question: its bounds, its groups, the people of a batch, and how values are written."""

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.tracking import ProfileWrite, identify_many
from cio_mcp.customerio.call import Call
from cio_mcp.gate.field_labels import LABELS
from cio_mcp.gate.plan import PersonEdit, Plan, ValueEdit
from cio_mcp.gate.question import Question, question_about
from tests.customerio.api.test_writes_are_published import CALLS
from tests.gate.test_question import event, identify, question_of

REACHING = [
    "to",
    "recipients",
    "ids",
    "emails",
    "per_user_data",
    "data_file_url",
    "identifiers",
    "primary",
    "secondary",
    "id",
    "email",
    "phone",
    "cio_id",
    "unsubscribed",
    "cio_subscription_preferences",
    "cio_relationships",
]


def keys(count: int) -> dict[str, JsonValue]:
    return {f"key_{number}": 1 for number in range(count)}


def groups_of(call: Call) -> dict[str, str]:
    """The paragraphs of a question by their first lines."""
    return dict(part.split("\n", 1) for part in question_of(call).text.split("\n\n") if "\n" in part)


def trigger(**body: JsonValue) -> Call:
    return Call(operation="trigger_broadcast", path={"broadcast_id": "10"}, body=body)


PROFILES = {"identify", "create", "identify by kind", "identify many"}


@pytest.mark.parametrize("name", [name for name in CALLS if name not in PROFILES])
def test_each_field_that_a_tool_sends_has_a_label(name: str) -> None:
    call = CALLS[name]
    body = call.body if isinstance(call.body, dict) else {}
    names = [*call.path, *call.query, *(name for name in body if name not in call.generated)]
    labels = LABELS.get(call.operation, {})
    assert [each for each in names if not any(label[0] == each for label in labels)] == []


class TestItsBounds:
    def test_sixty_lines_fit(self) -> None:
        fitting = [question for count in range(40, 60) if (question := question_of(event(keys(count)))).fits]
        assert len(fitting[-1].text.split("\n")) == 60
        assert len(fitting) < 20

    def test_four_thousand_characters_fit(self) -> None:
        long = {f"key_{number}": "x" * 480 for number in range(7)}
        lengths = [
            len(question.text)
            for count in range(250)
            if (question := question_of(event({**long, "last": "x" * count}))).fits
        ]
        assert len(lengths) < 250
        assert lengths[-1] == 4000

    def test_a_value_of_five_hundred_characters_is_shown_whole(self) -> None:
        assert f"“{'x' * 498}”" in question_of(event({"v": "x" * 498})).text
        longer = question_of(event({"v": "a" * 450 + "m" * 50 + "z" * 48 + "!?"}))
        assert not longer.fits
        assert f"“{'a' * 400} … 100 more characters … {'z' * 48}!?”." in longer.text

    @pytest.mark.parametrize(
        ("count", "sentence"), [(90, "73 more values are not listed here."), (0, "show here. Read")]
    )
    def test_one_that_is_too_large_says_how_many_values_are_not_listed(self, count: int, sentence: str) -> None:
        text = question_of(event({**keys(count), "long": "x" * 600})).text
        assert sentence in text
        assert text.count("\n- ") <= 20

    def test_exactly_the_values_that_are_listed_leave_none_out(self) -> None:
        assert "more values" not in question_of(event({**keys(17), "long": "x" * 600})).text
        assert "1 more values" in question_of(event({**keys(18), "long": "x" * 600})).text

    def test_what_there_is_no_room_for_is_counted(self) -> None:
        text = question_of(event({f"key_{number}": "x" * 480 for number in range(30)})).text
        assert text.count("\n- ") == 10
        assert "22 more values are not listed here." in text

    def test_one_with_text_from_right_to_left_is_cut_to_its_bound_with_its_marks(self) -> None:
        question = question_of(event({f"שלום {number}": "שלום " * 90 for number in range(20)}))
        assert not question.fits
        assert 3900 < len(question.text) <= 4000


class TestItsGroups:
    @pytest.mark.parametrize(
        ("name", "default", "other"),
        [
            ("send_to_unsubscribed", False, True),
            ("queue_draft", False, True),
            ("disable_message_retention", False, True),
            ("disable_css_preprocessing", False, True),
            ("tracked", None, False),
            ("language", None, "de"),
            ("send_at", None, 1_900_000_000),
            ("email_add_duplicates", False, True),
            ("email_ignore_missing", False, True),
            ("id_ignore_missing", False, True),
        ],
    )
    def test_an_option_that_is_not_the_default_is_one_and_the_default_is_a_value(
        self, name: str, default: JsonValue, other: JsonValue
    ) -> None:
        assert "Options:" in groups_of(trigger(**{name: other}))
        assert "Options:" not in groups_of(trigger(**{name: default}))

    def test_an_attribute_with_the_name_of_an_option_is_none(self) -> None:
        assert "Options:" not in groups_of(identify({"language": "de", "tracked": False}))

    def test_creating_a_person_is_an_option_of_a_profile_write(self) -> None:
        call = Call(operation="identify_customer", path={"identifier": "ada"}, body={"plan": "pro", "_update": False})
        assert groups_of(call)["Options:"] == "- Existing customers only: false."

    @pytest.mark.parametrize("name", [*REACHING, "Email", " email"])
    def test_values_that_decide_the_recipients_are_listed_as_such_in_any_spelling(self, name: str) -> None:
        reaching = groups_of(identify({name: "x", "plan": "pro"}))["Values that affect who is reached:"]
        assert "“x”" in reaching
        assert "pro" not in reaching

    def test_path_values_affect_the_recipients_and_a_query_is_a_value(self) -> None:
        call = Call(
            operation="add_to_segment",
            path={"segment_id": "7"},
            query={"id_type": "email"},
            body={"ids": ["a@b.example"]},
        )
        groups = groups_of(call)
        assert (
            groups["Values that affect who is reached:"] == "- Segment ID: “7”.\n- Customers to add: [“a@b.example”]."
        )
        assert groups["Values:"] == "- id_type: “email”."

    @pytest.mark.parametrize(
        ("affected", "words"),
        [(None, "an unknown number of people"), (1, "1 person"), (1234, "1,234 people")],
    )
    def test_the_number_of_people_who_are_reached_is_shown_with_some_of_them(
        self, affected: int | None, words: str
    ) -> None:
        text = question_of(event({}), affected=affected, examples=("“ada”",)).text
        assert f"Recipients: {words}.\n- “ada”." in text

    def test_the_people_who_are_expected_to_be_reached_come_first(self) -> None:
        text = question_of(event({}), affected=488, reached=433).text
        assert "Recipients: 433 people are expected to be reached, 488 people at most." in text

    @pytest.mark.parametrize(
        ("call", "sentence"),
        [
            (event({}), "Events can't be undone, nor can their effects."),
            (Call(operation="delete_customer", path={"identifier": "ada"}), "Deletions can't be undone."),
            (Call(operation="create_segment", body={"segment": {"name": "x"}}), "Each approval applies once."),
        ],
    )
    def test_it_ends_with_what_can_not_be_undone(self, call: Call, sentence: str) -> None:
        assert question_of(call).text.endswith(sentence)

    def test_a_plan_that_reaches_nobody_names_no_recipients(self) -> None:
        assert "Recipients" not in question_of(event({}), affected=0).text

    def test_the_parts_of_a_plan_are_shown_in_order_of_importance(self) -> None:
        text = question_of(
            event({"plan": "pro"}),
            notes=("It happened at noon",),
            why="This affects who receives messages.",
            starts=("campaign 2",),
            warnings=("Is it meant?",),
            preview=("Subject: “Hi!”",),
            confirmation="“news”",
        ).text
        parts = (
            "Send.\n- It happened at noon.",
            "May trigger:\n- campaign 2.",
            "This affects who receives messages.",
            "Warnings:\n- Is it meant?\n",
            "Message (approximate):\n- Subject: “Hi!”.\n",
            "Values:\n",
            "Requests: POST /api/v1/customers/{identifier}/events.",
            "To approve, also type “\\u201cnews\\u201d”.",
            "Change aaaa0001.",
        )
        places = [text.index(part) for part in parts]
        assert places == sorted(places)

    def test_the_plan_s_warnings_come_with_those_about_the_values(self) -> None:
        text = question_of(event({"a": "x\u200by"}), warnings=("It is late.",)).text
        assert "Warnings:\n- It is late.\n- Some values contain invisible characters." in text

    def test_without_warnings_there_is_no_heading(self) -> None:
        text = question_of(event({})).text
        assert not {"Warnings:", "Options:", "Message (approximate):"} & set(text.split("\n"))


class TestItsWarnings:
    @pytest.mark.parametrize(
        "call",
        [
            event({"x\u200by": 1}),
            event({"deep": [{"v": ["x\u200by"]}]}),
            Call(operation="add_to_segment", path={"segment_id": "7\u200b"}, body={"ids": ["a"]}),
            Call(
                operation="add_to_segment", path={"segment_id": "7"}, query={"id_type": "e\u200bmail"}, body={"ids": []}
            ),
        ],
        ids=["a key", "deep", "the path", "the query"],
    )
    def test_invisible_characters_are_warned_of_wherever_they_are(self, call: Call) -> None:
        assert "invisible characters" in question_of(call).text

    def test_a_text_of_several_words_and_one_that_is_too_long_may_mix_scripts(self) -> None:
        mixed = "p\u0430ypal"
        assert "mix scripts" in question_of(event({"v": mixed})).text
        assert "mix scripts" not in question_of(event({"v": f"{mixed} pays"})).text
        assert "mix scripts" not in question_of(event({"v": mixed * 100})).text

    def test_at_most_three_that_mix_scripts_are_named(self) -> None:
        text = question_of(event({f"v{number}": f"p\u0430ypal{number}" for number in range(4)})).text
        warning = next(line for line in text.split("\n") if "mix scripts" in line)
        assert warning.endswith("“p\u0430ypal0”, “p\u0430ypal1”, “p\u0430ypal2”.")


class TestItsRequests:
    def test_values_of_several_requests_carry_the_number_of_theirs(self) -> None:
        batch = identify_many([ProfileWrite(Reference("ada"), {"plan": "pro"})], at=3)
        plan = Plan(risk="send", summary="Send.", calls=(event({"a": 1}), batch))
        text = question_about(plan, "aaaa0001").text
        assert "- 1. Customer identifier: “ada”." in text
        assert "- 1. Event data.a: 1." in text
        assert "- 2. batch[1].attributes.plan: “pro”." in text

    def test_an_entity_shows_each_attribute_with_its_old_value_and_no_attributes_at_all(self) -> None:
        edits = (ValueEdit(name="plan", before="free", after="pro"),)
        call = Call(
            operation="person_identify",
            body={
                "type": "person",
                "action": "identify",
                "identifiers": {"id": "a/b"},
                "attributes": {"plan": "pro", "age": 3},
            },
        )
        text = question_of(call, edits=edits).text
        assert "- attributes.plan: “free” → “pro”." in text
        assert "- attributes.age: 3." in text
        empty = Call(
            operation="person_identify",
            body={"type": "person", "action": "identify", "identifiers": {"id": "a/b"}, "attributes": {}},
        )
        assert "attributes: {}" in question_of(empty).text

    def test_attributes_of_a_body_without_identifiers_are_not_edits(self) -> None:
        edits = (ValueEdit(name="plan", before="free", after="pro"),)
        call = Call(operation="identify_customer", path={"identifier": "ada"}, body={"attributes": {"plan": "pro"}})
        text = question_of(call, edits=edits).text
        assert "- attributes.plan: “pro”." in text
        assert "“free”" not in text

    def test_old_values_stand_before_new_ones_and_what_is_nested_follows(self) -> None:
        edits = tuple(
            ValueEdit(name=name, before=before, after=after)
            for name, before, after in [("a", "", "x"), ("b", [1], []), ("c", {"d": 1}, {"d": [2, {"e": 3}]})]
        )
        text = question_of(identify({edit.name: edit.after for edit in edits}), edits=edits).text
        assert "- a: (not set) → “x”.\n- b: [1] → [].\n- c: " in text
        assert '- c: {"d": 1} → the following values.\n- c.d[1]: 2.\n- c.d[2].e: 3.' in text

    def test_old_values_of_an_attribute_with_many_parts_fit_if_each_part_is_shown(self) -> None:
        new: JsonValue = {f"part_{number}": "x" * 40 for number in range(20)}
        question = question_of(identify({"a": new}), edits=(ValueEdit(name="a", before={"b": 1}, after=new),))
        assert question.fits
        assert question.text.index("a.part_0:") < question.text.index("a.part_1:") < question.text.index("a.part_19:")

    @pytest.mark.parametrize("data", [{"k" * 501: 1}, {"k" * 501: {"a": 1}}])
    def test_a_name_that_is_too_long_does_not_fit(self, data: dict[str, JsonValue]) -> None:
        assert not question_of(event(data)).fits

    def test_only_a_number_that_is_the_time_of_a_request_is_shown_as_a_time(self) -> None:
        path = {"identifier": "ada"}
        for value, words in ((1, "1970-01-01T00:00:01Z"), (True, "true")):
            call = Call(operation="track_event", path=path, body={"name": "x", "timestamp": value})
            assert f"- Event time: {words}." in question_of(call).text
        identifiers: JsonValue = {"id": "a/b"}
        attributes: JsonValue = {"timestamp": 1_800_000_000}
        entity: JsonValue = {
            "type": "person",
            "action": "identify",
            "identifiers": identifiers,
            "attributes": attributes,
        }
        assert "timestamp: 1800000000." in question_of(Call(operation="person_identify", body=entity)).text

    def test_values_in_a_list_stand_in_brackets(self) -> None:
        assert "- Event data.list: [1, “a”, null]." in question_of(event({"list": [1, "a", None]})).text


class TestThePeopleOfABatch:
    WRITES = (
        ProfileWrite(Reference("ada"), {"plan": "pro", "size": 1}),
        ProfileWrite(Reference("a3", "cio_id"), {"plan": "pro", "size": 2}),
        ProfileWrite(Reference("new@example.com", "email"), {"size": 1}, create=True),
    )

    def question(self, *people: PersonEdit, writes: tuple[ProfileWrite, ...] = WRITES) -> Question:
        return question_of(identify_many(writes, at=3), people=people, affected=len(writes))

    def test_have_numbers_and_each_value_stands_once_with_the_numbers_of_its_people(self) -> None:
        text = self.question().text
        assert "- 1. id “ada”.\n- 2. cio_id “cio_a3”.\n- 3. email “new@example.com” (created if new)." in text
        assert "- plan: “pro” (1, 2).\n- size: 1 (1, 3).\n- size: 2 (2)." in text

    def test_share_a_value_of_all(self) -> None:
        text = self.question(writes=tuple(write._replace(attributes={"plan": "pro"}) for write in self.WRITES)).text
        assert "- plan: “pro” (all)." in text

    def test_need_no_number_at_a_value_if_there_is_one(self) -> None:
        assert "- size: 1.\n" in f"{self.question(writes=self.WRITES[2:]).text}\n"

    def test_are_described_with_their_old_values(self) -> None:
        edit = ValueEdit(name="plan", before="free", after="pro")
        text = self.question(PersonEdit(person="ada", kind="id", name="ada", details="subscribed", edits=(edit,))).text
        assert "- 1. id “ada”: subscribed." in text
        assert "- plan: “free” → “pro” (1).\n- plan: “pro” (2)." in text

    def test_are_known_by_kind_and_identifier(self) -> None:
        text = self.question(PersonEdit(person="ada", kind="email", name="ada", details="another")).text
        assert "another" not in text

    def test_with_an_identifier_that_is_too_long_do_not_fit(self) -> None:
        assert not self.question(writes=(ProfileWrite(Reference("x" * 600, "cio_id"), {"plan": "pro"}),)).fits
