"""Words that readers stumble over do not appear in strings, docstrings, comments, or documentation."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "docs").rglob("*.toml"),
    *(ROOT / "prompts").glob("*.md"),
    ROOT / "Makefile",
]
MODULES = [path for part in ("cio_mcp", "benchmarks") for path in (ROOT / part).rglob("*.py")]
STUMBLES = {
    "told": "shown, returned, or notified",
    "tells apart": "distinguishes",
    "tell apart": "distinguish",
    "asked for": "requested",
    "mend": "fix or update",
    "mended": "fixed or updated",
    "whoever": "anyone who, or the caller",
    "made-up": "simulated",
    "made up": "simulated",
    "anew": "again",
    "nobody has": "no customer has",
    "thrown away": "discarded",
    "of these": "such, or name them",
}
"""Each word or phrase, and the ones to use instead."""
PATTERN = re.compile(rf"(?<![\w`])({'|'.join(map(re.escape, STUMBLES))})(?![\w`])", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_has_no_word_that_readers_stumble_over(page: Path) -> None:
    found = _problems(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    assert not found, "\n".join(found)


def test_strings_docstrings_and_comments_have_no_word_that_readers_stumble_over() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{problem}"
        for path in sorted(MODULES)
        for problem in _problems(_prose(path.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """The string literals and comments, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from enumerate(node.value.splitlines(), node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _problems(lines: Iterator[tuple[int, str]]) -> list[str]:
    return [
        f"{number} says “{found}”; write {STUMBLES[found.lower()]}"
        for number, line in lines
        for found in PATTERN.findall(line)
    ]
