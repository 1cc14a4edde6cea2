"""`cio-mcp tools`, with and without chosen toolsets."""

import pytest

from cio_mcp.cli.policy import policy_as_text
from cio_mcp.cli.tools import tools_as_text
from cio_mcp.errors import SettingError
from cio_mcp.server.definitions import load

OTHERS = sorted({each.toolset for each in load()} - {"core"})


def test_toolsets_that_are_off_are_marked_and_can_be_turned_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_TOOLSETS", "core")
    listed = tools_as_text()
    lines = {line.split()[0]: line for line in listed.split("\n\n")[0].splitlines()}
    for each in load():
        assert f"{each.toolset} (off)" in lines[each.name] or each.toolset == "core"
    assert "core (off)" not in listed
    for toolset in OTHERS:
        assert toolset in listed.split("Toolsets that are off: ")[1]
    if OTHERS:
        assert "CIO_TOOLSETS turns them on: for example core," in listed


def test_nothing_is_marked_where_every_toolset_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_TOOLSETS", "ALL")
    assert "off" not in tools_as_text().split()
    assert "(off)" not in tools_as_text()


def test_a_misspelled_toolset_is_refused_and_not_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_TOOLSETS", "core,peple")
    for command in (tools_as_text, lambda: policy_as_text(over_http=False)):
        with pytest.raises(SettingError, match="CIO_TOOLSETS: contains an unknown toolset"):
            command()


def test_the_tools_that_write_are_marked_where_the_server_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_TOOLSETS", "all")
    monkeypatch.setenv("CIO_READ_ONLY", "true")
    table, footer = tools_as_text().split("\n\n")
    lines = {line.split()[0]: line for line in table.splitlines()}
    assert {each.name: "write (off)" in lines[each.name] for each in load()} == {
        each.name: each.writes for each in load()
    }
    assert footer == "All tools that write are off, because CIO_READ_ONLY is set."
