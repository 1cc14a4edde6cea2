"""`cio-mcp sync` of rows into attributes of customers."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from pydantic import JsonValue

from cio_mcp.gate.policy import BY_POLICY
from cio_mcp.jobs.staging import ListedRows
from cio_mcp.storage.engine import Database
from cio_mcp.storage.job_rows import StagedRow
from cio_mcp.storage.jobs import Jobs
from tests.cli.command_line import CommandLine
from tests.cli.syncs import Syncs, syncs_in

FILE = '[sync.plans]\nfrom.file = "plans.csv"\nto.customers = true'
QUERY = """
[sync.plans]
from.database = "$CRM_URL"
from.query = "SELECT email, tier, seats FROM accounts ORDER BY email"
to.customers = true
"""
ALLOW = '[sync.plans]\nrule = "allow"\nmax_changed = 5\nmax_share = 1.0\nstarts = true\n'
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def syncs(cio_mcp: CommandLine, tmp_path: Path) -> Iterator[Syncs]:
    with syncs_in(tmp_path, cio_mcp) as running:
        running.write(FILE)
        yield running


def fill(syncs: Syncs, *rows: str) -> None:
    (syncs.folder / "plans.csv").write_text("\n".join(["email,tier", *rows, ""]))


def batches(syncs: Syncs) -> int:
    return len(syncs.requests("POST", "/api/v2/batch"))


def changed_by(syncs: Syncs, output: str) -> str | None:
    return syncs.cio_mcp.change(output.rstrip(".").rpartition(" ")[2]).decided_by


@pytest.mark.slow
def test_a_first_run_waits_for_a_person_and_the_next_one_continues(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold", f"{BOB},silver")
    first = syncs.expect(3, "plans")
    change = first.rpartition(" ")[2]
    assert first == (
        f"plans: Waits for approval: change {change}. Nothing was sent. The next run continues once it is approved: "
        f"cio-mcp approvals approve {change}"
    )
    assert syncs.expect(3, "plans") == first
    assert batches(syncs) == 0
    syncs.decide(first)
    assert syncs.expect(0, "plans").startswith("plans: 2 rows, 2 changed. Sent 2, refused 0. Change ")
    syncs.attribute(ADA, "tier", "gold")
    syncs.attribute(BOB, "tier", "silver")
    assert batches(syncs) == 1
    assert syncs.expect(0, "plans") == "plans: 2 rows, 0 changed. Nothing was sent."
    assert batches(syncs) == 1


def test_what_a_person_may_not_expect_is_a_line_on_standard_error(syncs: Syncs) -> None:
    (syncs.folder / "plans.csv").write_text(f"email,Tier,born\n{ADA},gold,03.04.1990\nnobody@example.com,gold,\nx,,\n")
    ended = syncs.run("plans", "--dry-run")
    assert ended.returncode == 1
    assert ended.stdout == "plans: 3 rows, 2 changed, 1 can't be sent. Nothing was sent (dry run).\n"
    rejected, *warnings = ended.stderr.splitlines()
    assert rejected.startswith("line 4: ")
    assert [line[:40] for line in warnings] == [
        "Warning: “born”: 1 date kept as text, be", "Warning: 1 of 2 customers doesn't exist:",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_denied_run_says_so_and_the_next_one_asks_again(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold")
    syncs.decide(syncs.expect(3, "plans"), approve=False)
    assert "plans: " in syncs.expect(5, "plans")
    syncs.expect(3, "plans")
    assert batches(syncs) == 0


def test_the_policy_allows_a_run_up_to_a_size_and_only_what_changed_is_sent(syncs: Syncs) -> None:
    policy = syncs.policy(ALLOW)
    fill(syncs, f"{ADA},gold", f"{BOB},silver")
    output = syncs.expect(0, "plans", **policy)
    assert changed_by(syncs, output) == BY_POLICY
    fill(syncs, f"{ADA},gold", f"{BOB},gold")
    assert syncs.expect(0, "plans", **policy).startswith("plans: 2 rows, 1 changed. Sent 1, refused 0.")
    syncs.attribute(BOB, "tier", "gold")
    assert batches(syncs) == 2
    assert syncs.expect(0, "plans", "--all", **policy).startswith("plans: 2 rows, 2 changed. Sent 2, refused 0.")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "rule",
    [
        'rule = "allow"\nmax_changed = 1\nmax_share = 1.0\nstarts = true',
        'rule = "allow"\nmax_changed = 5\nmax_share = 0.9\nstarts = true',
        'rule = "allow"\nmax_changed = 5\nmax_share = 1.0',
        'rule = "confirm"\nmax_changed = 5\nmax_share = 1.0\nstarts = true',
        'rule = "allow"\nmax_changed = 5\nmax_share = 1.0\nstarts = true\n[class.send]\nrule = "confirm"',
        'rule = "allow"\nmax_changed = 5\nmax_share = 1.0\nstarts = true\n[tool.update_customer]\nrule = "confirm"',
    ],
    ids=["count", "share", "starts", "confirm", "class", "tool"],
)
@pytest.mark.sampled(1)
def test_beyond_its_bound_a_run_waits_for_a_person(syncs: Syncs, rule: str) -> None:
    fill(syncs, f"{ADA},gold", f"{BOB},silver")
    syncs.expect(3, "plans", **syncs.policy(f"[sync.plans]\n{rule}"))
    assert batches(syncs) == 0


@pytest.mark.slow
def test_the_rule_of_one_sync_allows_no_other(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold")
    syncs.expect(3, "plans", **syncs.policy(ALLOW.replace("sync.plans", "sync.others")))


@pytest.mark.slow
def test_a_hidden_sync_is_refused(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold")
    output = syncs.expect(2, "plans", **syncs.policy('[sync.plans]\nrule = "hide"'))
    assert "The operator of this server doesn't allow this kind of change" in output


@pytest.mark.slow
@pytest.mark.parametrize(("extra", "code"), [("", 3), ("create = true\n", 0)])
def test_customers_are_created_only_if_the_rule_says_so(syncs: Syncs, extra: str, code: int) -> None:
    syncs.write(f"{FILE}\nto.create = true")
    fill(syncs, "new@example.com,gold")
    syncs.expect(code, "plans", **syncs.policy(ALLOW + extra))
    assert batches(syncs) == (1 if code == 0 else 0)
    if code == 0:
        syncs.attribute("new@example.com", "tier", "gold")


@pytest.mark.slow
def test_addresses_and_subscriptions_are_changed_only_if_the_rule_says_so(syncs: Syncs) -> None:
    (syncs.folder / "plans.csv").write_text(f"email,unsubscribed\n{ADA},true\n")
    syncs.expect(3, "plans", **syncs.policy(ALLOW.replace("starts = true\n", "")))
    syncs.write(FILE.replace("plans]", "other]"))
    syncs.expect(0, "other", **syncs.policy(ALLOW.replace("plans", "other")))


def test_rows_that_cannot_be_sent_are_listed_and_the_others_are_sent(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold", ",silver", "not an address,silver", f"{BOB},x,y")
    ended = syncs.run("plans", **syncs.policy(ALLOW))
    assert ended.returncode == 1
    assert ended.stdout.startswith("plans: 4 rows, 1 changed, 3 can't be sent. Sent 1, refused 0. Change ")
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == ["line 3", "line 4", "line 5"]


@pytest.mark.slow
def test_no_row_that_can_be_sent_is_an_error(syncs: Syncs) -> None:
    fill(syncs, ",gold")
    assert "rows: no row can be sent: line 2: " in syncs.expect(2, "plans")
    fill(syncs)
    assert syncs.run("plans").returncode == 2
    (syncs.folder / "plans.csv").unlink()
    assert syncs.expect(2, "plans") == "cio-mcp: from.file: there is no file “plans.csv”."


@pytest.mark.slow
def test_a_file_may_be_a_link_to_another_directory(syncs: Syncs) -> None:
    (syncs.folder / "elsewhere").mkdir()
    fill(syncs, f"{ADA},gold")
    (syncs.folder / "plans.csv").rename(syncs.folder / "elsewhere" / "today.csv")
    (syncs.folder / "plans.csv").symlink_to(syncs.folder / "elsewhere" / "today.csv")
    assert "1 row, 1 changed." in syncs.expect(0, "plans", "--dry-run")


@pytest.mark.slow
def test_a_dry_run_does_not_go_on_with_a_job_that_another_process_left(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold", *(f"p{number}@example.org,gold" for number in range(2_000)))
    row: JsonValue = {"type": "person", "action": "identify", "identifiers": {"email": ADA}, "attributes": {"a": 1}}

    async def work(database: Database) -> None:
        jobs = Jobs(database, "sandbox-site")
        source = ListedRows([StagedRow(1, row)])
        job = await jobs.stage(
            "aaaa0001", principal="local:ada", kind="import_customers", key="", options={}, source=source, now=1.0
        )
        assert await jobs.start(job.id, job.digest, now=1.0)

    syncs.cio_mcp.journal(work)
    syncs.expect(0, "plans", "--dry-run")
    assert batches(syncs) == 0


@pytest.mark.slow
def test_a_dry_run_sends_nothing_and_leaves_nothing_behind(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold", f"{BOB},silver")
    policy = syncs.policy(ALLOW)
    expected = "plans: 2 rows, 2 changed. Nothing was sent (dry run)."
    assert syncs.expect(0, "plans", "--dry-run", **policy) == expected
    assert syncs.expect(0, "plans", "--dry-run", CIO_READ_ONLY="true", **policy) == expected
    assert "CIO_READ_ONLY: is set" in syncs.expect(2, "plans", CIO_READ_ONLY="true", **policy)
    assert batches(syncs) == 0
    syncs.expect(0, "plans", **policy)


@pytest.mark.slow
def test_a_pause_stops_it(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold")
    syncs.cio_mcp.run("pause", **syncs.settings)
    assert "paused" in syncs.expect(2, "plans", **syncs.policy(ALLOW))
    syncs.cio_mcp.run("resume", **syncs.settings)
    syncs.expect(0, "plans", **syncs.policy(ALLOW))


@pytest.mark.slow
def test_a_row_that_went_and_came_back_is_sent_again(syncs: Syncs) -> None:
    policy = syncs.policy(ALLOW)
    fill(syncs, f"{ADA},gold", f"{BOB},silver")
    syncs.expect(0, "plans", **policy)
    fill(syncs, f"{ADA},gold")
    syncs.expect(0, "plans", **policy)
    syncs.attribute(BOB, "tier", "silver")
    syncs.person(BOB).attributes["tier"] = "none"
    fill(syncs, f"{ADA},gold", f"{BOB},silver")
    assert "1 changed. Sent 1" in syncs.expect(0, "plans", **policy)
    syncs.attribute(BOB, "tier", "silver")


@pytest.mark.slow
def test_standard_input_is_read(syncs: Syncs) -> None:
    syncs.write(FILE.replace('from.file = "plans.csv"', 'from.stdin = "csv"'))
    assert "stdin: standard input is empty" in syncs.expect(2, "plans", **syncs.policy(ALLOW))


@pytest.mark.slow
def test_a_run_that_waits_goes_on_once_it_is_approved(syncs: Syncs) -> None:
    fill(syncs, f"{ADA},gold")
    with syncs.started("plans", "--wait", "5") as process:
        while not (waiting := syncs.waiting()):
            assert process.poll() is None
            time.sleep(0.05)
        syncs.decide(f"change {waiting[0].id}")
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output.startswith("plans: 1 row, 1 changed. Sent 1")) == (0, True)
    assert errors.startswith(f"plans: Waits for approval: change {waiting[0].id}. To decide, run cio-mcp approvals")
    syncs.attribute(ADA, "tier", "gold")


@pytest.mark.slow
def test_both_directions_with_one_database_converge_and_then_change_nothing(syncs: Syncs, postgres_url: str) -> None:
    back = """
[sync.vips]
from = { segment = "VIP", attributes = ["email", "tier"] }
to = { database = "$CRM_URL", table = "vips", create = true }
"""
    syncs.write(QUERY + back)
    settings: dict[str, Any] = {**syncs.policy(ALLOW), "CRM_URL": postgres_url}
    execute(postgres_url, "CREATE TABLE accounts (email TEXT, tier TEXT, seats INTEGER)")
    execute(postgres_url, "INSERT INTO accounts VALUES (%s, 'gold', 3), (%s, 'silver', 1)", ADA, BOB)
    for tier, plan in (("gold", "vip"), ("platinum", "free")):
        execute(postgres_url, "UPDATE accounts SET tier = %s WHERE email = %s", tier, BOB)
        syncs.person(BOB).attributes["plan"] = plan
        syncs.expect(0, "plans", **settings)
        syncs.attribute(BOB, "tier", tier)
        syncs.expect(0, "vips", **settings)
        with psycopg.connect(postgres_url) as connection:
            there: dict[str, str] = dict(connection.execute("SELECT email, tier FROM vips").fetchall())
        assert there.get(BOB) == (tier if plan == "vip" else None)
        assert there[ADA] == "gold"
        writes = len(syncs.requests("POST", "/api/"))
        assert "0 changed. Nothing was sent." in syncs.expect(0, "plans", **settings)
        assert "0 rows changed, 0 deleted." in syncs.expect(0, "vips", **settings)
        assert len(syncs.requests("POST", "/api/")) == writes


@pytest.mark.slow
def test_addresses_are_masked_where_they_must_be(syncs: Syncs) -> None:
    (syncs.folder / "plans.csv").write_text(f"email,id\n{ADA},{ADA}/x\n{BOB},bob\n")
    ended = syncs.run("plans", "--dry-run", CIO_MASK_PII="true")
    assert ended.returncode in (0, 1)
    assert ADA not in ended.stdout + ended.stderr


def execute(url: str, statement: LiteralString, *values: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement, values)


def test_a_query_of_postgresql_converges_and_is_idempotent(syncs: Syncs, postgres_url: str) -> None:
    execute(postgres_url, "CREATE TABLE accounts (email TEXT, tier TEXT, seats INTEGER)")
    execute(postgres_url, "INSERT INTO accounts VALUES (%s, 'gold', 3), (%s, NULL, 1)", ADA, BOB)
    syncs.write(QUERY)
    settings: dict[str, Any] = {**syncs.policy(ALLOW), "CRM_URL": postgres_url}
    assert syncs.expect(0, "plans", **settings).startswith("plans: 2 rows, 2 changed. Sent 2, refused 0.")
    syncs.attribute(ADA, "seats", 3)
    requests = len(syncs.sandbox.requests)
    assert syncs.expect(0, "plans", **settings) == "plans: 2 rows, 0 changed. Nothing was sent."
    assert len(syncs.sandbox.requests) == requests
    execute(postgres_url, "UPDATE accounts SET seats = 4 WHERE email = %s", BOB)
    assert syncs.expect(0, "plans", **settings).startswith("plans: 2 rows, 1 changed. Sent 1, refused 0.")
    syncs.attribute(BOB, "seats", 4)
    assert batches(syncs) == 2
    assert not list((syncs.cio_mcp.data_dir / "sync").glob("*/"))


@pytest.mark.slow
@pytest.mark.parametrize("killed_at", [0, 1, 3])
def test_a_run_that_is_killed_is_made_good_by_the_next(
    killed_at: int, cio_mcp: CommandLine, tmp_path: Path, postgres_url: str
) -> None:
    """It is killed at its start, or once so many of its four requests have arrived."""
    columns = [f"note_{number}" for number in range(30)]
    with syncs_in(tmp_path, cio_mcp, people=70) as syncs:
        emails = sorted({each.email for each in syncs.sandbox.workspace.people if each.email})[:60]
        execute(postgres_url, "CREATE TABLE accounts (email TEXT, note TEXT)")
        for email in emails:
            execute(postgres_url, "INSERT INTO accounts VALUES (%s, repeat(%s, 900 / length(%s)))", email, email, email)
        notes = ", ".join(f"note AS {column}" for column in columns)
        syncs.write(QUERY.replace("tier, seats", notes).replace("$CRM_URL", postgres_url))
        policy = syncs.policy(ALLOW.replace("max_changed = 5", "max_changed = 100"))
        lock = cio_mcp.data_dir / "sync"
        syncs.kill("plans", when=lambda: lock.exists() and batches(syncs) >= killed_at, **policy)
        syncs.expect(0, "plans", **policy)
        for email in emails:
            for column in columns:
                syncs.attribute(email, column, email * (900 // len(email)))
        sent = batches(syncs)
        assert sent <= 4 + 1
        assert syncs.expect(0, "plans", **policy) == "plans: 60 rows, 0 changed. Nothing was sent."
        assert batches(syncs) == sent
