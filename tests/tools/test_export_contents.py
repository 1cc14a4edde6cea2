"""What is said about the contents of a file, whatever its pieces are."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.tools.exports.contents import MAX_HEAD_BYTES, MAX_ROWS, MAX_SHOWN_COLUMNS, Contents

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


def read(content: bytes, step: int = 1_000_000) -> Contents:
    contents = Contents()
    for start in range(0, len(content), step):
        contents.add(content[start : start + step])
    return contents


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8), st.integers(1, 9), st.booleans())
def test_rows_are_counted_and_shown_as_a_csv_reader_reads_them(
    table: list[list[str]],
    step: int,
    ends: bool,
) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n" if step % 2 else "\n", quoting=csv.QUOTE_ALL).writerows([["a", "b"], *table])
    content = file.getvalue().encode()
    contents = read(content if ends else content.rstrip(b"\r\n"), step)
    columns, rows = contents.first_rows(whole=True)
    assert contents.rows == len(table)
    assert columns == ["a", "b"]
    assert [list(row.values()) for row in rows] == table[:MAX_ROWS]


def test_of_a_large_file_only_the_beginning_is_kept() -> None:
    row = b"1," + b"x" * 1_000 + b"\n"
    contents = read(b"id,note\n" + row * 1_000, step=65_536)
    assert (contents.rows, len(contents.head)) == (1_000, MAX_HEAD_BYTES)
    columns, rows = contents.first_rows(whole=True)
    assert columns == ["id", "note"]
    assert rows == [{"id": "1", "note": "x" * 1_000}] * MAX_ROWS


def test_a_row_that_has_not_arrived_whole_is_not_shown() -> None:
    assert read(b"id,name\n1,Ada\n2,Gr").first_rows(whole=False)[1] == [{"id": "1", "name": "Ada"}]
    assert read(b"id,name\n1,Ada\n2,Gr").first_rows(whole=True)[1][1] == {"id": "2", "name": "Gr"}
    assert read(b"id,na").first_rows(whole=False) == ([], [])


def test_of_many_columns_the_first_are_shown_in_rows() -> None:
    columns, (row,) = read(b",".join(b"c%d" % number for number in range(30)) + b"\n" + b"1," * 29 + b"1\n").first_rows(
        whole=True
    )
    assert (len(columns), len(row)) == (30, MAX_SHOWN_COLUMNS)


def test_what_is_no_csv_file_has_no_columns() -> None:
    for content in (b"", b"\x1f\x8b\x08\0\xff\xfe\n", b"a\0b\n", b"\xff\xfei\0d\0\n\0", b'"' + b"x" * 200_000):
        assert read(content).first_rows(whole=True) == ([], []), content[:9]
    assert read(b"").rows == 0


def test_a_byte_order_mark_and_an_odd_line_break_change_nothing() -> None:
    columns, rows = read("\ufeffid,note\n1,a\u2028b\x0bc\n".encode()).first_rows(whole=True)
    assert (columns, rows) == (["id", "note"], [{"id": "1", "note": "a\u2028b\x0bc"}])
