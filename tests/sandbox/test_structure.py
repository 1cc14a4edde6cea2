"""The sandbox's modules depend on one another in one direction only."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.sources import nodes

PACKAGE = Path(__file__).parents[2] / "cio_mcp"


def imports_of(path: Path) -> set[str]:
    """Modules of the sandbox that a module imports anywhere, for types too."""
    modules: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cio_mcp.sandbox"):
            assert node.module is not None
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                modules.add(submodule if submodule in MODULES else node.module)
    return modules


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in (PACKAGE / "sandbox").rglob("*.py")}
MODULES = frozenset(FILES)


def test_no_module_of_the_sandbox_imports_itself_through_others() -> None:
    graph = {name: imports_of(path) for name, path in FILES.items()}
    assert len(graph) > 30
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"move what these modules share into one below them: {' -> '.join(error.args[1])}")


def test_the_state_of_the_sandbox_does_not_depend_on_its_routes() -> None:
    for name, path in FILES.items():
        if name.startswith(("cio_mcp.sandbox.world", "cio_mcp.sandbox.webhooks")):
            routes = {module for module in imports_of(path) if module.startswith("cio_mcp.sandbox.api")}
            assert not routes, f"{name} imports {', '.join(routes)}"
