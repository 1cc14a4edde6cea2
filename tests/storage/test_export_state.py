"""The state of an export: it opens only what is its own, and says what keeps it from doing so."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cio_mcp.errors import CioError, OperatorError
from cio_mcp.storage.duckdb_files import write_duckdb, write_parquet
from cio_mcp.storage.export_state import ExportState
from cio_mcp.storage.export_table import ExportTable

TABLE = ExportTable("metrics", {"day": "day", "sent": "count"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.csv"


@pytest.fixture
def state(path: Path) -> Path:
    return path.with_name("metrics.csv.state")


def refusal(path: Path) -> str:
    with pytest.raises(CioError) as refused, closing(ExportState.open(path)):
        pass
    return str(refused.value)


def test_facts_are_kept_until_the_file_is_opened_again(path: Path) -> None:
    with closing(ExportState.open(path, table="metrics")) as opened:
        opened.keep({"digest": "abc", "run": {"number": 1}})
    with closing(ExportState.open(path, table="metrics")) as opened:
        assert (opened.fact("digest"), opened.fact("run"), opened.fact("other")) == ("abc", {"number": 1}, None)


def test_a_state_is_private(path: Path, state: Path) -> None:
    ExportState.open(path).close()
    assert state.stat().st_mode & 0o777 == 0o600


def test_a_state_without_content_is_a_new_one(path: Path, state: Path) -> None:
    """A kill may come between creating it and its first commit."""
    state.touch()
    ExportState.open(path, table="metrics").close()
    assert state.stat().st_size > 0


def test_another_database_is_left_alone(path: Path, state: Path) -> None:
    with closing(sqlite3.connect(state)) as other:
        other.execute("CREATE TABLE mine (text)")
    before = state.read_bytes()
    assert refusal(path) == "“metrics.csv.state” wasn't written by this command. Choose another place."
    assert state.read_bytes() == before


def test_a_state_of_a_later_version_is_left_alone(path: Path, state: Path) -> None:
    ExportState.open(path).close()
    with closing(sqlite3.connect(state)) as later:
        later.execute("PRAGMA user_version = 2")
    assert refusal(path) == "“metrics.csv.state” was written by another version of cio-mcp. Choose another file."


def test_a_link_or_a_directory_is_no_state(path: Path, state: Path, tmp_path: Path) -> None:
    state.symlink_to(tmp_path / "elsewhere")
    expected = "“metrics.csv.state” isn't a regular file. Choose another place for the export."
    assert refusal(path) == expected
    state.unlink()
    state.mkdir()
    assert refusal(path) == expected
    assert {each.name for each in tmp_path.iterdir()} == {"metrics.csv.state"}


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
def test_a_state_of_another_user_is_left_alone(path: Path, state: Path) -> None:
    ExportState.open(path).close()
    os.chown(state, 65534, 65534)
    assert refusal(path).startswith("“metrics.csv.state” belongs to another user.")


@pytest.mark.parametrize("write", [write_parquet, write_duckdb])
def test_a_file_that_cannot_be_converted_is_one_sentence(write: object, tmp_path: Path) -> None:
    assert callable(write)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"day": "2026-06-15", "sent": 1}\n')
    with pytest.raises(OperatorError, match=r"^The export can't be written\. What was read is kept\.$"):
        write(TABLE, rows, tmp_path / "missing" / "metrics")
