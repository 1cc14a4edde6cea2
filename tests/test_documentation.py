import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cio_mcp.cli.tools import tools_as_text
from cio_mcp.cli.tools_reference import tools_as_json, tools_as_markdown, tools_as_table
from cio_mcp.server import definitions
from cio_mcp.settings import Settings
from cio_mcp.tools.catalog import TOOLS
from tests.sources import nodes
from tests.tool_examples import INTRODUCTION, examples

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "tools.md"
TABLE = re.compile(r"(?<=<!-- tools:start -->\n).*?(?=<!-- tools:end -->)", re.DOTALL)
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
STATES = {"planned", "sending", "once", "unknown"}
"""States and classes that the page on the architecture names besides functions."""
UPDATE = "UPDATE_DOCS" in os.environ
HINT = "run make docs"


def test_the_tool_table_of_the_readme_is_what_the_registry_says() -> None:
    text = README.read_text(encoding="utf-8")
    expected = TABLE.sub(lambda _: f"{tools_as_table()}\n", text)
    if UPDATE:
        README.write_text(expected, encoding="utf-8")
        return
    assert text == expected, HINT


@pytest.mark.anyio
@pytest.mark.slow
async def test_the_reference_page_is_what_the_registry_says_and_what_the_tools_answer(tmp_path: Path) -> None:
    expected = f"{tools_as_markdown(INTRODUCTION, await examples(tmp_path))}\n"
    if UPDATE:
        REFERENCE.write_text(expected, encoding="utf-8")
        return
    assert REFERENCE.read_text(encoding="utf-8") == expected, HINT


def test_the_settings_table_has_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `CIO_([A-Z_]+)` \|\s*(.*?)\s*\| .+ \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {name.lower(): default.strip("`") for name, default in rows}
    assert documented.keys() == Settings.model_fields.keys()
    for name, field in Settings.model_fields.items():
        if field.is_required() or field.default_factory or field.default is None:
            continue
        default = ",".join(field.default) if isinstance(field.default, tuple) else str(field.default)
        assert documented[name] == (default.lower() if isinstance(field.default, bool) else default), name


def test_the_listings_name_every_tool_and_what_a_client_sees() -> None:
    names = [spec.name for spec in TOOLS]
    assert [line.split()[0] for line in tools_as_text().split("\n\n")[0].splitlines()] == names
    listing = json.loads(tools_as_json())
    assert [tool["name"] for tool in listing] == names
    assert all(tool["inputSchema"]["type"] == "object" and tool["outputSchema"] for tool in listing)


def test_every_dependency_beyond_the_owners_has_a_decision_of_five_lines() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert pages
    for page in pages:
        lines = page.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# "), page.name
        assert len([line for line in lines if line.startswith("- **")]) == 5, page.name


def test_links_between_our_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_modules_that_our_pages_name_exist() -> None:
    for page in PAGES:
        for path in re.findall(r"`([\w./-]+\.py|[\w/]+/definitions\.json)`", page.read_text(encoding="utf-8")):
            places = (ROOT / path, ROOT / "cio_mcp" / path, *(ROOT / "cio_mcp").rglob(path))
            assert any(place.exists() for place in places), f"{page.name}: {path}"


@pytest.mark.slow
def test_the_page_on_the_architecture_names_only_functions_that_there_are() -> None:
    defined = {node.name for path in (ROOT / "cio_mcp").rglob("*.py") for node in _definitions(path)}
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lives = text[text.index("## The life of a read") : text.index("## Glossary")]
    for name in re.findall(r"`((?:[A-Z]\w+\.)?[a-z]+(?:_\w+)*)`", lives):
        for part in name.split("."):
            assert part in defined | STATES, name


def test_clients_see_what_the_catalog_declares() -> None:
    expected = f"{tools_as_json()}\n"
    if UPDATE:
        definitions.FILE.write_text(expected, encoding="utf-8")
        return
    assert definitions.FILE.read_text(encoding="utf-8") == expected, HINT


def _definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(path):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
