import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.storage.events import Events
from cio_mcp.storage.rows import EventRow
from tests.cli.command_line import TIMEOUT_SECONDS, CommandLine

NAMED = {"CIO_WORKSPACE": "acme"}
KEYED = NAMED | {"CIO_APP_API_KEY": "key", "CIO_APP_URL": "http://127.0.0.1:9"}


def fails(cio_mcp: CommandLine, *arguments: str, **settings: str) -> str:
    """The one line that a command ends with."""
    ended = cio_mcp.run("export", *arguments, **settings)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    return line.removeprefix("cio-mcp: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("missing/m.csv",), "--to: there is no directory for “m.csv”. Create it first"),
        (
            ("m.xlsx",),
            "--to: “m.xlsx” must end with .csv, .jsonl, .ndjson, .parquet, .duckdb, or pass --format",
        ),
        (("m.csv", "--format", "parquet"), "--format: parquet contradicts the ending of “m.csv”; omit one of them"),
        (("m.csv", "--since", "31/01/2026"), "--since: expected a day such as 2026-01-31"),
        (("m.csv", "--since", "9999-01-01"), "--since: must not be in the future"),
        (("m.csv", "--since", "2026-01-02", "--until", "2026-01-02"), "--until: must be after --since"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_answered_with_one_sentence(
    arguments: tuple[str, ...], sentence: str, cio_mcp: CommandLine, tmp_path: Path
) -> None:
    assert fails(cio_mcp, "metrics", "--to", str(tmp_path / arguments[0]), *arguments[1:], **KEYED) == sentence
    assert not list(tmp_path.glob("*m.*"))


def test_a_file_that_something_else_wrote_is_left_alone(cio_mcp: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("mine")
    sentence = "“metrics.csv” wasn't written by this command. Choose another file, or move it away."
    for to in (path, tmp_path):
        assert fails(cio_mcp, "metrics", "--to", str(to), **KEYED) == sentence
    (tmp_path / "events.csv").write_text("mine")
    assert fails(cio_mcp, "events", "--to", str(tmp_path), **NAMED) == sentence.replace("metrics", "events")
    assert {each.name for each in tmp_path.iterdir()} <= {"metrics.csv", "events.csv", "data"}
    assert path.read_text() == "mine"


def test_a_link_or_a_pipe_is_no_place_for_an_export(cio_mcp: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert "isn't a regular file" in fails(cio_mcp, "events", "--to", str(tmp_path / "link.csv"), **NAMED)
    assert "isn't a regular file" in fails(cio_mcp, "events", "--to", "/dev/null", "--format", "csv", **NAMED)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a directory that even root cannot write to")
def test_a_directory_without_permission_is_named(cio_mcp: CommandLine) -> None:
    sentence = "“events.csv.state” can't be created: no permission, or the disk is full."
    assert fails(cio_mcp, "events", "--to", "/proc/events.csv", **NAMED) == sentence


def test_missing_keys_and_workspaces_are_named(cio_mcp: CommandLine, tmp_path: Path) -> None:
    to = str(tmp_path / "m.csv")
    assert fails(cio_mcp, "metrics", "--to", to).startswith("CIO_APP_API_KEY: is missing; it is an App API key")
    assert fails(cio_mcp, "events", "--to", to).startswith("CIO_WORKSPACE: is missing")


@pytest.mark.slow
def test_a_service_that_is_down_is_named_and_the_command_can_go_on(cio_mcp: CommandLine, tmp_path: Path) -> None:
    sentence = fails(cio_mcp, "metrics", "--to", str(tmp_path / "m.csv"), **KEYED)
    assert sentence.startswith("Customer.io ")
    assert sentence.endswith("What was read is kept: run the command again to continue.")


@pytest.mark.slow
def test_parquet_and_duckdb_without_the_extra_name_what_to_install(cio_mcp: CommandLine, tmp_path: Path) -> None:
    script = "import sys; sys.modules['duckdb'] = None; from cio_mcp.cli.start import run; run()"
    command = [sys.executable, "-c", script, "export", "events", "--to", str(tmp_path / "events.parquet")]
    ended = subprocess.run(
        command, env=cio_mcp.environment | NAMED, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )
    assert ended.returncode == 2
    assert ended.stderr == "cio-mcp: --format: parquet needs another package: pip install 'cio-mcp[data]'.\n"


@pytest.mark.slow
def test_the_start_loads_nothing_that_only_an_export_needs(cio_mcp: CommandLine) -> None:
    script = (
        "import sys; sys.argv = ['cio-mcp', 'export', 'metrics', '--help']\n"
        "from cio_mcp.cli.start import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "sys.exit(' '.join({'duckdb', 'sqlalchemy', 'httpx', 'rich.progress'} & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, env=cio_mcp.environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_help_says_that_events_hold_personal_data_and_what_statuses_mean(cio_mcp: CommandLine) -> None:
    shown = " ".join(cio_mcp.run("export", "events", "--help").stdout.split())
    assert "including personal data such as email addresses" in shown
    shown = " ".join(cio_mcp.run("export", "metrics", "--help").stdout.split())
    assert "130 interrupted" in shown
    assert "last 45 days" in shown


def test_events_are_exported_once(cio_mcp: CommandLine, tmp_path: Path) -> None:
    def row(number: int) -> EventRow:
        return EventRow(f"e{number}", "email", "sent", int(time.time()), time.time(), "{}")

    path = tmp_path / "events.jsonl"
    cio_mcp.journal(lambda database: Events(database, "acme").add([row(1), row(2)]))
    assert cio_mcp.run("export", "events", "--to", str(path), **NAMED).stdout == "“events.jsonl” has 2 new events.\n"
    cio_mcp.journal(lambda database: Events(database, "acme").add([row(3)]))
    assert cio_mcp.run("export", "events", "--to", str(path), **NAMED).stdout == "“events.jsonl” has 1 new event.\n"
    assert [json.loads(line)["event_id"] for line in path.read_text().splitlines()] == ["e1", "e2", "e3"]


@pytest.mark.slow
def test_metrics_show_a_bar_on_a_terminal_and_end_cleanly_with_ctrl_c(cio_mcp: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    arguments = ("export", "metrics", "--to", str(path), "--sandbox", "--kind", "campaign")
    with cio_mcp.on_a_terminal(*arguments, TERM="xterm", NO_COLOR="1") as person:
        person.wait_for(r"Reading metrics.* [1-4]/5")
        person.press("\x03")
        person.wait_for("Interrupted. What was read is kept: run the command again to continue.")
        person.ends_with(130)
        assert b"\x1b[3" not in person.raw, "NO_COLOR is set"
    assert not path.exists()
    ended = cio_mcp.run(*arguments)
    assert ended.returncode == 0
    assert ended.stdout.startswith("“metrics.csv” has ")
    assert "Reading metrics" not in ended.stderr
    assert {each.name for each in tmp_path.iterdir()} == {"data", "metrics.csv", "metrics.csv.state"} - (
        set() if (tmp_path / "data").exists() else {"data"}
    )


def test_what_could_not_be_read_is_printed_with_status_1_until_it_can_be_read(
    cio_mcp: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.jsonl"
    arguments = ("export", "metrics", "--to", str(path), "--kind", "broadcast")
    sandbox = Sandbox(seed=7, people=5)
    sandbox.faults.append(Fault("GET", "/v1/broadcasts/10/actions", "status:400", 1))
    with serve_in_background(sandbox) as address:
        settings = {"CIO_WORKSPACE": "acme", "CIO_APP_API_KEY": "sandbox-app-key", "CIO_APP_URL": address.url}
        first, second = (cio_mcp.run(*arguments, **settings) for _ in range(2))
    assert first.returncode == 1
    assert first.stdout.startswith("“metrics.jsonl” has ")
    assert first.stderr.startswith("The broadcast 10 could not be read. ")
    assert (second.returncode, second.stdout.startswith("“metrics.jsonl” has ")) == (0, True)
    assert {json.loads(line)["kind"] for line in path.read_text().splitlines()} == {"broadcast"}
    assert set(sandbox.statuses) == {"200", "400"}
