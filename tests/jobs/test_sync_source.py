"""The rows of a sync as a file that can be read twice."""

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cio_mcp.errors import InvalidArgument, OperatorError, SettingError
from cio_mcp.jobs import sync_source
from cio_mcp.jobs.sync_file import InputFormat, Query
from cio_mcp.jobs.sync_source import open_source


def copy(source: Path | InputFormat | Query, folder: Path, given: bytes = b"") -> str:
    with open_source(source, folder / "rows", io.BytesIO(given)) as path:
        assert path.parent.stat().st_mode & 0o777 == 0o700
        return path.read_text()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db, db:
        db.execute("CREATE TABLE people (email TEXT, data BLOB)")
        yield f"sqlite:///{tmp_path / 'crm.db'}"


def test_standard_input_is_copied_and_removed_afterwards(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "input.csv").write_text("of a run that was killed")
    assert copy("csv", tmp_path, b"email\nada@example.com\n") == "email\nada@example.com\n"
    assert not (tmp_path / "rows").exists()


def test_no_rows_are_an_error_of_their_own(tmp_path: Path, database: str) -> None:
    with pytest.raises(InvalidArgument, match="stdin: standard input is empty, so nothing was sent"):
        copy("jsonl", tmp_path)
    with pytest.raises(SettingError, match="the query returned no rows, so nothing was sent"):
        copy(Query("sync.a.from.database", database, "SELECT * FROM people"), tmp_path)
    assert not (tmp_path / "rows").exists()


def test_what_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_source, "MAX_BYTES", 10)
    with pytest.raises(OperatorError, match=r"The rows have more than 10 bytes\. Split them"):
        copy("csv", tmp_path, b"email\nada@example.com\n")
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="its disk is full, or it isn't writable"):
        copy("csv", tmp_path / "file", b"email\n")


def test_binary_values_are_refused(tmp_path: Path, database: str) -> None:
    with pytest.raises(SettingError, match="the query returns binary values in the column “data”"):
        copy(Query("sync.a.from.database", database, "SELECT x'00' AS data"), tmp_path)


VALUES: list[tuple[str, Any]] = [
    ("NULL", None),
    ("true", True),
    ("12.50::numeric", 12.5),
    ("12.00::numeric", 12),
    ("1234567890123456789.5::numeric", "1234567890123456789.5"),
    ("'NaN'::numeric", None),
    ("'-Infinity'::float8", None),
    ("timestamptz '2026-09-21 14:13:20+02'", 1789992800),
    ("timestamp '2026-09-21 14:13:20'", 1790000000),
    ("date '2026-09-21'", 1789948800),
    ("'9b2f5c1e-8a4b-4b51-9e31-3f3c8d1e2a11'::uuid", "9b2f5c1e-8a4b-4b51-9e31-3f3c8d1e2a11"),
    ("interval '90 minutes'", "1:30:00"),
    ("ARRAY[1, 2]", [1, 2]),
    ("""'{"a": [null, 1.5]}'::jsonb""", {"a": [None, 1.5]}),
    ("'Größe, \"x\"\n'", 'Größe, "x"\n'),
]


@pytest.mark.slow
def test_values_of_postgresql_become_what_customer_io_keeps(tmp_path: Path, postgres_url: str) -> None:
    columns = ", ".join(f"{value} AS c{number}" for number, (value, _) in enumerate(VALUES))
    text = copy(Query("sync.a.from.database", postgres_url, f"SELECT {columns}"), tmp_path)
    assert [*json.loads(text).values()] == [expected for _, expected in VALUES]
