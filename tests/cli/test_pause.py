from collections.abc import Awaitable

from cio_mcp.storage.engine import Database
from cio_mcp.storage.pauses import Pause, Pauses
from tests.cli.command_line import CommandLine


def pause_of(cio_mcp: CommandLine, workspace: str) -> Pause | None:
    def look(database: Database) -> Awaitable[Pause | None]:
        return Pauses(database, workspace).in_force()

    return cio_mcp.journal(look)


def test_a_pause_stops_every_workspace_of_the_database_and_shows_why(cio_mcp: CommandLine) -> None:
    answered = cio_mcp.run("pause", "--because", "a bad\x1b[31m import")
    assert answered.returncode == 0
    assert "Nothing is sent until `cio-mcp resume`" in answered.stdout
    in_force = pause_of(cio_mcp, "acme")
    assert in_force
    assert in_force.reason == "a bad[31m import"
    assert "a bad[31m import" in cio_mcp.run("approvals", "list").stdout
    assert cio_mcp.run("resume").stdout.startswith("Writes resumed")
    assert pause_of(cio_mcp, "acme") is None


def test_a_second_pause_keeps_the_first_with_its_reason(cio_mcp: CommandLine) -> None:
    cio_mcp.run("pause", "--because", "first")
    second = cio_mcp.run("pause", "--because", "second").stdout
    assert "first" in second
    assert "The new reason is not recorded." in second


def test_one_workspace_is_stopped_alone(cio_mcp: CommandLine) -> None:
    cio_mcp.run("pause", "--workspace", "acme")
    assert pause_of(cio_mcp, "acme")
    assert pause_of(cio_mcp, "other") is None
    assert cio_mcp.run("resume", "--workspace", "acme").returncode == 0
    assert pause_of(cio_mcp, "acme") is None


def test_one_workspace_does_not_go_on_while_all_are_stopped(cio_mcp: CommandLine) -> None:
    cio_mcp.run("pause")
    answered = cio_mcp.run("resume", "--workspace", "acme")
    assert answered.returncode == 2
    assert "every workspace" in answered.stderr
    assert pause_of(cio_mcp, "acme")


def test_resuming_what_is_not_paused_is_reported(cio_mcp: CommandLine) -> None:
    assert cio_mcp.run("resume").stdout == "Writes were not paused.\n"
