import json
import re
import time

import pytest

from cio_mcp.storage.changes import Journal
from cio_mcp.storage.decisions import RejectionPhrase
from cio_mcp.storage.engine import Database
from tests.cli.command_line import CommandLine

MONTH = 31 * 86_400.0


def decline_change(cio_mcp: CommandLine, change: str) -> None:
    async def decline(database: Database) -> bool:
        how: RejectionPhrase = "denied in a terminal"
        return await Journal(database, "acme").withdraw(change, by="local:\x1b[31mbob", how=how, now=time.time())

    assert cio_mcp.journal(decline)


def test_changes_are_a_table_newest_first(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", age=120)
    cio_mcp.propose("aaaa0002")
    decline_change(cio_mcp, "aaaa0001")
    head, *rows = cio_mcp.run("changes").stdout.splitlines()
    assert head.split() == ["id", "when", "state", "tool", "summary", "by", "decided", "by"]
    assert [row.split()[0] for row in rows] == ["aaaa0002", "aaaa0001"]
    for part in ("declined", "send_transactional", "Send “Order shipped” by email.", "local:ada", "local:[31mbob"):
        assert part in rows[1]
    assert "\x1b" not in "".join(rows)


@pytest.mark.parametrize("columns", [60, 100])
def test_a_narrow_terminal_splits_no_word_and_hides_nothing(columns: int, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", age=120)
    decline_change(cio_mcp, "aaaa0001")
    with cio_mcp.on_a_terminal("changes", COLUMNS=str(columns)) as session:
        session.ends_with(0)
    lines = session.seen.splitlines()
    assert re.fullmatch(r"aaaa0001  \S+Z  declined", lines[0])
    assert lines[1] == "          Send “Order shipped” by email."
    assert " ".join(" ".join(lines[2:]).split()) == "send_transactional by local:ada, decided by local:[31mbob"
    assert all(len(line) <= columns for line in lines)


def test_changes_are_filtered_by_what_they_are_now(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", age=4000)
    cio_mcp.propose("aaaa0002")
    assert "aaaa0001" not in cio_mcp.run("changes", "--state", "planned").stdout
    expired = cio_mcp.run("changes", "--state", "expired").stdout
    assert "aaaa0001" in expired
    assert "aaaa0002" not in expired
    assert cio_mcp.run("changes", "--state", "failed").stdout == f"No changes. Data directory: {cio_mcp.data_dir}\n"


def test_changes_are_json_for_programs(cio_mcp: CommandLine) -> None:
    for number in range(3):
        cio_mcp.propose(f"aaaa000{number}", age=60 - number)
    page = json.loads(cio_mcp.run("changes", "--json", "--limit", "2").stdout)
    assert [change["id"] for change in page["changes"]] == ["aaaa0002", "aaaa0001"]
    assert page["has_more"] is True
    (one,) = json.loads(cio_mcp.run("changes", "aaaa0000", "--json").stdout)["changes"]
    assert (one["id"], one["state"], one["by"]) == ("aaaa0000", "planned", "local:ada")


def test_one_change_is_shown_in_full(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    decline_change(cio_mcp, "aaaa0001")
    shown = cio_mcp.run("changes", "aaaa0001", "--calls").stdout
    for part in ("Change aaaa0001: declined", "Proposed 1 minute ago by local:ada", '"to": "ada@example.com"'):
        assert part in shown
    assert "\x1b" not in shown


def test_a_change_of_which_only_the_summary_is_left_is_shown_still(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", age=MONTH)
    decline_change(cio_mcp, "aaaa0001")
    listed = cio_mcp.run("changes")
    assert listed.returncode == 0
    assert "Send “Order shipped”" in listed.stdout
    row = cio_mcp.change("aaaa0001")
    assert "ada@example.com" not in f"{row.plan}{row.question}"
    assert row.digest
    shown = cio_mcp.run("changes", "aaaa0001").stdout
    assert "Send “Order shipped” by email." in shown
    assert "no longer stored" in shown


def test_an_unknown_change_is_one_line_on_stderr(cio_mcp: CommandLine) -> None:
    answered = cio_mcp.run("changes", "nowhere")
    assert (answered.returncode, answered.stdout) == (2, "")
    assert answered.stderr.count("\n") == 1
