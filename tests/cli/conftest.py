from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine


@pytest.fixture
def cio_mcp(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "data")
