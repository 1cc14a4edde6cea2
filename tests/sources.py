"""Parsed modules for tests that read the code; parsing all of them takes a second."""

import ast
from functools import cache
from pathlib import Path


@cache
def nodes(path: Path) -> list[ast.AST]:
    """List all nodes of a module's syntax tree, breadth first."""
    return [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
