"""Files of rows: what can be read is, and anything else is one sentence for the person who has the file."""

import os
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

from cio_mcp.errors import InvalidArgument
from cio_mcp.jobs.files import MAX_COLUMNS, MAX_LINE_BYTES, BadRow, Row, allowed_path, fingerprint, open_rows


def read(folder: Path, content: bytes, name: str = "people.csv") -> list[Row | BadRow]:
    (folder / name).write_bytes(content)
    with open_rows(name, [folder]) as rows:
        return [*rows]


def test_a_csv_file_is_read_by_its_columns(tmp_path: Path) -> None:
    content = 'id,name,note\r\n1,Ada,"a, ""b""\nc"\r\n\r\n2,Zoë,\r\n'.encode()
    assert read(tmp_path, content) == [
        Row(2, {"id": "1", "name": "Ada", "note": 'a, "b"\nc'}),
        Row(5, {"id": "2", "name": "Zoë", "note": ""}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_each_usual_delimiter_is_recognized_and_a_byte_order_mark_is_skipped(tmp_path: Path, delimiter: str) -> None:
    assert read(tmp_path, f"\ufeffid{delimiter}plan\n1{delimiter}vip".encode()) == [Row(2, {"id": "1", "plan": "vip"})]


def test_a_row_of_another_length_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    bad, good = read(tmp_path, b"id,plan\n1\n2,vip\n")
    assert bad == BadRow(2, "has 1 values; the first line names 2 columns")
    assert good == Row(3, {"id": "2", "plan": "vip"})


def test_json_lines_are_read_and_bad_ones_named(tmp_path: Path) -> None:
    content = b'{"id": 1, "tags": ["a"]}\n\n[1]\n{"id": NaN}\n{"id"\n' + b"[" * 100_000 + b"\n"
    content += b'{"id": 1, "a": {"b": 1, "b": 2}}\n'
    assert read(tmp_path, content, "people.jsonl") == [
        Row(1, {"id": 1, "tags": ["a"]}),
        BadRow(3, "isn't a JSON object"),
        BadRow(4, "isn't valid JSON"),
        BadRow(5, "isn't valid JSON"),
        BadRow(6, "isn't valid JSON"),
        BadRow(7, "names “b” twice"),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        ("id\nü\n".encode("utf-16"), "UTF-16"),
        ("id\nz\u00fcrich\n".encode("latin-1"), "line 2 isn't UTF-8"),
        (b"id\n\0\n", "line 2 has a null byte"),
        (b"id\n" + b"x" * (MAX_LINE_BYTES + 1), "line 2 has more than 1,000,000 bytes"),
        (b'id,plan\n1,"vip\n', "isn't valid CSV"),
        (b"id,id\n", "names the column \u201cid\u201d twice"),
        (b"id,,plan\n", "column 2 has no name"),
        (b",".join(b"c%d" % number for number in range(MAX_COLUMNS + 1)), "has 1,001 columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence) as refused:
        read(tmp_path, content)
    assert str(tmp_path) not in str(refused.value)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"id\n1\n")

    def read_while_it_changes() -> None:
        with open_rows("people.csv", [tmp_path]) as rows:
            assert isinstance(next(rows), Row)
            (tmp_path / "people.csv").write_bytes(b"id\n1\n2\n")

    with pytest.raises(InvalidArgument, match="changed while it was read"):
        read_while_it_changes()


@pytest.mark.parametrize(
    "name", ["../secret.csv", "/etc/passwd", "link.csv", "folder/link.csv", "gone.csv", "a\0b.csv", "~x"]
)
def test_nothing_outside_the_directories_is_found(tmp_path: Path, name: str) -> None:
    allowed = tmp_path / "allowed"
    (allowed / "folder").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("id\n1\n")
    (allowed / "link.csv").symlink_to(tmp_path / "secret.csv")
    (allowed / "folder" / "link.csv").symlink_to("../../secret.csv")
    with pytest.raises(InvalidArgument, match="there is no file"):
        allowed_path(name, [allowed])


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("folder.csv", "pipe.csv"):
        with pytest.raises(InvalidArgument, match=r"can't be read|isn't a regular file"), open_rows(name, [tmp_path]):
            pass


def test_a_folder_that_becomes_a_symlink_meanwhile_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside, folder = tmp_path / "in", tmp_path / "out", tmp_path / "in" / "folder"
    for each in (folder, outside):
        each.mkdir(parents=True)
        (each / "people.csv").write_text("id\n1\n")
    resolve = Path.resolve

    def swap(path: Path, strict: bool = False) -> Path:
        found = resolve(path, strict=strict)
        if path.name == "people.csv":
            folder.rename(inside / "former")
            folder.symlink_to(outside)
        return found

    monkeypatch.setattr(Path, "resolve", swap)
    with pytest.raises(InvalidArgument, match="can't be read by this server"), open_rows("folder/people.csv", [inside]):
        pass


def test_a_file_that_was_replaced_since_it_was_named_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id\n1\n")
    found = fingerprint("people.csv", [tmp_path])
    with open_rows("people.csv", [tmp_path], found) as rows:
        assert len([*rows]) == 1
    (tmp_path / "other.csv").write_text("id\n2\n")
    (tmp_path / "other.csv").replace(file)
    with (
        pytest.raises(InvalidArgument, match="changed while it was read"),
        open_rows("people.csv", [tmp_path], found),
    ):
        pass


@pytest.mark.slow
def test_a_row_of_many_lines_is_as_short_as_a_line(tmp_path: Path) -> None:
    content = b"id,x\n" + b'"\n",' * (MAX_LINE_BYTES // 4) + b"x\n"
    with pytest.raises(InvalidArgument, match="a row has more than 1,000,000 bytes: check the quotation marks"):
        read(tmp_path, content)
    assert len(read(tmp_path, b"id,x\n" + b'1,"\n"\n' * (MAX_LINE_BYTES // 4))) == MAX_LINE_BYTES // 4


@pytest.mark.slow
def test_a_small_parquet_file_that_holds_gigabytes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    text = "SELECT range AS id, repeat('x', 1000001) AS text FROM range(10000)"
    nested = "SELECT range AS id, {'a': [repeat('x', 1000001)]} AS \"te\"\"xt\" FROM range(100)"
    for query in (text, nested):
        duckdb.sql(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
        with (
            pytest.raises(InvalidArgument, match="has a row of more than 1,000,000 bytes"),
            open_rows(file.name, [tmp_path]) as rows,
        ):
            next(rows)


def test_a_parquet_file_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """DuckDB opens it by its name, so it may have read another one than was checked."""
    file, other = tmp_path / "people.parquet", tmp_path / "other.parquet"
    for path in (file, other):
        duckdb.sql(f"COPY (SELECT 1 AS id) TO '{path}' (FORMAT parquet)")
    with ExitStack() as stack:
        assert [*stack.enter_context(open_rows(file.name, [tmp_path]))] == [Row(1, {"id": 1})]
        other.replace(file)
        with pytest.raises(InvalidArgument, match="changed while it was read"):
            stack.close()


def test_without_a_directory_no_file_is_read() -> None:
    with pytest.raises(InvalidArgument, match="CIO_FILES_DIRS"):
        allowed_path("people.csv", [])
