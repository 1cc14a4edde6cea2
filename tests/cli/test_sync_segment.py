"""`cio-mcp sync` of rows into a manual segment."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cli.command_line import CommandLine
from tests.cli.syncs import Syncs, syncs_in

FILE = '[sync.beta]\nfrom.file = "beta.csv"\nto.segment = "Beta testers"'
QUERY = """
[sync.beta]
from.database = "$CRM_URL"
from.query = "SELECT address FROM testers ORDER BY address"
to = { segment = 3, columns = { address = "email" } }
"""
ALLOW = '[sync.beta]\nrule = "allow"\nmax_changed = 50\nmax_share = 1.0\nstarts = true\n'
ADA, BOB, CHLOE, EMMA, LIAM = (
    "ada@example.com", "bob@example.com", "chloe.okafor.3@example.net", "emma.lopez.4@example.net",
    "liam.garcia.5@example.net",
)  # fmt: skip
BETA = 3


@pytest.fixture
def syncs(cio_mcp: CommandLine, tmp_path: Path) -> Iterator[Syncs]:
    with syncs_in(tmp_path, cio_mcp) as running:
        running.write(FILE)
        yield running


def fill(syncs: Syncs, *emails: str) -> None:
    (syncs.folder / "beta.csv").write_text("\n".join(["email", *emails, ""]))


def members(syncs: Syncs) -> list[str]:
    syncs.sandbox.workspace.settle()
    return sorted(str(each.email) for each in syncs.sandbox.workspace.people if BETA in each.manual_segments)


def edits(syncs: Syncs) -> int:
    return len(syncs.requests("POST", "/api/v1/segments/"))


def test_a_segment_becomes_equal_to_the_rows_and_stays_so(syncs: Syncs, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE testers (address TEXT)")
        connection.execute("INSERT INTO testers VALUES (%s), (%s)", (ADA, BOB))
    syncs.write(QUERY)
    settings = {**syncs.policy(ALLOW), "CRM_URL": postgres_url}
    output = syncs.expect(0, "beta", **settings)
    assert output.startswith("beta: 2 rows, ")
    assert members(syncs) == [ADA, BOB]
    sent = edits(syncs)
    assert syncs.expect(0, "beta", **settings) == ("beta: 2 rows, 2 members. 0 to add, 0 to remove. Nothing was sent.")
    assert edits(syncs) == sent
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DELETE FROM testers WHERE address = %s", (BOB,))
    assert syncs.expect(0, "beta", **settings).startswith("beta: 1 row, 2 members. 0 added, 1 removed. Change ")
    assert members(syncs) == [ADA]


def test_an_empty_list_is_always_refused(syncs: Syncs) -> None:
    before = members(syncs)
    for emails in ([], ["nobody@example.org"]):
        fill(syncs, *emails)
        assert "rows: names no" in syncs.expect(2, "beta", **syncs.policy(ALLOW))
    assert (members(syncs), edits(syncs)) == (before, 0)


@pytest.mark.slow
def test_its_share_is_of_all_members_and_who_joins_and_who_leaves_both_count(syncs: Syncs) -> None:
    for person in syncs.sandbox.workspace.people:
        person.manual_segments.discard(BETA)
        if person.email in (ADA, BOB, CHLOE, EMMA):
            person.manual_segments.add(BETA)
    fill(syncs, ADA, BOB, CHLOE, LIAM)
    syncs.expect(0, "beta", **syncs.policy(ALLOW.replace("1.0", "0.5")))
    fill(syncs, ADA, BOB, EMMA, LIAM)
    syncs.expect(3, "beta", **syncs.policy(ALLOW.replace("1.0", "0.49")))
    assert members(syncs) == [ADA, BOB, CHLOE, LIAM]


@pytest.mark.slow
def test_beyond_its_bound_it_waits_for_a_person_and_continues_once_approved(syncs: Syncs) -> None:
    fill(syncs, ADA, BOB)
    output = syncs.expect(3, "beta", **syncs.policy(ALLOW.replace("50", "1")))
    assert edits(syncs) == 0
    syncs.decide(output)
    syncs.expect(0, "beta", **syncs.policy(ALLOW.replace("50", "1")))
    assert members(syncs) == [ADA, BOB]


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy",
    [
        ALLOW.replace("starts = true", ""),
        f'{ALLOW}[recipients]\nsegment = "Beta testers"\n',
        f'{ALLOW}[recipients]\nsegment = " Beta testers "\n',
    ],
)
def test_what_may_send_or_decides_who_may_be_reached_waits_for_a_person(syncs: Syncs, policy: str) -> None:
    fill(syncs, ADA, BOB)
    syncs.expect(3, "beta", **syncs.policy(policy))


@pytest.mark.slow
def test_rows_that_name_nobody_are_listed_and_the_others_take_effect(syncs: Syncs) -> None:
    fill(syncs, ADA, "nobody@example.org")
    ended = syncs.run("beta", **syncs.policy(ALLOW))
    assert (ended.returncode, ended.stderr.partition(":")[0]) == (1, "line 3 “nobody@example.org”")
    assert members(syncs) == [ADA]


@pytest.mark.slow
def test_a_data_driven_segment_is_refused(syncs: Syncs) -> None:
    syncs.write(FILE.replace("Beta testers", "VIP"))
    fill(syncs, ADA)
    assert "VIP" in syncs.expect(2, "beta")


@pytest.mark.slow
def test_a_dry_run_changes_nothing(syncs: Syncs) -> None:
    fill(syncs, ADA, BOB)
    before = members(syncs)
    assert syncs.expect(0, "beta", "--dry-run").endswith("Nothing was sent (dry run).")
    assert (members(syncs), edits(syncs)) == (before, 0)
    assert "--all: is for syncs into customers" in syncs.expect(2, "beta", "--all")


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_sends_is_made_good_by_the_next(syncs: Syncs) -> None:
    found = Counter(str(each.email) for each in syncs.sandbox.workspace.people if each.email)
    everyone = sorted(email for email, count in found.items() if count == 1)
    fill(syncs, *everyone)
    policy = syncs.policy(ALLOW)
    syncs.kill("beta", when=lambda: edits(syncs) > 0, **policy)
    syncs.expect(0, "beta", **policy)
    assert members(syncs) == everyone
    assert syncs.expect(0, "beta", **policy).endswith("0 to add, 0 to remove. Nothing was sent.")
