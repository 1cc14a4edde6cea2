"""`cio-mcp sync` of a segment into a file or a table."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cio_mcp.cli.sync_end import Exit
from cio_mcp.cli.sync_members import PAGE_SIZE, Written
from cio_mcp.jobs.sync_file import SegmentSource
from cio_mcp.sandbox.world.people import Person
from cio_mcp.storage.file_lock import lock_file
from tests.cli.command_line import CommandLine
from tests.cli.syncs import Syncs, syncs_in

VIP = 'from = { segment = "VIP", attributes = ["email", "plan"] }\n'
FILE = f'[sync.vip]\n{VIP}to.file = "vip.csv"'
TABLE = f'[sync.vip]\n{VIP}to = {{ database = "$CRM_URL", table = "vip", create = true }}'


@pytest.fixture
def syncs(cio_mcp: CommandLine, tmp_path: Path) -> Iterator[Syncs]:
    with syncs_in(tmp_path, cio_mcp) as running:
        yield running


def vips(syncs: Syncs) -> list[Person]:
    return [person for person in syncs.sandbox.workspace.people if person.attributes.get("plan") == "vip"]


def rows(url: str, query: str = "SELECT email, plan FROM vip ORDER BY email") -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_a_segment_becomes_a_file_that_the_next_run_replaces(syncs: Syncs) -> None:
    syncs.write(FILE)
    path = syncs.folder / "vip.csv"
    assert syncs.expect(0, "vip") == "vip: 3 members, 3 rows written."
    with path.open(newline="") as file:
        header, *written = csv.reader(file)
    assert header == ["email", "plan"]
    assert sorted(written) == sorted([person.email, "vip"] for person in vips(syncs))
    assert path.stat().st_mode & 0o777 == 0o600
    vips(syncs)[0].attributes["plan"] = 'Größe "x", y\n'
    assert syncs.expect(0, "vip") == "vip: 2 members, 2 rows written."
    assert len(path.read_text().splitlines()) == 3
    assert sorted(each.name for each in syncs.folder.glob("*vip*")) == ["vip.csv"]


@pytest.mark.slow
def test_json_lines_keep_what_is_missing_apart_from_what_is_empty(syncs: Syncs) -> None:
    syncs.write('[sync.vip]\nfrom = { segment = "VIP", attributes = ["cio_id", "nothing"] }\nto.file = "vip.jsonl"')
    syncs.expect(0, "vip")
    lines = [json.loads(line) for line in (syncs.folder / "vip.jsonl").read_text().splitlines()]
    assert {line["cio_id"] for line in lines} == {person.cio_id for person in vips(syncs)}
    assert {line["nothing"] for line in lines} == {None}


@pytest.mark.slow
def test_a_segment_becomes_a_table_of_postgresql_and_stays_equal_to_it(syncs: Syncs, postgres_url: str) -> None:
    syncs.write(TABLE)
    first, second, third = vips(syncs)
    assert syncs.expect(0, "vip", CRM_URL=postgres_url) == "vip: 3 members, 3 rows changed, 0 deleted."
    assert rows(postgres_url) == sorted((person.email, "vip") for person in (first, second, third))
    assert syncs.expect(0, "vip", CRM_URL=postgres_url) == "vip: 3 members, 0 rows changed, 0 deleted."
    first.attributes["plan"] = "free"
    second.email = "moved@example.com"
    assert syncs.expect(0, "vip", CRM_URL=postgres_url) == "vip: 2 members, 1 row changed, 2 deleted."
    assert rows(postgres_url) == sorted([("moved@example.com", "vip"), (third.email, "vip")])


@pytest.mark.slow
def test_a_table_of_sqlite_without_the_owner_s_column_keeps_former_members(syncs: Syncs) -> None:
    with closing(sqlite3.connect(syncs.folder / "crm.db")) as db, db:
        db.execute("CREATE TABLE vip (email TEXT PRIMARY KEY, plan TEXT)")
    syncs.write(TABLE)
    url = f"sqlite:///{syncs.folder / 'crm.db'}"
    assert syncs.expect(0, "vip", CRM_URL=url) == (
        "vip: 3 members, 3 rows changed, 0 deleted. Rows of former members stay: the table has no column cio_sync."
    )


@pytest.mark.slow
def test_members_without_the_identifier_are_counted_and_left_out(syncs: Syncs) -> None:
    vips(syncs)[0].email = None
    syncs.write(FILE)
    assert syncs.expect(1, "vip") == "vip: 3 members, 2 rows written. Without email and left out: 1."


def test_members_without_a_profile_are_counted_and_their_rows_stay() -> None:
    end = Written(members=3, without_profile=1).end(SegmentSource("VIP", ("email", "plan")), Path("vip.csv"))
    assert (end.code, end.summary) == (
        Exit.PARTLY, "3 members, 0 rows written. Without a profile that can be read, so left out: 1."
    )  # fmt: skip


def test_a_segment_that_is_still_being_built_is_not_read(syncs: Syncs) -> None:
    syncs.write(FILE)
    segment = next(each for each in syncs.sandbox.workspace.segments.values() if each.name == "VIP")
    segment.state = "building"
    assert "still building segment" in syncs.expect(2, "vip")
    assert not (syncs.folder / "vip.csv").exists()


@pytest.mark.slow
def test_a_dry_run_writes_nothing(syncs: Syncs) -> None:
    syncs.write(FILE)
    assert syncs.expect(0, "vip", "--dry-run") == "vip: 3 members would be written. Nothing was written (dry run)."
    assert not (syncs.folder / "vip.csv").exists()


def test_two_runs_of_one_sync_never_overlap(syncs: Syncs) -> None:
    syncs.write(FILE)
    syncs.expect(0, "vip")
    (lock,) = (syncs.cio_mcp.data_dir / "sync").glob("*-vip.lock")
    with lock_file(lock) as is_ours:
        assert is_ours
        assert syncs.expect(4, "vip") == "vip: another run of this sync has not ended yet. Nothing was done."
    syncs.expect(0, "vip")


UNREACHABLE = "postgresql://u:secret@127.0.0.1:1/d"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('from = {segment = "VIPs", attributes = ["id"]}\nto.file = "x.csv"', "segment: no segment has the ID or name"),
        (f'{VIP}to.file = "vip.xlsx"', "sync.vip.to.file: expected a name that ends with .csv, .jsonl, .ndjson."),
        (f'{VIP}to.file = "/nowhere/vip.csv"', "“vip.csv” can't be written by this server."),
        (f'{VIP}to = {{ database = "{UNREACHABLE}", table = "x" }}', "the database can't be reached"),
    ],
)  # fmt: skip
def test_what_cannot_work_ends_with_one_sentence(syncs: Syncs, text: str, problem: str) -> None:
    syncs.write(f"[sync.vip]\n{text}")
    message = syncs.expect(2, "vip")
    assert message.startswith("cio-mcp: ")
    assert problem in message
    assert "secret" not in message
    assert "\n" not in message


@pytest.mark.slow
def test_without_the_app_key_there_is_nothing_to_read(syncs: Syncs) -> None:
    syncs.write(FILE)
    assert syncs.expect(2, "vip", CIO_APP_API_KEY="").startswith("cio-mcp: CIO_APP_API_KEY: is missing; it is an App")


@pytest.mark.slow
@pytest.mark.parametrize("requests", [3, 8, 16, 24, 30])
def test_a_run_that_is_killed_is_made_good_by_the_next(
    requests: int, cio_mcp: CommandLine, tmp_path: Path, postgres_url: str
) -> None:
    people = 2 * PAGE_SIZE + 300
    with syncs_in(tmp_path, cio_mcp, people=people) as syncs:
        syncs.write(
            TABLE.replace('"VIP"', '"Everyone"').replace('"email"', '"cio_id"').replace("$CRM_URL", postgres_url)
        )
        syncs.kill("vip", when=lambda: len(syncs.sandbox.requests) >= requests)
        syncs.expect(0, "vip")
        everyone = [(person.cio_id, person.attributes.get("plan")) for person in syncs.sandbox.workspace.people]
        assert rows(postgres_url, "SELECT cio_id, plan FROM vip ORDER BY cio_id") == sorted(everyone)
        assert "0 rows changed, 0 deleted" in syncs.expect(0, "vip")
