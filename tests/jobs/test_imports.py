"""Imports: each row is an operation, or is kept with the reason, and all are counted."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import MAX_OPERATION_BYTES
from cio_mcp.customerio.body_sizes import size_of
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs import imports
from cio_mcp.jobs.cells import Form
from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.files import BadRow, Row, holds_text, open_rows
from cio_mcp.jobs.import_rows import STAMP_BYTES, CustomerRows, EventRows
from cio_mcp.jobs.imports import ImportSource
from cio_mcp.storage.job_rows import StagedRow

SECONDS = "while date conditions in Customer.io compare Unix seconds."
ORDER = "because the order of day and month can't be known. To convert them,"
NOW = 1_800_000_000.0
Values = dict[str, JsonValue]


def source(
    rows: Sequence[Values],
    columns: Mapping[str, str | None] | None = None,
    *,
    create: bool = False,
    is_text: bool = False,
) -> ImportSource:
    @contextmanager
    def opened() -> Iterator[Iterator[Row | BadRow]]:
        yield (Row(line, values) for line, values in enumerate(rows, 2))

    make = partial(CustomerRows, create=create)
    return ImportSource(opened, Columns("customers", columns or {}), make, is_text=is_text, seed="seed", now=NOW)


def events(
    rows: Sequence[Values], columns: Mapping[str, str | None] | None = None, *, name: str | None = "bought"
) -> ImportSource:
    @contextmanager
    def opened() -> Iterator[Iterator[Row | BadRow]]:
        yield (Row(line, values) for line, values in enumerate(rows, 2))

    target = Columns("events", columns or {}, named=name is not None)
    return ImportSource(opened, target, partial(EventRows, name=name), is_text=False, seed="seed", now=NOW)


def from_file(folder: Path, content: str, name: str = "people.csv", **columns: str | None) -> ImportSource:
    (folder / name).write_text(content)
    opened = partial(open_rows, name, [folder])
    make = partial(CustomerRows, create=False)
    return ImportSource(opened, Columns("customers", columns), make, is_text=holds_text(name), seed="seed", now=NOW)


def sent(rows: Sequence[StagedRow]) -> list[tuple[int, dict[str, Any]]]:
    return [(row.line or 0, row.data) for row in rows if row.problem is None and isinstance(row.data, dict)]


def nested(levels: int) -> JsonValue:
    value: JsonValue = "x"
    for _ in range(levels):
        value = [value]
    return value


def problems(rows: Sequence[StagedRow]) -> dict[int, str]:
    return {row.line or 0: row.problem for row in rows if row.problem is not None}


def attributes(found: ImportSource) -> list[dict[str, Any]]:
    return [{**operation["attributes"]} for _, operation in sent([*found.rows()])]


class TestColumns:
    """What a column becomes."""

    def test_plain_names_are_recognized_and_others_stay(self) -> None:
        columns = Columns("customers", {})
        names = ("E-Mail", " Customer IO ID", "CIO ID", "Phone Number", "Created At", "First Name", "ID")
        targets = [columns.target(name) for name in names]
        assert [target and target.name for target in targets] == [
            "email", " Customer IO ID", "cio_id", "phone", "created_at", "First Name", "id"
        ]  # fmt: skip

    def test_a_row_is_about_the_customer_of_its_surest_identifier(self) -> None:
        rows: list[Values] = [
            {"cio_id": "cio_a1", "id": "1", "email": "a@example.com", "plan": "x"},
            {"cio_id": "", "id": 2, "email": "b@example.com", "plan": "x"},
            {"cio_id": None, "id": " ", "email": " c@example.com ", "plan": "x"},
        ]
        operations = [operation for _, operation in sent([*source(rows).rows()])]
        assert [operation["identifiers"] for operation in operations] == [
            {"cio_id": "a1"}, {"id": "2"}, {"email": "c@example.com"}
        ]  # fmt: skip
        assert [operation["attributes"] for operation in operations] == [
            {"id": "1", "email": "a@example.com", "plan": "x", "_update": True},
            {"email": "b@example.com", "plan": "x", "_update": True},
            {"plan": "x", "_update": True},
        ]

    @pytest.mark.parametrize(
        ("row", "columns", "sentence"),
        [
            ({"plan": "x"}, {}, "no column names the customer"),
            ({"id": "1"}, {}, "no column besides"),
            ({"id": "1", "Email": "a@b.c", "E-Mail": "a@b.c"}, {}, "would both become “email”"),
            ({"id": "1", "plan": "x"}, {"Plam": "x"}, "no column “Plam”; did you mean “plan”"),
            ({"id": "1", "plan": "x"}, {"nothing like it": "x"}, "the columns are “id”, “plan”"),
            ({"id": "1", "_update": False}, {}, "“_update” can't be set by an import"),
            ({"id": "1", "cio_relationships": {}}, {}, "can't be set by an import"),
            ({"id": "1", "x": 1}, {"x": "ID "}, "can't be set by an import"),
            ({"id": "1", "x\u200b": 1}, {}, "invisible characters"),
            ({"id": "1", "x" * 151: 1}, {}, "151 bytes"),
            ({"id": "1", "x": 1}, {"x": " "}, "becomes nothing"),
            ({"id": "1", "x": "2026-01-02"}, {"x": "seen:date"}, "no form “date”. Use text, number, decimal_comma,"),
        ],
    )
    def test_what_a_column_cannot_become_is_refused(
        self, row: Values, columns: Mapping[str, str | None], sentence: str
    ) -> None:
        with pytest.raises(InvalidArgument, match=sentence):
            [*source([row], columns).rows()]

    def test_a_column_can_be_left_out_renamed_and_converted(self) -> None:
        row: Values = {"No": "1", "note": "x", "since": "2026-01-02", "zip": 123, "a:time": "x"}
        columns = {"No": "id", "note": None, "since": "since_at:time", "zip": "zip:text"}
        [found] = attributes(source([row], columns, create=True))
        assert found == {"since_at": 1767312000, "zip": "123", "a:time": "x"}

    def test_rows_with_too_many_different_columns_are_refused(self) -> None:
        rows: list[Values] = [{"id": "1", f"x{number}": 1} for number in range(1_000)]
        with pytest.raises(InvalidArgument, match="more than 1,000 different columns"):
            [*source(rows).rows()]


class TestValues:
    """What the values of a row become."""

    def test_cells_of_text_files_become_numbers_and_truths_by_column(self, tmp_path: Path) -> None:
        content = "id,age,zip,vip,score,unsubscribed\n1,42,007,true,1.5,TRUE\n2,,08,FALSE,n/a,false\n"
        first, second = attributes(from_file(tmp_path, content))
        assert first == {
            "age": 42, "zip": "007", "vip": True, "score": "1.5", "unsubscribed": True, "_update": True
        }  # fmt: skip
        assert second == {"zip": "08", "vip": False, "score": "n/a", "unsubscribed": False, "_update": True}

    def test_values_of_json_keep_their_types(self, tmp_path: Path) -> None:
        line = '{"id": 1, "age": "42", "n": {"a": [1, null]}, "gone": null, "empty": ""}\n'
        [found] = attributes(from_file(tmp_path, line, "people.jsonl"))
        assert found == {"age": "42", "n": {"a": [1, None]}, "_update": True}

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ({"id": "1", "x": "y" * 1001}, "“x”: is 1,001 bytes long; Customer.io accepts at most 1,000"),
            ({"id": "1", "x": "ü" * 501}, "“x”: is 1,002 bytes long"),
            ({"id": "1", "x": {"a": "y" * 1000}}, "“x”: is 1,008 bytes long"),
            ({"id": "1", "x": float("nan")}, "“x”: isn't a number"),
            ({"id": "1", "x": [float("inf")]}, "“x”: contains NaN or Infinity"),
            ({"id": "1", "x": 2**70}, "“x”: has too many digits"),
            ({"id": "1", "x": "\ud800"}, "“x”: contains an incomplete character"),
            ({"id": "\ud800", "x": 1}, "“id”: contains an incomplete character"),
            ({"id": "1", "x": {"a\u200b": 1}}, "“x”: has names inside with invisible characters"),
            ({"id": "1", "data": {"_update": False}}, "“data”: has names inside that can't be set"),
            ({"id": "1", "data": {"email": "a@example.com"}}, "“data”: has names inside that can't be set"),
            ({"id": "1", "x": nested(101)}, "“x”: has more than 100 levels"),
            ({"id": "1", "x": nested(2_000)}, "“x”: has more than 100 levels"),
            ({"id": "1", "email": "a@example.com, b@example.com"}, "“email”: expected one email address"),
            ({"id": "1", "email": {"a": "b@c"}}, "“email”: expected"),
            ({"id": "1", "created_at": "2026-01-01"}, 'To convert a date, map the column to "created_at:time"'),
            ({"id": "1", "created_at": 1767312000000}, "looks like milliseconds"),
            ({"id": "1", "unsubscribed": "yes"}, "“unsubscribed”: expected true or false"),
            ({"id": "4.15E+11", "x": 1}, "a spreadsheet shortened"),
            ({"id": "x" * 151, "x": 1}, "151 bytes"),
            ({"id": "..", "x": 1}, "path segments"),
            ({"id": "a\nb", "x": 1}, "control characters"),
            ({"id": 1.5, "x": 1}, "“id”: expected the customer's id as text"),
            ({"id": "", "x": 1}, "customer: the row names none: “id” is empty"),
            ({"id": "1", "x": None}, "row: there is nothing to set"),
            ({"id": "1", "x": "  "}, "row: there is nothing to set"),
            ({"id": "1", **{f"x{number}": 1 for number in range(301)}}, "row: has 301 attributes"),
            ({"id": "1", **{f"x{number}": "y" * 999 for number in range(40)}}, "row: makes an operation of"),
        ],
    )
    def test_a_row_that_cannot_be_sent_is_kept_with_the_reason(self, row: Values, reason: str) -> None:
        good: Values = {"id": "good", "x": 1, "y": 1}
        found = [*source([row, good]).rows()]
        assert reason in problems(found)[2]
        assert [line for line, _ in sent(found)] == [3]
        [kept] = [each.data for each in found if each.problem]
        assert isinstance(kept, dict)
        assert kept.keys() == row.keys()
        json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()

    def test_the_kinds_of_identifiers_are_stated_so_that_shapes_do_not_matter(self) -> None:
        rows: list[Values] = [{"id": value, "x": 1} for value in ("a@b.c", "cio_1", "+447700900001", "a/b")]
        found = sent([*source(rows).rows()])
        assert [operation["identifiers"] for _, operation in found] == [
            {"id": value} for value in ("a@b.c", "cio_1", "+447700900001", "a/b")
        ]


class TestRepeats:
    """Rows about the same customer."""

    def test_rows_that_disagree_about_a_customer_are_all_rejected_and_equal_ones_count_once(self) -> None:
        rows: list[Values] = [
            {"id": "1", "plan": "a"}, {"id": "1", "plan": "b"}, {"id": "2", "plan": "a"}, {"id": "2", "plan": "a"}
        ]  # fmt: skip
        found = source(rows)
        staged = [*found.rows()]
        assert problems(staged) == {
            2: "customer: line 3 names the same one with other values",
            3: "customer: line 2 names the same one with other values",
        }
        assert [line for line, _ in sent(staged)] == [4]
        report = found.report()
        assert [report[name] for name in ("rows", "accepted", "rejected", "left_out", "people")] == [4, 1, 2, 1, 1]

    @pytest.mark.parametrize(("one", "other"), [(-1, -2), (1, True), (0, False), ([-1], [-2]), ("1", 1)])
    def test_values_that_only_python_takes_for_equal_differ(self, one: JsonValue, other: JsonValue) -> None:
        assert [*problems([*source([{"id": "1", "x": one}, {"id": "1", "x": other}]).rows()])] == [2, 3]

    @pytest.mark.parametrize(
        ("name", "one", "other"), [("cio_id", "cio_03", "03"), ("id", 0, "0"), ("email", "a@b.c", " A@B.C ")]
    )
    def test_one_customer_in_two_spellings_is_one(self, name: str, one: JsonValue, other: JsonValue) -> None:
        assert [*problems([*source([{name: one, "x": 1}, {name: other, "x": 2}]).rows()])] == [2, 3]

    def test_what_is_not_sent_does_not_make_rows_differ(self) -> None:
        rows: list[Values] = [
            {"email": "ada@example.com", "plan": "a", "note": 1}, {"email": "ADA@example.com", "plan": "a", "note": 2}
        ]  # fmt: skip
        staged = [*source(rows, {"note": None}).rows()]
        assert [line for line, _ in sent(staged)] == [2]
        assert not problems(staged)

    def test_addresses_are_compared_without_case_and_ids_with_it(self) -> None:
        rows: list[Values] = [
            {"email": "Ada@example.com", "id": "", "x": 1}, {"email": "ada@EXAMPLE.com", "id": "", "x": 2},
            {"email": "", "id": "Bob", "x": 1}, {"email": "", "id": "bob", "x": 2},
        ]  # fmt: skip
        found = source(rows)
        staged = [*found.rows()]
        assert [*problems(staged)] == [2, 3]
        assert [line for line, _ in sent(staged)] == [4, 5]
        assert found.report()["warnings"] == [
            "2 rows (lines 4 and 5) have IDs that differ only in case. To Customer.io they are different customers."
        ]

    def test_a_customer_named_by_id_and_by_address_is_one(self) -> None:
        rows: list[Values] = [
            {"id": "1", "email": "ada@example.com", "x": 1}, {"id": None, "email": "ADA@example.com", "x": 2}
        ]  # fmt: skip
        assert problems([*source(rows).rows()]).keys() == {2, 3}

    def test_customers_who_would_share_an_address_are_warned_of(self) -> None:
        rows: list[Values] = [{"id": str(number), "email": "ada@example.com"} for number in range(3)]
        found = source(rows)
        assert len(sent([*found.rows()])) == 3
        warnings = found.report()["warnings"]
        assert isinstance(warnings, list)
        assert str(warnings[0]).startswith("3 rows (lines 2 and 3, …) set an email address that another row sets")

    def test_a_second_event_with_one_id_is_rejected(self) -> None:
        one, other = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"
        found = events([{"id": "1", "import_event_id": each} for each in (one, other, one.lower(), None, None)])
        assert problems([*found.rows()]) == {
            4: "“import_event_id”: another row has the same ID, so only one would count"
        }

    def test_a_customer_of_many_events_is_looked_up_once(self) -> None:
        found = events([{"id": "1", "n": number} for number in range(1_500)])
        assert len(sent([*found.rows()])) == 1_500
        assert found.report()["references"] == [[2, "id", "1", None]]

    def test_equal_events_are_all_sent_and_warned_of(self) -> None:
        found = events([{"id": "1"}, {"id": "1"}, {"id": "2"}])
        assert len(sent([*found.rows()])) == 3
        assert found.report()["people"] == 2
        assert "1 row repeats an earlier row word for word" in str(found.report()["warnings"])


class TestNames:
    """Names that look like others."""

    def test_names_of_several_scripts_are_named_in_a_warning(self) -> None:
        found = events([{"id": "1", "name": "purch\u0430se", "pl\u0430n": "x", "план": "y"}], name=None)
        assert len(sent([*found.rows()])) == 1
        assert found.report()["warnings"] == [
            "Some names mix scripts, so letters may look like others: “pl\u0430n”, “purch\u0430se”."
        ]


class TestEvents:
    """Rows that are events."""

    def test_time_name_and_data_come_from_columns(self) -> None:
        rows: list[Values] = [
            {"Email": "a@b.c", "Event": "bought", "Timestamp": "2026-01-02T00:00:00Z", "order": {"id": 1}, "x": None}
        ]  # fmt: skip
        [(_, operation)] = sent([*events(rows, name=None).rows()])
        assert operation == {
            "type": "person", "identifiers": {"email": "a@b.c"}, "action": "event", "name": "bought",
            "attributes": {"order": {"id": 1}}, "timestamp": 1767312000,
        }  # fmt: skip

    def test_with_a_name_the_column_of_that_name_is_data(self) -> None:
        [(_, operation)] = sent([*events([{"id": "1", "name": "Ada"}]).rows()])
        assert (operation["name"], operation["attributes"]) == ("bought", {"name": "Ada"})

    @pytest.mark.parametrize("name", ["recipient", "Reply_To", "data.from_address", "recipient[0]"])
    def test_data_that_would_redirect_mail_are_refused(self, name: str) -> None:
        with pytest.raises(InvalidArgument, match="would redirect a campaign's mail"):
            [*events([{"id": "1", name: "x"}]).rows()]

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ({"id": "1", "data": {"recipient": "x"}}, "would redirect a campaign's mail"),
            ({"id": "1", "timestamp": "03/04/2026"}, "“timestamp”: expected an ISO 8601 time"),
            ({"id": "1", "timestamp": 1767312000123}, "milliseconds"),
            ({"id": "1", "x": "y" * 33_000}, "row: makes an operation of"),
        ],
    )
    def test_an_event_that_cannot_be_sent_is_kept_with_the_reason(self, row: Values, reason: str) -> None:
        [problem] = problems([*events([row, {"id": "2"}]).rows()]).values()
        assert reason in problem

    @pytest.mark.parametrize(
        ("name", "reason"), [("", "no event name"), ("x" * 101, "101 bytes"), ("a\u200b", "invisi")]
    )
    def test_a_name_from_a_column_is_checked_for_each_row(self, name: str, reason: str) -> None:
        found = problems([*events([{"id": "1", "name": name}, {"id": "2", "name": "x"}], name=None).rows()])
        assert reason in found[2]

    def test_old_and_future_events_are_counted(self) -> None:
        times = (NOW - 73 * 3600, NOW - 71 * 3600, NOW + 3600)
        found = events([{"id": str(number), "timestamp": at} for number, at in enumerate(times)])
        assert len(sent([*found.rows()])) == 3
        report = found.report()
        assert report["old"] == 1
        assert report["warnings"] == ["1 event has a time in the future."]

    def test_without_a_name_there_are_no_events(self) -> None:
        with pytest.raises(InvalidArgument, match="pass the event's name"):
            [*events([{"id": "1"}], name=None).rows()]


class TestReport:
    """What the plan shows."""

    def test_the_sample_has_the_first_rows_and_others_at_random_but_the_same_each_time(self) -> None:
        rows: list[Values] = [{"id": str(number), "x": 1} for number in range(200)]
        samples = []
        for _ in range(2):
            found = source(rows)
            assert len([*found.rows()]) == 200
            samples.append([each["line"] for each in found.report()["sample"]])  # type: ignore[index, union-attr, call-overload]
        first, again = samples
        assert first == again
        assert first[:5] == [2, 3, 4, 5, 6]
        assert len({*first}) == 10

    def test_bad_rows_of_a_file_are_counted_and_kept(self, tmp_path: Path) -> None:
        found = from_file(tmp_path, "id,plan\n1,a\n2\n3,c\n")
        staged = [*found.rows()]
        assert problems(staged) == {3: "has 1 values; the first line names 2 columns"}
        assert [found.report()[name] for name in ("rows", "accepted", "rejected")] == [3, 2, 1]

    def test_a_file_that_changes_between_both_readings_is_refused(self, tmp_path: Path) -> None:
        found = from_file(tmp_path, "id,plan\n1,a\n")
        original = found.make

        def make(columns: Columns, forms: Mapping[str, Form]) -> CustomerRows | EventRows:
            (tmp_path / "people.csv").write_text("id,plan\n1,a\n2,b\n")
            return original(columns, forms)

        found.make = make
        with pytest.raises(InvalidArgument, match="changed while it was read"):
            [*found.rows()]

    def test_more_rows_than_an_import_has_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(imports, "MAX_ROWS", 3)
        with pytest.raises(InvalidArgument, match="more than 3 rows"):
            [*source([{"id": str(number), "x": 1} for number in range(4)]).rows()]

    def test_dates_and_words_for_nothing_are_warned_of(self, tmp_path: Path) -> None:
        content = "id,joined,born,plan\n1,2026-01-02,03/04/2026,null\n2,2026-01-03,,x\n"
        found = from_file(tmp_path, content)
        assert len([*found.rows()]) == 2
        assert found.report()["warnings"] == [
            f'“joined”: 2 dates kept as text, {SECONDS} To convert them, map the column to "joined:time".',
            f'“born”: 1 date kept as text, {ORDER} map the column to "born:day_first" or "born:month_first".',
            "“plan”: 1 value such as “null”, “none”, or “NaN”, kept as text.",
        ]

    def test_a_file_of_a_german_spreadsheet_is_read_as_it_is_mapped(self, tmp_path: Path) -> None:
        content = "id;Umsatz;Kunde seit;Newsletter\n" + "".join(
            f"{number};1.234,{number};03.04.2026;{'ja' if number == 12 else 'TRUE'}\n" for number in range(10, 30)
        )
        plain = from_file(tmp_path, content)
        assert len([*plain.rows()]) == 20
        warnings = plain.report()["warnings"]
        assert isinstance(warnings, list)
        dates, commas, mixed = warnings
        assert str(dates).endswith('map the column to "Kunde seit:day_first" or "Kunde seit:month_first".')
        assert commas == (
            "“Umsatz”: 20 values with a comma kept as text. If it is a decimal comma, map the column to "
            '"Umsatz:decimal_comma".'
        )
        assert mixed == "“Newsletter”: 1 of 20 values isn't true or false, so all are kept as text."
        columns = {"Umsatz": "revenue:decimal_comma", "Kunde seit": "created_at:day_first"}
        mapped = from_file(tmp_path, content, **columns)
        first = attributes(mapped)[0]
        assert first == {"revenue": 1234.1, "created_at": 1775174400, "Newsletter": "TRUE", "_update": True}
        report = mapped.report()
        assert report["has_times"] is True
        assert report["warnings"] == [mixed]
        assert "“Umsatz” → “revenue” (numbers with a decimal comma)" in str(report["columns"])
        assert "“Kunde seit” → “created_at” (dates with the day first, as Unix seconds)" in str(report["columns"])

    def test_the_time_of_an_event_may_have_the_day_first(self) -> None:
        rows: list[Values] = [{"id": "1", "Datum": "03.04.2026 09:05"}]
        found = events(rows, {"Datum": "timestamp:day_first"})
        assert [operation["timestamp"] for _, operation in sent([*found.rows()])] == [1775207100]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["1", "2", "A", "a", "", None, 3, "x" * 151])},
        optional={"email": st.sampled_from(["a@b.c", "A@b.c", "bad", ""]), "x": VALUES, "y": VALUES},
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@given(ROWS, st.booleans())
def test_each_row_is_sent_rejected_or_left_out_and_all_are_counted(rows: list[Values], create: bool) -> None:
    found = source([*rows, {"id": "last", "x": 1}], create=create)
    staged = [*found.rows()]
    report = found.report()
    sent_lines, bad_lines = {line for line, _ in sent(staged)}, problems(staged).keys()
    assert not sent_lines & bad_lines
    assert (len(sent_lines), len(bad_lines)) == (report["accepted"], report["rejected"])
    assert len(rows) + 1 == report["rows"] == len(staged) + int(str(report["left_out"]))
    for _, operation in sent(staged):
        json.dumps(operation, allow_nan=False, ensure_ascii=False).encode()
        assert size_of(operation) + STAMP_BYTES <= MAX_OPERATION_BYTES
        assert operation["attributes"].get("_update", False) is not create
    people = [json.dumps(operation["identifiers"]).casefold() for _, operation in sent(staged)]
    assert len({*people}) == len(people) or any('"a"' in person for person in people)
    json.dumps(report, allow_nan=False)
