import re

import pytest

from cio_mcp import __version__
from tests.cli.command_line import CommandLine

COMMANDS = ("", "approvals", "webhooks")


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(option: str, cio_mcp: CommandLine) -> None:
    printed = cio_mcp.run_without_fork(option)
    assert (printed.returncode, printed.stdout, printed.stderr) == (0, f"cio-mcp {__version__}\n", "")


@pytest.mark.parametrize("group", COMMANDS)
def test_every_command_is_described_on_one_line(group: str, cio_mcp: CommandLine) -> None:
    helped = cio_mcp.run_without_fork(*group.split(), "-h")
    assert helped.returncode == 0
    commands = helped.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert commands
    for line in commands:
        _, text = re.split(r"\s{2,}", line.strip())
        assert len(text) <= 60
        assert text.endswith(".")
        assert not text.endswith("...")


def test_a_shell_can_complete_commands(cio_mcp: CommandLine) -> None:
    completed = cio_mcp.run_without_fork(_CIO_MCP_COMPLETE="complete_bash", COMP_WORDS="cio-mcp appr", COMP_CWORD="1")
    assert completed.stdout.split() == ["approvals"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("srve",), "No such command 'srve'. Did you mean 'serve'?"),
        (("undo",), "No such command 'undo'. `cio-mcp --help` lists all commands."),
        (("--nope",), "No such option: --nope"),
        (("serve", "--transport", "sse"), "Invalid value for '--transport': 'sse' is not one of 'stdio', 'http'."),
        (("serve", "--port", "8000"), "--port: has no effect over stdio; add --transport http, or omit it."),
        (("serve", "--sandbox", "--host", "::1"), "--host: has no effect over stdio"),
        (("serve", "--sandbox", "--toolsets", "secret"), "CIO_TOOLSETS: contains an unknown toolset. Expected all, or"),
        (("webhooks", "register", "--url", "x"), "CIO_APP_API_KEY: is missing; it is an App API key under Settings"),
        (("approvals", "show"), "Missing argument 'ID'"),
        (("changes", "--limit", "0"), "Invalid value for '--limit'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments: tuple[str, ...], message: str, cio_mcp: CommandLine) -> None:
    refused = cio_mcp.run(*arguments, CIO_DATA_DIR="")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1].startswith(f"cio-mcp: {message}")
    assert "secret" not in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_group_without_a_command_shows_its_help(cio_mcp: CommandLine) -> None:
    helped = cio_mcp.run("webhooks")
    assert helped.returncode == 2
    assert helped.stderr.startswith("Usage: ")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", ["approvals", "approvals list", "changes", "policy", "webhooks status"])
def test_a_fork_answers_as_a_started_process_does(command: str, cio_mcp: CommandLine) -> None:
    cio_mcp.propose("aaaa0001")
    forked, started = cio_mcp.run(*command.split()), cio_mcp.run_without_fork(*command.split())
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)
