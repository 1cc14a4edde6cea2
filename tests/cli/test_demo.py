import pytest

from tests.cli.command_line import CommandLine


@pytest.mark.slow
def test_the_tour_prints_only_the_story(cio_mcp: CommandLine) -> None:
    printed = cio_mcp.run("demo")
    assert (printed.returncode, printed.stderr) == (0, ""), printed.stdout
    assert "1. Find a customer" in printed.stdout
    assert " INFO " not in printed.stdout
