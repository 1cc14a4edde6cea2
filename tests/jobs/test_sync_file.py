"""The file of syncs: what it says, and one sentence with the key for what is wrong."""

from pathlib import Path

import pytest

from cio_mcp.errors import SettingError
from cio_mcp.jobs.sync_file import Customers, DatabaseTable, ManualSegment, Query, SegmentSource, Sync, read_sync
from cio_mcp.settings import Settings

FILE = """
[sync.plans]
from.file = "plans.csv"
to.customers = true
to.create = true
to.columns = { "E-Mail" = "email", Note = "" }

[sync.vips]
from = { database = "$WAREHOUSE_URL", query = "SELECT email FROM vips" }
to.segment = 7

[sync.pipe]
from.stdin = "jsonl"
to = { segment = "VIP", columns = { "E-Mail" = "email" } }

[sync.vip-table]
from = { segment = "VIP", attributes = ["email", "plan"] }
to = { database = "sqlite:///crm.db", table = "vip", create = true }

[sync.vip-file]
from = { segment = 7, attributes = ["cio_id"] }
to.file = "~/vip.csv"
"""


def read(folder: Path, name: str, text: str = FILE) -> Sync:
    path = folder / "sync.toml"
    path.write_text(text)
    return read_sync(Settings(sync_file=path), name)


def test_each_direction_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", "postgresql://ada:secret@host/db")
    assert read(tmp_path, "plans") == Sync(
        "plans", tmp_path / "plans.csv", Customers({"E-Mail": "email", "Note": None}, create=True)
    )
    assert read(tmp_path, "vips") == Sync(
        "vips",
        Query("sync.vips.from.database", "postgresql://ada:secret@host/db", "SELECT email FROM vips"),
        ManualSegment("7"),
    )
    assert read(tmp_path, "pipe") == Sync("pipe", "jsonl", ManualSegment("VIP", "E-Mail", "email"))
    assert read(tmp_path, "vip-table") == Sync(
        "vip-table",
        SegmentSource("VIP", ("email", "plan")),
        DatabaseTable("sync.vip-table.to.database", "sqlite:///crm.db", "vip", create=True),
    )
    assert read(tmp_path, "vip-file").target == Path("~/vip.csv").expanduser()


def test_without_a_name_the_names_are_listed(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="sync: pass the name of a sync: plans, vips, "):
        read(tmp_path, "")


HEAD = "[sync.a]\n"
WRONG = {
    "[sync.b]\nfrom.file = 'x'\nto.customers = true": "sync: has no sync “a”. It has b",
    "[sync.ab]\nfrom.file = 'x'\nto.customers = true": "sync: has no sync “a”. Did you mean ab?",
    "[sync.A]\nfrom.file = 'x'\nto.customers = true": "sync.A: expected a name of lower-case letters",
    "syncs = 1\n[sync]": "syncs: unknown key. Expected sync",
    HEAD + "to.customers = true": "sync.a.from: is required",
    HEAD + "from.file = 'x'\nto.customer = true": "sync.a.to.customer: unknown key. Expected customers, segment, fi",
    HEAD
    + "from.file = 'x'\nfrom.stdin = 'csv'\nto.customers = true": "sync.a.from: expected exactly one of file, stdin",
    HEAD + "from = {}\nto.customers = true": "sync.a.from: expected exactly one of",
    HEAD + "from.stdin = 'xml'\nto.customers = true": "sync.a.from.stdin: expected 'csv' or 'jsonl'",
    HEAD + "from.file = 'x'\nto = {}": "sync.a.to: expected exactly one of customers, segment, file, database",
    HEAD + "from.database = 'x'\nto.customers = true": "sync.a.from.query: is required with database, and only then",
    HEAD + "from.file = 'x'\nfrom.query = 'y'\nto.customers = true": "sync.a.from.query: is required with database",
    HEAD + "from.segment = 1\nto.file = 'x'": "sync.a.from.attributes: is required with segment, and only then",
    HEAD + "from = {segment = 1, attributes = ['plan']}\nto.file = 'x'": "sync.a.from.attributes: the first must ident",
    HEAD
    + "from = {segment = 1, attributes = ['id', 'x', 'x']}\nto.file = 'x'": "sync.a.from.attributes: names “x” twi",
    HEAD + "from = {segment = 1, attributes = ['id']}\nto.database = 'x'": "sync.a.to.table: is required with database",
    HEAD + "from.file = 'x'\nto.file = 'y'": "sync.a: rows go to customers or a segment, and a segment goes to a file",
    HEAD + "from = {segment = 1, attributes = ['id']}\nto.segment = 2": "sync.a: rows go to customers or a segment",
    HEAD + "from.file = 'x'\nto = {segment = 1, columns = {a = 'x'}}": "sync.a.to.columns: a segment needs one column",
    HEAD + "from.file = 'x'\nto = {segment = 1, create = true}": "sync.a.to.create: only customers and tables can be",
    HEAD + "from.file = 'x'\nto = {file = 'y', columns = {a = 'b'}}": "sync.a.to.columns: only rows that go to Cust",
    HEAD
    + "from = {database = '$UNSET_URL', query = 'y'}\nto.customers = true": "sync.a.from.database: the environment v",
}


@pytest.mark.parametrize(("text", "reason"), WRONG.items(), ids=range(len(WRONG)))
def test_a_wrong_file_is_reported_with_its_key_and_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingError) as wrong:
        read(tmp_path, "a", text)
    message = str(wrong.value)
    assert message.startswith(f"CIO_SYNC_FILE: {tmp_path / 'sync.toml'}: {reason}"), message
    assert "\n" not in message


def test_without_a_file_both_places_are_named() -> None:
    with pytest.raises(SettingError, match=r"CIO_SYNC_FILE: is missing\. Set it to the path .* or pass --file"):
        read_sync(Settings(), "a")
