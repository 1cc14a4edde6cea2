import os
import re
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager, suppress

import pytest
from rich.console import Console

from cio_mcp.cli.approvals_live import ELSEWHERE, View
from cio_mcp.cli.keyboard import key_names
from cio_mcp.gate.plan import Plan, ValueEdit
from cio_mcp.storage.rows import ChangeRow
from tests.cli.command_line import TIMEOUT_SECONDS, CommandLine, Session
from tests.rows import change_row

CODE = r"To approve, type ([A-Z2-9]{4}):"
CODE_OR_DENIAL = r"To approve, type ([A-Z2-9]{4}) \(d denies, Enter alone goes back\):"


def test_pending_changes_are_listed_with_any_keys(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    cio_mcp.propose("aaaa0002", age=4000)
    listed = cio_mcp.run("approvals", "list")
    assert listed.stdout == (
        f"1 pending change in {cio_mcp.data_dir}, newest first:\n"
        "aaaa0001  Send “Order shipped” by email.\n"
        "          send_transactional, expires in 58 minutes, by local:ada in acme\n"
    )
    assert (listed.returncode, listed.stderr) == (0, "")


def test_no_pending_changes_is_reported_with_where_else_they_may_be(cio_mcp: CommandLine) -> None:
    listed = cio_mcp.run("approvals", "list").stdout
    assert listed == f"No changes are waiting. Data directory: {cio_mcp.data_dir}\n{ELSEWHERE}\n"


def test_a_relative_data_directory_is_shown_in_full(cio_mcp: CommandLine) -> None:
    listed = cio_mcp.run("approvals", "list", CIO_DATA_DIR=os.path.relpath(cio_mcp.data_dir)).stdout
    assert listed.startswith(f"No changes are waiting. Data directory: {cio_mcp.data_dir.resolve()}\n")


def test_the_newest_changes_are_listed_first_and_the_callers_of_the_others_are_named(cio_mcp: CommandLine) -> None:
    for number in range(5):
        cio_mcp.propose(f"aaaa000{number}", age=300.0 - number, by="local:ada" if number else "loopback:bot")
    lines = cio_mcp.run("approvals", "list", "--limit", "2").stdout.splitlines()
    assert [line.split()[0] for line in lines[1::2]] == ["aaaa0004", "aaaa0003", "and"]
    assert lines[-1] == "and 3 more: 2 by local:ada, 1 by loopback:bot. --limit shows more."


def test_a_change_is_shown_in_full_with_what_hides_in_it(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    shown = cio_mcp.run("approvals", "show", "aaaa0001").stdout
    for part in ("Send “Order shipped”", "local:ada", "POST /v1/send/email", '"to": "ada@example.com"', r"Hi\u202e"):
        assert part in shown


def test_folded_requests_say_that_they_contain_invisible_characters(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    shown = cio_mcp.run("approvals", "show", "aaaa0001", "--no-calls", COLUMNS="300").stdout
    assert "Request 1 of 1: POST /v1/send/email, a body of 91 bytes with invisible characters" in shown


def test_old_and_new_values_are_shown_as_a_diff_in_color(cio_mcp: CommandLine) -> None:
    cio_mcp.propose(
        "aaaa0001",
        edits=(
            ValueEdit(name="plan", before="pro", after="gold\nplan\u202e"),
            ValueEdit(name="new", before=None, after=[1]),
            ValueEdit(name="old", before="x", after=None),
        ),
    )
    shown = cio_mcp.run("approvals", "show", "aaaa0001").stdout
    assert "“plan”\n- “pro”\n+ “gold\\nplan\\u202e”\n“new”\n+ [1]\n“old”\n- “x”\n" in shown
    coloured = cio_mcp.run("approvals", "show", "aaaa0001", FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b[31m- “pro”" in coloured
    assert "\x1b[32m+ “gold" in coloured


def test_an_unknown_change_is_one_line_on_stderr(cio_mcp: CommandLine) -> None:
    for command in ("show", "deny"):
        answered = cio_mcp.run("approvals", command, "nowhere")
        assert (answered.returncode, answered.stdout) == (2, "")
        assert answered.stderr == f"cio-mcp: There is no change nowhere. Data directory: {cio_mcp.data_dir}\n"


def test_the_code_that_is_shown_approves_and_who_and_how_is_recorded(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        code = session.wait_for(CODE)[1]
        assert "Send “Order shipped”" in session.seen
        assert '"to": "ada@example.com"' in session.seen
        session.type(code.lower())
        session.wait_for("Approved")
        session.ends_with(0)
    change = cio_mcp.change("aaaa0001")
    assert (change.state, change.decided_how) == ("approved", "on a terminal")
    assert change.decided_by
    assert change.decided_by.startswith("local:")


@pytest.mark.parametrize("typed", ["", "yes", "AAAA"])
def test_anything_else_approves_nothing(cio_mcp: CommandLine, typed: str) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.wait_for(CODE)
        session.type(typed)
        session.wait_for("Code doesn't match. The change is still pending.")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_the_confirmation_of_a_plan_is_required_here_too(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", confirmation="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.wait_for("First, type 4812:")
        session.type("4812")
        session.type(session.wait_for(CODE)[1])
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "approved"


def test_the_confirmation_of_a_plan_does_not_replace_the_code(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", confirmation="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.wait_for("First, type 4812:")
        session.type("4812")
        session.wait_for(CODE)
        session.type("4812")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_input_before_the_question_does_not_count(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", confirmation="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.type("4812")
        session.wait_for("First, type 4812:")
        session.type("no")
        session.ends_with(2)
    assert not re.search(CODE, session.seen)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_a_change_that_expired_cannot_be_approved(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", age=4000)
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.wait_for("Change aaaa0001 is already expired. Nothing was decided.")
        session.ends_with(2)


def test_a_change_that_was_denied_while_it_was_read_is_not_approved(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        code = session.wait_for(CODE)[1]
        assert cio_mcp.run("approvals", "deny", "aaaa0001").returncode == 0
        session.type(code)
        session.wait_for("already declined")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "declined"


def test_a_denied_change_stays_denied(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    assert cio_mcp.run("approvals", "deny", "aaaa0001").stdout == "Denied change aaaa0001. Nothing was sent.\n"
    again = cio_mcp.run("approvals", "deny", "aaaa0001")
    assert again.returncode == 2
    assert "already declined" in again.stderr


def test_a_denied_change_is_answered_with_who_denied_it(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    cio_mcp.run("approvals", "deny", "aaaa0001")
    shown = cio_mcp.run("changes", "aaaa0001").stdout
    assert "Nothing was sent: denied in a terminal." in shown


@pytest.mark.parametrize("more", [["AAAA"], ["--yes"], ["--code", "AAAA"], ["--force"]])
def test_no_argument_approves(more: list[str], cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001", *more) as session:
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


@pytest.mark.parametrize("text", ["y\n" * 2000, "approve\n4812\n" * 50])
def test_piped_input_to_a_fake_terminal_approves_nothing(text: str, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", confirmation="4812")
    command = f"{sys.executable} -m cio_mcp approvals approve aaaa0001"
    script = shutil.which("script")
    if script is None:
        pytest.skip("util-linux's script is not installed")
    with subprocess.Popen(
        [script, "-qec", command, "/dev/null"],
        env=cio_mcp.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stdin
        process.stdin.write(text.encode())
        # Input before a question is discarded, and so may the end of the input be: it is sent until it is read.
        while process.poll() is None:
            with suppress(BrokenPipeError):
                process.stdin.write(b"\x04")
                process.stdin.flush()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        with suppress(BrokenPipeError):
            process.stdin.close()
    assert process.returncode != 0
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_a_pipe_in_front_of_it_approves_nothing(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    piped = f"yes | {sys.executable} -m cio_mcp approvals approve aaaa0001; exit $?"
    answered = subprocess.run(
        ["/bin/sh", "-c", piped],
        env=cio_mcp.environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert answered.returncode == 2
    assert "requires a terminal" in answered.stderr
    assert cio_mcp.change("aaaa0001").state == "planned"


@pytest.mark.parametrize("end", ["q", "\x03"])
@pytest.mark.sampled(1)
@pytest.mark.slow
def test_the_window_is_live_until_its_reader_ends_it(end: str, cio_mcp: CommandLine) -> None:
    with window(cio_mcp, COLUMNS="200") as session:
        session.wait_for(f"No changes are waiting. Data directory: {cio_mcp.data_dir}")
        cio_mcp.propose("aaaa0001")
        session.wait_for(r"> aaaa0001  Send “Order shipped” by email.\s+send_transactional, expires in 5[89] minutes")
        cio_mcp.run("pause", "--because", "a bad import")
        session.wait_for("All writes were paused .*: a bad import")
        session.press(end)
        session.ends_with(0)
    assert "Traceback" not in session.seen


def test_a_change_is_selected_read_in_full_and_approved_by_its_code(cio_mcp: CommandLine) -> None:
    for number in range(3):
        cio_mcp.propose(f"aaaa000{number}", age=60.0 + number)
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0000")
        session.press("\x1b[B")
        session.wait_for("> aaaa0001")
        session.press("\r")
        code = session.wait_for(CODE_OR_DENIAL)[1]
        assert "Change aaaa0001" in session.seen
        assert '"to": "ada@example.com"' in session.seen
        session.type(code)
        session.wait_for("aaaa0001: Approved")
        session.wait_for("2 pending changes")
        session.press("q")
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "approved"
    assert cio_mcp.change("aaaa0001").decided_how == "on a terminal"


def test_the_question_is_just_above_the_prompt_and_the_requests_are_above_it(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r")
        prompt = session.wait_for(CODE_OR_DENIAL).start()
        screen = session.seen[session.seen.index("Request 1 of 1") : prompt]
    assert screen.index('"to": "ada@example.com"') < screen.index("Change aaaa0001: planned")


@pytest.mark.parametrize(
    ("answer", "state", "message"),
    [
        ("d", "declined", "Denied change aaaa0001. Nothing was sent."),
        ("", "planned", "1 pending change"),
    ],
)
def test_only_the_code_approves_in_the_window(answer: str, state: str, message: str, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r")
        session.wait_for(CODE_OR_DENIAL)
        before = len(session.seen)
        session.type(answer)
        session.wait_for(message, after=before)
        session.press("q")
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == state


@pytest.mark.parametrize("wrong", ["AAAA", "q"])
def test_the_window_requests_a_code_again_after_a_wrong_one(wrong: str, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r")
        before = session.wait_for(CODE_OR_DENIAL).end()
        session.type(wrong)
        before = session.wait_for("Code doesn't match. The change is still pending.", after=before).end()
        session.type(session.wait_for(CODE_OR_DENIAL, after=before)[1])
        session.wait_for("aaaa0001: Approved")
        session.press("q")
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "approved"


@pytest.mark.parametrize("key", ["\x1b", "\x1b[A"])
def test_escape_leaves_a_change_in_the_window_without_enter(key: str, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r")
        code = session.wait_for(CODE_OR_DENIAL)
        session.press(f"{code[1]}{key}")
        session.wait_for("> aaaa0001", after=code.end())
        session.press("q")
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_the_window_requires_the_confirmation_text_before_the_code(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", confirmation="4812")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r4812\n")
        session.wait_for("First, type 4812 ")
        session.type("4812")
        session.type(session.wait_for(CODE_OR_DENIAL)[1])
        session.wait_for("aaaa0001: Approved")
        session.press("q")
        session.ends_with(0)


def test_a_change_that_was_decided_elsewhere_meanwhile_is_not_approved_in_the_window(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r")
        code = session.wait_for(CODE_OR_DENIAL)[1]
        assert cio_mcp.run("approvals", "deny", "aaaa0001").returncode == 0
        session.type(code)
        session.wait_for("Change aaaa0001 is already declined. Nothing was decided.")
        session.press("q")
        session.ends_with(0)


def test_a_denial_in_the_window_ends_an_approval_that_was_given_elsewhere_meanwhile(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\r")
        session.wait_for(CODE_OR_DENIAL)
        with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as other:
            other.type(other.wait_for(CODE)[1])
            other.ends_with(0)
        session.type("d")
        session.wait_for("Denied change aaaa0001. Nothing was sent.")
        session.press("q")
        session.ends_with(0)
    change = cio_mcp.change("aaaa0001")
    assert (change.state, change.decided_how) == ("declined", "denied in a terminal")


def test_a_new_change_does_not_move_the_selection(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        cio_mcp.propose("aaaa0002", age=1.0)
        session.wait_for("  aaaa0002")
        session.press("\r")
        session.wait_for("Change aaaa0001")


def test_a_narrow_window_cuts_no_id_and_names_what_it_leaves_out(cio_mcp: CommandLine) -> None:
    for number in range(9):
        cio_mcp.propose(f"aaaa000{number}", age=60.0 + number)
    with window(cio_mcp, COLUMNS="60", LINES="12") as session:
        end = session.wait_for("and [67] more: [67] by local:ada").end()
        screen = session.seen[:end]
    assert re.findall("aaaa000[0-9]", screen) in (["aaaa0000", "aaaa0001", "aaaa0002"], ["aaaa0000", "aaaa0001"])
    assert max(map(len, screen.splitlines())) <= 60


@pytest.mark.parametrize("arguments", [(), ("approve", "aaaa0001")])
def test_without_a_terminal_nobody_decides(arguments: tuple[str, ...], cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    answered = cio_mcp.run("approvals", *arguments)
    assert (answered.returncode, answered.stdout) == (2, "")
    assert "a terminal" in answered.stderr
    assert answered.stderr.count("\n") == 1


def test_a_terminal_that_cannot_be_drawn_on_is_refused(cio_mcp: CommandLine) -> None:
    with cio_mcp.on_a_terminal("approvals") as session:
        session.wait_for("`cio-mcp approvals list` prints the pending changes")
        session.ends_with(2)


def test_input_before_a_change_is_shown_decides_nothing(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with window(cio_mcp) as session:
        session.wait_for("> aaaa0001")
        session.press("\rd\n")
        session.wait_for(CODE_OR_DENIAL)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_the_selection_moves_by_arrows_letters_and_pages_and_stays_in_the_list() -> None:
    rows = [pending(f"aaaa00{number:02}") for number in range(20)]
    view = View(rows, selected="aaaa0003")
    moves = {"\x1b[A": 2, "k": 2, "\x1bOB": 4, "j": 4, "\x1b[6~": 8, "\x1b[5~": 0, "G": 19, "\x1b[H": 0, "x": 3}
    assert {key: view.select(name) for key in moves for name in key_names(key)} == {
        key: rows[place].id for key, place in moves.items()
    }
    assert View(rows, selected="gone").select("up") == "aaaa0000"
    assert View().select("down") is None


@pytest.mark.parametrize("place", [0, 9, 19])
def test_the_selected_change_is_always_on_the_screen(place: int) -> None:
    rows = [pending(f"aaaa00{number:02}") for number in range(20)]
    console = Console(width=60, height=15)
    drawn = View(rows, selected=rows[place].id).draw(console).plain.splitlines()
    assert [line for line in drawn if line.startswith(f"> {rows[place].id}  ")]
    assert len(drawn) <= 15


def test_a_narrow_window_wraps_a_summary_and_cuts_no_recipient() -> None:
    summary = "Send transactional email 2 “Order shipped, with a tracking link” to “ada.byron@example.com”."
    rows = [pending("aaaa0001", summary), pending("aaaa0002", f"Set {'“' + 'x' * 40 + '”, ' * 5} of “bob”.")]
    drawn = View(rows, 2, selected="aaaa0001").draw(Console(width=60, height=24)).plain
    assert summary in " ".join(drawn.split())
    assert "of “bob”." in drawn
    assert max(map(len, drawn.splitlines())) <= 60


def pending(change: str, summary: str = "Send a very long email “Order shipped”, " * 3) -> ChangeRow:
    return change_row(change, Plan(risk="send", summary=summary), tool="send_transactional")


def window(cio_mcp: CommandLine, **settings: str) -> AbstractContextManager[Session]:
    return cio_mcp.on_a_terminal("approvals", **{"TERM": "xterm", "LINES": "24", **settings})
