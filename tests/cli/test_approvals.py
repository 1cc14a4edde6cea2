import pytest

from tests.cli.command_line import CommandLine

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
    shown = cio_mcp.run("approvals", "show", "aaaa0001").stdout
    for part in ("Send “Order shipped”", "local:ada", "POST /v1/send/email", '"to": "ada@example.com"', r"Hi\u202e"):
        assert part in shown


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
        session.wait_for("To approve, type 4812:")
        session.type("4812")
        session.ends_with(0)
    assert cio_mcp.change("aaaa0001").state == "approved"


def test_what_was_typed_before_the_question_does_not_count(cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001", typed="4812")
    with cio_mcp.on_a_terminal("approvals", "approve", "aaaa0001") as session:
        session.type("4812")
        session.wait_for("To approve, type 4812:")
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
