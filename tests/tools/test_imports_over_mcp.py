"""Imports over MCP: one approval for many customers, what is shown before, and what arrives after."""

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult

from cio_mcp.jobs.files import MAX_LINE_BYTES
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.people import Person as Customer
from cio_mcp.settings import Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.jobs import Jobs
from tests.clients import APPROVE, REJECT, Person, connect, structured, text
from tests.eras import Era

pytestmark = pytest.mark.anyio

BATCH = "/api/v2/batch"
COLUMNS = (
    "“ID” → “id” (identifier)",
    "“E-Mail” → “email” (identifier if “ID” is empty)",
    "“tier” (numbers)",
    "“since” (times, as Unix seconds)",
)
POLICY = """
large_audience = 500
recipients.addresses = ["ada@example.com"]
class.data.rule = "allow"
class.send.rule = "allow"
"""
UNKNOWN = "Customer.io accepts rows of customers who don't exist, but skips them. How many exist is not known."
PARQUET = """
COPY (
    SELECT 'ada' AS id, 7::BIGINT AS tier, 1.5::DECIMAL(5,2) AS score, true AS vip, DATE '2026-01-02' AS joined,
        TIMESTAMP '2026-01-02 10:00:00' AS seen, ['a', 'b'] AS tags, {'a': 1} AS nested, NULL AS gone, 'x'::BLOB AS blob
) TO '{}' (FORMAT parquet)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in which files may be read."""
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def files(settings: Settings, folder: Path) -> Settings:
    """Settings that allow files in a folder."""
    return settings.model_copy(update={"files_dirs": (folder,)})


def add_people(sandbox: Sandbox, count: int) -> list[str]:
    people, ids = sandbox.workspace.people, [f"n{number}" for number in range(count)]
    for id_ in ids:
        people.add(Customer(people.new_cio_id(), id_, f"{id_}@example.com", 1_700_000_000))
    return ids


def settle(sandbox: Sandbox) -> None:
    sandbox.clock.advance(10)
    sandbox.workspace.settle()


def values(sandbox: Sandbox, name: str) -> dict[str, Any]:
    settle(sandbox)
    people = sandbox.workspace.people
    return {str(person.id): person.attributes[name] for person in people if name in person.attributes}


def batches(sandbox: Sandbox) -> int:
    return sum(request["path"] == BATCH for request in sandbox.requests)


async def customers(client: Client, **arguments: Any) -> CallToolResult:
    return await client.call_tool("import_customers", arguments)


async def events(client: Client, **arguments: Any) -> CallToolResult:
    return await client.call_tool("import_events", arguments)


@pytest.mark.sampled(1)
async def test_five_hundred_customers_are_imported_with_one_approval(
    era: Era, files: Settings, folder: Path, sandbox: Sandbox
) -> None:
    ids = add_people(sandbox, 500)
    lines = [
        "ID,E-Mail,tier,since",
        *(f"{id_},{id_}@example.com,{number % 7},2026-01-02" for number, id_ in enumerate(ids)),
    ]
    (folder / "people.csv").write_text("\n".join(lines))
    person = Person(APPROVE)
    async with connect(files, sandbox, era, person) as client:
        result = await customers(client, file="people.csv", columns={"since": "since:time"})
        again = await customers(client, file="people.csv", columns={"since": "since:time"})
    receipt = structured(result)
    assert receipt["status"] == "done", text(result)
    assert "Import “email”, “since”, “tier” of 500 customers from “people.csv”." in receipt["message"]
    assert "accepted all 500 rows" in receipt["message"]
    assert values(sandbox, "tier") == {id_: number % 7 for number, id_ in enumerate(ids)}
    assert set(values(sandbox, "since").values()) == {1767312000}
    assert batches(sandbox) == 2
    assert len(person.prompts) == 2
    assert not again.is_error
    [question] = [prompt.message for prompt in person.prompts[:1]]
    for line in (
        "- Rows: 500, of which 0 rejected.",
        f"- Columns: {'; '.join(COLUMNS)}.",
        "- Times without a zone are read as UTC.",
        "- Empty cells and null change nothing.",
        "- Customers who don't exist are not created. Customer.io skips their rows without an answer.",
        "Recipients: 500 people.",
        "This affects who receives messages: “email”.",
        "- line 2, id “n0”: tier: (not set) → 0; since: (not set) → 1767312000.",
        "- campaign 4 “VIP welcome”.",
    ):
        assert line in question.splitlines(), question
    assert sum(line.startswith("- line ") for line in question.splitlines()) == 10


@pytest.mark.sampled(1)
async def test_rows_that_customer_io_refuses_are_kept_and_can_be_corrected_and_imported_again(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    add_people(sandbox, 20)
    rows: list[dict[str, Any]] = [{"id": f"n{number}", "tier": number} for number in range(20)]
    rows[4]["id"] = ""
    sandbox.faults.append(Fault("POST", BATCH, "refuse:3,7", times=1))
    sandbox.faults.append(Fault("POST", BATCH, "refuse:0", times=1))
    async with connect(settings, sandbox, era, Person(APPROVE)) as client:
        receipt = structured(await customers(client, rows=rows))
        assert receipt["status"] == "partly_done"
        assert "accepted 18 rows and refused 1" in receipt["message"]
        assert "1 of 20 rows is rejected and not sent. get_job lists them." in receipt["warnings"]
        refused = await Jobs(Database(settings.storage_url), settings.workspace_key).refused(receipt["job"], 10)
        assert [(row.line, row.problem) for row in refused] == [
            (5, "customer: the row names none: “id” is empty"), (4, "Customer.io refused attributes")
        ]  # fmt: skip
        assert isinstance(refused[1].data, dict)
        corrected = [{"id": refused[1].data["identifiers"]["id"], "tier": 3}, {"id": "n4", "tier": 4}]  # type: ignore[index, call-overload]
        assert structured(await customers(client, rows=corrected))["status"] == "done"
    assert values(sandbox, "tier") == {f"n{number}": number for number in range(20)}


async def test_a_rejected_import_sends_nothing(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, era, Person(REJECT)) as client:
        receipt = structured(await customers(client, rows=[{"id": "ada", "tier": 1}]))
    assert (receipt["status"], batches(sandbox), values(sandbox, "tier")) == ("declined", 0, {})


async def test_creation_is_off_unless_requested(settings: Settings, sandbox: Sandbox) -> None:
    rows = [{"id": "ada", "tier": 1}, {"id": "new-1", "tier": 2}]
    person = Person(APPROVE)
    skipped = "1 of 2 customers doesn't exist: line 2. Customer.io accepts its row, but skips it."
    async with connect(settings, sandbox, "auto", person) as client:
        assert skipped in structured(await customers(client, rows=rows))["warnings"]
        assert values(sandbox, "tier") == {"ada": 1}
        await customers(client, rows=rows, create=True)
        assert values(sandbox, "tier") == {"ada": 1, "new-1": 2}
    first, second = (prompt.message for prompt in person.prompts)
    assert f"- {skipped}" in first
    assert "- line 2, id “new-1”: doesn't exist, so nothing changes." in first
    assert "Recipients: 1 person is expected to be reached, 2 people at most." in first
    assert "- 1 of 2 customers is new and will be created." in second
    assert "- line 2, id “new-1”, a new customer: tier: 2." in second
    assert "A new customer may enter any segment and any campaign that starts from one." in second


async def test_an_import_that_would_change_nobody_is_not_proposed(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    rows = [{"id": f"{number}", "tier": 1} for number in range(2)]
    async with connect(settings, sandbox, "auto", person) as client:
        result = await customers(client, rows=rows)
    assert result.is_error
    assert text(result) == (
        "create: no customer in the rows exists, so nothing would change. Check which column names the customers. "
        "To create them, pass create=true."
    )
    assert not person.prompts


async def test_a_new_attribute_that_resembles_one_of_the_customers_is_warned_of(
    settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    rows = [{"id": "ada", "First Name": "A", "Plan": "x", "tier": 1}, {"id": "bob", "first-name": "B", "plan": "y"}]
    async with connect(settings, sandbox, "auto", person) as client:
        receipt = structured(await customers(client, rows=rows))
    warning = (
        "“First Name” would be a new attribute, while customers have “first_name”; also “Plan” (“plan”), “first-name” "
        "(“first_name”). If they are the same, map the columns to these names."
    )
    assert f"- {warning}" in person.prompts[0].message, person.prompts[0].message
    assert warning in receipt["warnings"]


async def test_among_new_customers_only_a_similar_attribute_of_others_is_warned_of(
    settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        await customers(client, rows=[{"id": "new-1", "First Name": "A"}], create=True)
    assert "“First Name” would be a new attribute, while customers have “first_name”." in person.prompts[0].message


async def test_many_attributes_are_counted_in_the_summary(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    row = {"id": "ada", **dict.fromkeys("abcdefg", 1)}
    async with connect(settings, sandbox, "auto", person) as client:
        await customers(client, rows=[row])
    summary = "Import 7 attributes (“a”, “b”, “c”, “d”, “e”, and 2 more) of 1 customer."
    assert person.prompts[0].message.startswith(summary)


async def test_an_import_without_a_row_to_send_counts_what_was_rejected(settings: Settings, sandbox: Sandbox) -> None:
    rows = [{"id": "", "tier": number} for number in range(20)]
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        result = text(await customers(client, rows=rows))
    assert result.startswith(
        "rows: no row can be imported: line 1: customer: the row names none: “id” is empty; line 2"
    )
    assert result.endswith("; and 17 more.")


async def test_without_an_app_key_the_question_says_what_is_unknown(settings: Settings, sandbox: Sandbox) -> None:
    blind = settings.model_copy(update={"app_api_key": None})
    person = Person(APPROVE)
    async with connect(blind, sandbox, "auto", person) as client:
        receipt = structured(await customers(client, rows=[{"id": "ada", "tier": 1}]))
        refused = await events(client, rows=[{"id": "ada"}], name="signed_up")
        assert not (await events(client, rows=[{"id": "ada"}], name="signed_up", create=True)).is_error
    first, second = (prompt.message for prompt in person.prompts)
    assert "May trigger: unknown." in first
    assert "- Current values are unknown." in first
    assert [line for line in receipt["warnings"] if "skips" in line] == [UNKNOWN]
    assert f"- {UNKNOWN}" in first
    assert "Without an App API key that can't be checked" in text(refused)
    assert "May trigger: unknown." in second


async def test_two_rows_for_one_customer_by_other_identifiers_are_warned_of(
    settings: Settings, sandbox: Sandbox
) -> None:
    person = Person(APPROVE)
    rows = [{"id": "ada", "tier": 1}, {"cio_id": "cio_a3000001", "tier": 2}]
    async with connect(settings, sandbox, "auto", person) as client:
        await customers(client, rows=rows)
    warning = "Two rows name one customer in different ways (lines 1 and 2). Which values stay is not known."
    assert warning in person.prompts[0].message


@pytest.mark.slow
async def test_an_address_that_differs_from_the_customer_s_is_warned_of(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    rows = [{"id": "ada", "email": "ADA@example.com"}, {"id": "bob", "email": "new@example.com"}]
    many = [{"id": f"x{number}", "email": f"x{number}@example.com"} for number in range(2)]
    async with connect(settings, sandbox, "auto", person) as client:
        await customers(client, rows=rows)
        await customers(client, rows=many, create=True)
    assert (
        "- Line 2: the customer has another email address. Here Customer.io may drop the row"
        in person.prompts[0].message
    )
    assert "another email address" not in person.prompts[1].message


async def test_a_file_that_changed_since_it_was_shown_is_shown_again(
    era: Era, files: Settings, folder: Path, sandbox: Sandbox
) -> None:
    (folder / "people.csv").write_text("id,tier\nada,1\n")

    class Meddler(Person):
        async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            (folder / "people.csv").write_text("id,tier\nada,2\n")
            return await super().__call__(context, params)

    async with connect(files, sandbox, era, Meddler(APPROVE)) as client:
        receipt = structured(await customers(client, file="people.csv"))
    assert receipt["status"] == "approval_required"
    assert (batches(sandbox), values(sandbox, "tier")) == (0, {})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("people.csv", b"", "is empty"),
        ("people.csv", "id,tier\nada,ü\n".encode("utf-16"), "is encoded in UTF-16. Save it as UTF-8"),
        ("people.csv", "id,tier\nada,ü\n".encode("latin-1"), "UTF-8 (maybe Latin-1 or Windows-1252). Save"),
        ("people.csv", b"id,tier\nada," + b"x" * 10 * MAX_LINE_BYTES, "line 2 has more than 1,000,000 bytes"),
        ("people.csv", b"id,tier\n", "no row can be imported: it has none"),
        ("people.csv", b"id,tier\n,1\n", "no row can be imported: line 2: customer: the row names none: “id” is empty"),
        ("people.csv", b"name,tier\nAda,1\n", "columns: no column names the customer"),
        ("people.jsonl", b"[1]\n", "no row can be imported: line 1: isn't a JSON object"),
        ("people.parquet", b"PAR1 nothing PAR1", "“people.parquet” can't be read as Parquet"),
        ("people.xlsx", b"PK", ".csv, .jsonl, .ndjson, .parquet. Save it as UTF-8 (in Excel: “CSV"),
    ],
)  # fmt: skip
@pytest.mark.sampled(4)
async def test_a_file_that_cannot_be_imported_is_one_sentence(
    name: str, content: bytes, sentence: str, files: Settings, folder: Path, sandbox: Sandbox
) -> None:
    (folder / name).write_bytes(content)
    async with connect(files, sandbox, "auto", Person(APPROVE)) as client:
        result = await customers(client, file=name)
    assert result.is_error
    assert sentence in text(result)
    assert "\n" not in text(result)
    assert str(folder) not in text(result)
    assert batches(sandbox) == 0


async def test_no_file_outside_is_read(files: Settings, folder: Path, sandbox: Sandbox) -> None:
    (folder.parent / "secret.csv").write_text("id,tier\nada,1\n")
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")
    (folder / "folder.csv").mkdir()
    async with connect(files, sandbox, "auto", Person(APPROVE)) as client:
        for name in ("../secret.csv", str(folder.parent / "secret.csv"), "link.csv"):
            assert "there is no file" in text(await customers(client, file=name))
        assert "can't be read" in text(await customers(client, file="folder.csv"))
    async with connect(files.model_copy(update={"files_dirs": ()}), sandbox, "auto", Person(APPROVE)) as client:
        assert "CIO_FILES_DIRS" in text(await customers(client, file="link.csv"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.slow
async def test_a_full_disk_is_one_sentence_and_nothing_is_lost(files: Settings, folder: Path, sandbox: Sandbox) -> None:
    lines = [f"n{number},{'x' * 500}" for number in range(4_000)]
    (folder / "people.csv").write_text("\n".join(["id,note", *lines]))
    resource = import_module("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    person = Person(APPROVE)
    async with connect(files, sandbox, "auto", person) as client:
        await customers(client, rows=[{"id": "ada", "tier": 1}])
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            full = await customers(client, file="people.csv")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert full.is_error
        assert "disk" in text(full), text(full)
        assert "\n" not in text(full)
        assert (batches(sandbox), len(person.prompts)) == (1, 1)
        assert structured(await customers(client, file="people.csv"))["status"] == "done"


async def test_the_same_events_in_another_order_or_from_another_column_are_a_duplicate(
    files: Settings, folder: Path, sandbox: Sandbox
) -> None:
    rows = [{"id": id_, "n": number} for number, id_ in enumerate(add_people(sandbox, 3))]
    named = [{**row, "name": "bought"} for row in rows]
    (folder / "again.jsonl").write_text("\n".join(json.dumps(row) for row in named))
    person = Person(APPROVE)
    async with connect(files, sandbox, "auto", person) as client:
        assert structured(await events(client, rows=rows, name="bought"))["status"] == "done"
        for arguments in ({"rows": rows[::-1], "name": "bought"}, {"rows": named}, {"file": "again.jsonl"}):
            assert structured(await events(client, **arguments))["status"] == "already_done"
        other = [*rows[:2], {**rows[2], "n": 7}]
        assert structured(await events(client, rows=other, name="bought"))["status"] == "done"
    assert (batches(sandbox), len(person.prompts)) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "rows: expected at least one row, or a file"),
        ({"rows": [], "file": None}, "rows: expected at least one row, or a file"),
        ({"rows": [{"id": "ada", "x": 1}], "file": "people.csv"}, "rows: omit them when passing file"),
        ({"rows": [{"id": str(number), "x": 1} for number in range(1001)]}, "at most 1,000"),
    ],
)
async def test_what_is_no_list_of_rows_is_refused(
    arguments: dict[str, Any], sentence: str, settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        result = await customers(client, **arguments)
    assert result.is_error
    assert sentence in text(result)


async def test_parquet_files_keep_their_types(files: Settings, folder: Path, sandbox: Sandbox) -> None:
    path = folder / "people.parquet"
    with duckdb.connect(":memory:") as database:
        database.execute(PARQUET.replace("{}", str(path)))
    columns = {"joined": "joined:time", "blob": None}
    async with connect(files, sandbox, "auto", Person(APPROVE)) as client:
        refused = await customers(client, file=path.name)
        assert structured(await customers(client, file=path.name, columns=columns))["status"] == "done"
    assert "line 1: “blob”: a value of the type bytes can't be sent" in text(refused)
    settle(sandbox)
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    expected = {
        "tier": 7, "score": 1.5, "vip": True, "joined": 1767312000, "seen": "2026-01-02T10:00:00", "tags": ["a", "b"],
        "nested": {"a": 1},
    }  # fmt: skip
    assert {name: ada.attributes.get(name) for name in expected} == expected
    assert "gone" not in ada.attributes


async def test_customer_io_stores_what_a_row_says(settings: Settings, sandbox: Sandbox) -> None:
    given: list[Any] = [
        0,
        -7,
        1.25,
        1e-7,
        True,
        False,
        "x",
        " x ",
        "42",
        "007",
        "true",
        "Zoë\u0301 🎉",
        [],
        [None, ""],
        {"a": {}},
    ]
    rows = [{"id": f"v{number}", "value": each} for number, each in enumerate(given)]
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        receipt = structured(await customers(client, rows=rows, create=True))
    assert receipt["status"] == "done"
    stored = values(sandbox, "value")
    for number, each in enumerate(given):
        assert (stored[f"v{number}"], type(stored[f"v{number}"])) == (each, type(each))


@pytest.mark.sampled(1)
async def test_events_are_imported_with_their_time_and_start_what_they_start(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    now = int(sandbox.clock.now())
    rows = [
        {"E-Mail": "ada@example.com", "Timestamp": now - 60, "order": {"id": 1}},
        {"E-Mail": "bob@example.com", "Timestamp": now - 80 * 3600, "order": {"id": 2}},
    ]
    person = Person(APPROVE)
    async with connect(settings, sandbox, era, person) as client:
        receipt = structured(await events(client, rows=rows, name="order_placed"))
        again = structured(await events(client, rows=rows, name="order_placed"))
        repeated = structured(await events(client, rows=rows, name="order_placed", repeat=True))
    assert [each["status"] for each in (receipt, again, repeated)] == ["done", "already_done", "done"]
    settle(sandbox)
    stored = [event for event in sandbox.workspace.events if event["name"] == "order_placed"]
    assert [event["data"] for event in stored] == [{"order": {"id": 1}}, {"order": {"id": 2}}] * 2
    assert {event["at"] for event in stored} == {now - 60, now - 80 * 3600}
    question = person.prompts[0].message
    assert question.startswith("Import 2 events (“order_placed”) of 2 customers.")
    assert "- Events older than 72 hours, which trigger no event-triggered campaign: 1." in question
    assert "campaign 2 “Order follow-up”" in question
    assert "Events can't be undone, nor can their effects." in question


async def test_an_event_for_nobody_is_refused_unless_creation_is_requested(
    settings: Settings, sandbox: Sandbox
) -> None:
    rows = [{"id": "ada"}, {"id": "new-1"}, {"id": "new-2"}]
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        refused = await events(client, rows=rows, name="signed_up")
        assert "lines 2, 3: no customer has this identifier" in text(refused)
        assert batches(sandbox) == 0
        assert structured(await events(client, rows=rows, name="signed_up", create=True))["status"] == "done"
    settle(sandbox)
    assert sandbox.workspace.people.get("id", "new-2")


@pytest.mark.slow
async def test_events_of_more_customers_than_can_be_looked_up_need_create_or_cio_ids(
    files: Settings, folder: Path, sandbox: Sandbox
) -> None:
    add_people(sandbox, 1_001)
    people = [person for person in sandbox.workspace.people if person.id and person.id.startswith("n")]
    (folder / "events.jsonl").write_text("".join(f'{{"id": "{person.id}"}}\n' for person in people))
    (folder / "by_cio_id.csv").write_text("\n".join(["cio_id", *(person.cio_id for person in people)]))
    person = Person(APPROVE)
    async with connect(files, sandbox, "auto", person) as client:
        refused = await events(client, file="events.jsonl", name="bought")
        assert "Only 1,000 customers can be checked for that. To accept that, pass create=true" in text(refused)
        assert batches(sandbox) == 0
        assert structured(await events(client, file="by_cio_id.csv", name="bought"))["status"] == "done"
    assert "To approve, also type “1001”." in person.prompts[0].message
    settle(sandbox)
    assert sum(event["name"] == "bought" for event in sandbox.workspace.events) == 1_001


async def test_a_cap_on_sends_counts_each_customer(settings: Settings, sandbox: Sandbox) -> None:
    policy = settings.data_dir.parent / "policy.toml"
    policy.write_text("sends_an_hour = 5\n")
    capped = settings.model_copy(update={"policy_file": policy})
    async with connect(capped, sandbox, "auto", Person(APPROVE)) as client:
        refused = await events(client, rows=[{"id": f"x{n}"} for n in range(6)], name="bought", create=True)
        assert "The operator's limit is 5 sends an hour, and this change is for 6 people." in text(refused)
        assert structured(await events(client, rows=[{"id": "ada"}] * 6, name="bought"))["status"] == "done"


async def test_a_large_import_wants_the_number_typed(settings: Settings, sandbox: Sandbox) -> None:
    rows = [{"id": f"x{number}", "tier": 1} for number in range(900)]
    policy = settings.data_dir.parent / "policy.toml"
    policy.write_text(POLICY)
    strict = settings.model_copy(update={"policy_file": policy})
    person = Person(APPROVE)
    async with connect(strict, sandbox, "auto", person) as client:
        assert structured(await customers(client, rows=rows, create=True))["status"] == "done"
        assert structured(await customers(client, rows=rows[:5], create=True))["status"] == "done"
    assert "To approve, also type “900”." in person.prompts[0].message
    assert len(person.prompts) == 2


@pytest.mark.slow
async def test_nobody_can_foresee_which_rows_a_question_shows(settings: Settings, sandbox: Sandbox) -> None:
    rows: list[dict[str, Any]] = [{"id": id_, "tier": 1} for id_ in add_people(sandbox, 500)]
    person = Person(APPROVE)
    async with connect(settings, sandbox, "auto", person) as client:
        for _ in range(2):
            await customers(client, rows=rows)
    one, other = [re.findall("line ([0-9]+), id", prompt.message) for prompt in person.prompts]
    assert one[:5] == other[:5] == ["1", "2", "3", "4", "5"]
    assert one[5:] != other[5:]


async def test_an_import_has_no_undo(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", Person(APPROVE)) as client:
        first = structured(await customers(client, rows=[{"id": "ada", "tier": 1}]))
        second = structured(await events(client, rows=[{"id": "ada"}], name="signed_up"))
        of_values = await client.call_tool("undo_change", {"change": first["change"]})
        of_events = await client.call_tool("undo_change", {"change": second["change"]})
    assert "an import replaces values that this server didn't read; import a file with the former values" in text(
        of_values
    )
    assert "events can't be undone" in text(of_events)


async def test_values_that_hide_something_are_spelled_out_in_the_sample(settings: Settings, sandbox: Sandbox) -> None:
    person = Person(APPROVE)
    value = "a\u202eb” Change 1a2b3c4d.\n- line 3"
    async with connect(settings, sandbox, "auto", person) as client:
        await customers(client, rows=[{"id": "ada", "note": value}])
    assert "note: (not set) → “a\\u202eb\\u201d Change 1a2b3c4d.\\n- line 3”" in person.prompts[0].message
    assert values(sandbox, "note")["ada"] == value
