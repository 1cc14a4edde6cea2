"""Lists of people: which column is read, and what becomes of rows that name nobody."""

from pathlib import Path

import pytest

from cio_mcp.customerio.api.base import Reference
from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.identifiers import Identifier
from cio_mcp.tools.common import people_list
from cio_mcp.tools.common.people_list import PeopleList, list_of, read_list

pytestmark = pytest.mark.anyio


async def read(
    folder: Path,
    content: str | bytes,
    *,
    name: str = "list.csv",
    column: str | None = None,
    kind: Identifier | None = None,
) -> PeopleList:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return await read_list(name, [folder], column, kind)


async def refusal(folder: Path, content: str | bytes, *, name: str = "list.csv", column: str | None = None) -> str:
    with pytest.raises(InvalidArgument) as refused:
        await read(folder, content, name=name, column=column)
    return str(refused.value)


async def test_a_column_named_after_an_identifier_is_read_as_that_kind(tmp_path: Path) -> None:
    people = await read(tmp_path, "name,Email\nAda,ada@example.com\nBob,bob@example.com\n")
    assert people.column == "Email"
    assert people.lines == {Reference("ada@example.com", "email"): 2, Reference("bob@example.com", "email"): 3}
    ids = await read(tmp_path, "id\nada@example.com\n+14155552671\n")
    assert ids.references == [Reference("ada@example.com"), Reference("+14155552671")]


async def test_of_several_identifiers_the_one_that_holds_longest_is_read(tmp_path: Path) -> None:
    people = await read(tmp_path, "email,id,cio_id\na@example.com,a,c1\n")
    assert (people.column, people.references) == ("cio_id", [Reference("cio_c1", "cio_id")])
    chosen = await read(tmp_path, "email,id,cio_id\na@example.com,a,c1\n", column="EMAIL")
    assert chosen.references == [Reference("a@example.com", "email")]


async def test_an_only_column_is_read_by_the_shape_of_its_values(tmp_path: Path) -> None:
    people = await read(tmp_path, "who\nada\nada@example.com\ncio_a1\n")
    assert [reference.kind for reference in people.references] == ["id", "email", "cio_id"]
    typed = await read(tmp_path, "who\nada\nada@example.com\n", kind="id")
    assert [reference.kind for reference in typed.references] == ["id", "id"]


async def test_json_lines_may_hold_numbers_and_anything_else_is_a_fault(tmp_path: Path) -> None:
    lines = '{"id": 5}\n{"id": true}\n{"id": 1.5}\n{"id": null}\n{"other": 1}\n[1]\n{"id": ["x"]}\n{"id": "ada"}\n'
    people = await read(tmp_path, lines, name="list.jsonl")
    assert people.lines == {Reference("5"): 1, Reference("ada"): 8}
    assert sorted(people.faults) == [2, 3, 4, 5, 6, 7]
    assert people.faults[2] == ("", "“id” is neither text nor a whole number")
    assert people.faults[5] == ("", "has no “id”")
    assert people.rows == 8


async def test_repeated_rows_count_once_and_ids_differ_by_case(tmp_path: Path) -> None:
    people = await read(tmp_path, "email\na@example.com\nA@Example.com\n a@example.com \n\n")
    assert (people.references, people.repeated, people.rows) == ([Reference("a@example.com", "email")], 2, 3)
    assert len((await read(tmp_path, "id\nada\nADA\n")).lines) == 2


async def test_rows_that_name_nobody_are_named_by_their_line(tmp_path: Path) -> None:
    people = await read(tmp_path, 'id,x\nada,1\n,1\nx/../y,1\nragged\n"two\nlines",1\n')
    assert people.lines == {Reference("ada"): 2}
    assert people.faults[3] == ("", "has no “id”")
    assert people.faults[4][0] == "x/../y"
    assert people.faults[5][1] == "has 1 values; the first line names 2 columns"
    assert people.faults[6][0] == "two\nlines"


async def test_of_a_value_that_is_too_long_only_the_beginning_is_kept(tmp_path: Path) -> None:
    people = await read(tmp_path, f"id\n{'x' * 100_000}\nada\n")
    assert people.faults == {2: ("x" * 500, "is too long to identify a customer")}
    assert people.references == [Reference("ada")]


def test_a_list_of_arguments_is_numbered_from_1() -> None:
    people = list_of(["ada", "ADA@example.com", "ada@example.com", "+14155552671", " "], None)
    assert people.lines == {Reference("ada"): 1, Reference("ADA@example.com", "email"): 2}
    assert people.faults[4] == ("+14155552671", "is a phone number; pass an ID, an email address, or cio_…")
    assert people.faults[5][1].startswith("expected an ID")
    assert (people.rows, people.repeated, people.column) == (5, 1, None)


@pytest.mark.parametrize(
    ("content", "column", "sentence"),
    [
        ("a,b\n1,2\n", None, "column: expected the one that names the customers: “a”, “b”"),
        ("a,b\n1,2\n", "c", "column: the file has no column “c”; it has “a”, “b”"),
        ("mail,b\n1,2\n", "mali", "column: the file has no column “mali”; did you mean “mail”?"),
        ("ada@example.com\nbob@example.com\n", None, "file: its first line must name the column, such as email"),
        ("cio_a1\ncio_a2\n", None, "file: its first line must name the column, such as email"),
        ("17\n18\n", None, "file: its first line must name the column, such as email"),
        ("é\n".encode("latin-1") * 2, None, "isn't UTF-8"),
        ("", None, "is empty"),
    ],
)
async def test_a_file_that_does_not_say_whom_it_names_is_refused(
    content: str | bytes, column: str | None, sentence: str, tmp_path: Path
) -> None:
    assert sentence in await refusal(tmp_path, content, column=column)


async def test_a_column_whose_name_differs_by_case_from_two_is_refused(tmp_path: Path) -> None:
    assert "has no column “WHO”" in await refusal(tmp_path, "who,Who\n1,2\n", column="WHO")


async def test_a_list_with_too_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_list, "MAX_PEOPLE", 2)
    assert "has more than 2 rows" in await refusal(tmp_path, "id\na\nb\nc\n")


async def test_a_file_outside_the_allowed_directories_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("id\nada\n")
    (tmp_path / "inside").mkdir()
    for name in ("../outside.csv", str(tmp_path / "outside.csv")):
        with pytest.raises(InvalidArgument, match=r"there is no file “outside\.csv”"):
            await read_list(name, [tmp_path / "inside"], None, None)
