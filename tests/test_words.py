"""Words that readers stumble over do not appear in names, strings, docstrings, comments, or documentation."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import nodes

ROOT = Path(__file__).parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "docs").rglob("*.toml"),
    *(ROOT / "prompts").glob("*.md"),
    ROOT / "Makefile",
]
MODULES = sorted(
    path
    for part in ("cio_mcp", "benchmarks", "tests")
    for path in (ROOT / part).rglob("*.py")
    if path != Path(__file__)
)
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
NAMES = {
    "told": "shown, reported, or announced",
    "untold": "unacknowledged, or unknown",
    "asked": "prompted, requested, or confirmed",
    "said": "the noun: message, note, or text",
    "mend": "repair, correct, or update",
    "mended": "repaired, corrected, or updated",
    "mending": "repairing, correcting, or updating",
    "whoever": "the caller, or any caller",
    "anew": "again",
    "made_up": "simulated",
}
"""Each word of a name, and the ones to use instead."""
ESTABLISHED = {"asked_at", "may_be_asked"}
"""A column of stored changes, and the word of the design for what a caller declares."""
NAME_PATTERN = re.compile(rf"(?:^|_)({'|'.join(NAMES)})(?=_|$)", re.IGNORECASE)
PATTERN = re.compile(rf"(?<![\w`])({'|'.join(map(re.escape, STUMBLES))})(?![\w`])", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_has_no_word_that_readers_stumble_over(page: Path) -> None:
    found = _problems(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_strings_docstrings_and_comments_have_no_word_that_readers_stumble_over() -> None:
    found = [f"{path.relative_to(ROOT)}:{problem}" for path in MODULES for problem in _problems(_prose(path))]
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_names_have_no_word_that_readers_stumble_over() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} names “{name}”; write {NAMES[word.lower()]}"
        for path in MODULES
        for line, name in _names(path)
        for word in NAME_PATTERN.findall(name)
        if name not in ESTABLISHED
    ]
    assert not found, "\n".join(found)


def _names(path: Path) -> Iterator[tuple[int, str]]:
    """What a module defines: functions, classes, parameters, variables, and attributes, each with its line."""
    for node in nodes(path):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """The string literals and comments, each with its line."""
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from enumerate(node.value.splitlines(), node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _problems(lines: Iterator[tuple[int, str]]) -> list[str]:
    return [
        f"{number} says “{found}”; write {STUMBLES[found.lower()]}"
        for number, line in lines
        for found in PATTERN.findall(line)
    ]
