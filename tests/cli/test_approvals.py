import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from cio_mcp.gate.plan import Before
from tests.cli.command_line import PATIENCE, CommandLine

CODE = r"To approve, type ([A-Z2-9]{4}):"


def test_what_waits_is_listed_whatever_keys_are_set(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    cio_mcp.propose("aaaa0002", age=4000)
    listed = cio_mcp.run("approvals", "list")
    assert listed.stdout == "aaaa0001  1 minute ago  acme  send_transactional  Send “Order shipped” by email.\n"
    assert (listed.returncode, listed.stderr) == (0, "")


def test_an_empty_desk_is_said_to_be_empty(cio_mcp: CommandLine) -> None:
    assert cio_mcp.run("approvals", "list").stdout == "Nothing waits for a decision.\n"


def test_a_change_is_shown_in_full_with_what_hides_in_it(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    shown = cio_mcp.run("approvals", "show", "aaaa0001", "--calls").stdout
    for part in ("Send “Order shipped”", "local:ada", "POST /v1/send/email", '"to": "ada@example.com"', r"Hi\u202e"):
        assert part in shown


def test_requests_are_folded_until_they_are_asked_for_and_what_hides_is_told(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    shown = cio_mcp.run("approvals", "show", "aaaa0001", COLUMNS="300").stdout
    assert "Request 1 of 1: POST /v1/send/email, a body of 91 bytes; it holds characters that are not seen" in shown
    assert "ada@example.com" not in shown


def test_what_goes_and_what_comes_is_shown_as_a_diff_in_colour(cio_mcp: CommandLine) -> None:
    cio_mcp.propose(
        "aaaa0001",
        edits=(
            Before(name="plan", before="pro", after="gold\nplan\u202e"),
            Before(name="new", before=None, after=[1]),
            Before(name="old", before="x", after=None),
        ),
    )
    shown = cio_mcp.run("approvals", "show", "aaaa0001").stdout
    assert "“plan”\n- pro\n+ gold\n  plan\\u202e\n“new”\n+ [1]\n“old”\n- x\n" in shown
    coloured = cio_mcp.run("approvals", "show", "aaaa0001", FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b[31m- pro" in coloured
    assert "\x1b[32m+ gold" in coloured


def test_an_unknown_change_is_one_line_on_stderr(cio_mcp: CommandLine) -> None:
    for command in ("show", "deny"):
        answered = cio_mcp.run("approvals", command, "nowhere")
        assert (answered.returncode, answered.stdout) == (2, "")
        assert answered.stderr == (
            "cio-mcp: There is no change nowhere; `cio-mcp approvals list` lists those that wait.\n"
        )


def test_the_code_that_is_shown_approves_and_who_and_how_is_recorded(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        code = session.wait_for(CODE)[1]
        assert "Send “Order shipped”" in session.seen
        assert "POST /v1/send/email" in session.seen
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
        session.wait_for("nothing was approved")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_what_the_plan_wants_typed_is_wanted_here_too(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", typed="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.wait_for("First, type 4812:")
        session.type("4812")
        session.type(session.wait_for(CODE)[1])
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "approved"


def test_what_the_plan_wants_typed_does_not_do_without_the_code(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", typed="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.wait_for("First, type 4812:")
        session.type("4812")
        session.wait_for(CODE)
        session.type("4812")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_what_was_typed_before_the_question_does_not_count(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", typed="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.type("4812")
        session.wait_for("First, type 4812:")
        session.type("no")
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


def test_without_a_terminal_nobody_approves(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    answered = cio_mcp.run("approvals", "approve", "aaaa0001")
    assert answered.returncode == 2
    assert answered.stdout == ""
    assert "needs a person at a terminal" in answered.stderr
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
    assert cio_mcp.run("approvals", "deny", "aaaa0001").stdout == "Denied. Nothing of change aaaa0001 is sent.\n"
    again = cio_mcp.run("approvals", "deny", "aaaa0001")
    assert again.returncode == 2
    assert "already declined" in again.stderr


def test_a_denied_change_is_answered_with_who_said_no(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    cio_mcp.run("approvals", "deny", "aaaa0001")
    shown = cio_mcp.run("changes", "aaaa0001").stdout
    assert "Nothing was sent: a person said no in a shell." in shown


@pytest.mark.parametrize("more", [["AAAA"], ["--yes"], ["--code", "AAAA"], ["--force"]])
def test_no_argument_approves(more: list[str], cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001", *more) as session:
        session.ends_with(2)
    assert cio_mcp.change("aaaa0001").state == "planned"


@pytest.mark.parametrize("said", ["y\n" * 2000, "approve\n4812\n" * 50])
def test_what_a_pipe_says_into_a_made_up_terminal_approves_nothing(said: str, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", typed="4812")
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
        process.stdin.write(said.encode())
        # What comes before a question is thrown away, and so may the end of the input be: it is sent until it is read.
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
        ["/bin/sh", "-c", piped], env=cio_mcp.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert answered.returncode == 2
    assert "needs a person at a terminal" in answered.stderr
    assert cio_mcp.change("aaaa0001").state == "planned"


@pytest.mark.parametrize("end", ["q", "\x03"])
def test_the_list_on_a_terminal_is_live_until_its_reader_ends_it(end: str, cio_mcp: CommandLine) -> None:
    with cio_mcp.on_a_terminal("approvals", TERM="xterm") as session:
        session.wait_for("Nothing waits for a decision")
        cio_mcp.propose("aaaa0001")
        session.wait_for("aaaa0001 +in 5[89] minutes +send_transactional +local:ada +Send “Order")
        cio_mcp.run("pause", "--because", "a bad import")
        session.wait_for("All writes were stopped .*: a bad import")
        session.press(end)
        session.ends_with(0)
    assert "Traceback" not in session.seen


def test_without_a_terminal_the_list_is_plain(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    assert cio_mcp.run("approvals").stdout == cio_mcp.run("approvals", "list").stdout
