"""The house: imports go one way, and third parties stay in their rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import nodes

ROOT = Path(__file__).parent.parent / "cio_mcp"
FLOORS = [
    {"cli"},
    {"server"},
    {"tools", "web"},
    {"workspace"},
    {"jobs", "exports"},
    {"gate", "events", "identity", "outbound"},
    {"customerio"},
    {"storage"},
    {"text"},
    {"settings", "clock"},
    {"environment"},
    {"errors"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
CONFINED: dict[str, tuple[str, ...]] = {
    "httpx": ("customerio/", "outbound/", "sandbox/webhooks/"),
    "mcp": ("server/", "cli/demo.py"),
    "starlette": ("web/", "server/", "sandbox/"),
    "uvicorn": ("web/", "server/", "sandbox/"),
    "sqlalchemy": ("storage/",),
    "sqlite3": ("storage/",),
    "duckdb": ("storage/",),
    "asyncio": (),
}
SENDING_ROOMS = {"gate", "jobs", "workspace"}
"""Who may import the writer, so that nothing else can send; the workspace only hands it over."""
LATE_IMPORTS = {"server/runtime.py", "storage/engine.py", "storage/parquet.py"}
"""The boundary behind which heavy modules load; alembic, which each upgrade needs once; DuckDB, for Parquet files."""
TYPE_ONLY_IMPORTS = {"cli/lazy.py", "server/runtime.py", "gate/policy.py"}
"""Both boundaries, and the policy, which the start reads without loading plans."""
CLOCKS = {"clock.py", "sandbox/world/clock.py"}
"""Who may read the system's time: the one clock, and that of the sandbox, which imports nothing of ours."""
SYSTEM_CLOCK_ROOMS = {"clock", "cli", "server/runtime.py", "workspace.py"}
"""Who may name the system's clock: the command line, and what opens a server or a workspace; it is handed on."""
TIME_READS = {"datetime": {"now", "utcnow", "today"}, "date": {"today"}}
LONGEST = 400


@pytest.mark.slow
def test_every_import_goes_down_and_third_parties_stay_confined() -> None:
    wrong = [problem for path in sorted(ROOT.rglob("*.py")) for problem in _problems(path)]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    long = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.py") if len(p.read_text().splitlines()) > LONGEST]
    assert not long, f"cut these where they have a joint: {', '.join(long)}"


@pytest.mark.slow
def test_imports_stand_at_the_top_and_load_late_only_at_the_boundary() -> None:
    wrong = [problem for path in sorted(ROOT.rglob("*.py")) for problem in _hidden_imports(path)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_nothing_is_guessed_from_a_route() -> None:
    guessing = [
        f"{path.relative_to(ROOT)}:{node.lineno} reads .route: what an operation is stands in customerio/operations"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in {"customerio", "sandbox"}
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "route"
    ]
    assert not guessing, "\n".join(guessing)


@pytest.mark.slow
def test_only_the_clock_reads_the_system_s_time_and_only_the_edge_names_it() -> None:
    wrong = [problem for path in sorted(ROOT.rglob("*.py")) for problem in _time_reads(path)]
    assert not wrong, "\n".join(wrong)


def _time_reads(path: Path) -> Iterator[str]:
    here = path.relative_to(ROOT)
    for node in nodes(path):
        read = f"{here}:{getattr(node, 'lineno', 0)} reads the system's time: take the workspace's clock"
        match node:
            case _ if str(here) in CLOCKS:
                return
            case ast.ImportFrom(module="time"):
                yield read
            case ast.Attribute(value=ast.Name(id="time"), attr=name) if name != "sleep":
                yield read
            case ast.Attribute(value=ast.Name(id="datetime" | "date" as kind), attr=name) if name in TIME_READS[kind]:
                yield read
            case ast.Call(func=ast.Name(id="Clock")) if here.parts[0] != "sandbox":
                yield f"{here}:{node.lineno} makes a clock of its own: take the workspace's"
            case ast.Name(id="SYSTEM_CLOCK") if not {str(here), here.parts[0]} & SYSTEM_CLOCK_ROOMS:
                yield f"{here}:{node.lineno} names the system's clock: take the workspace's"


def _problems(path: Path) -> Iterator[str]:
    here = str(path.relative_to(ROOT))
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for module in _imported(path):
        top, *rest = module.split(".")
        if top == "os" and module == "os.environ" and room != "settings":
            yield f"{here} reads the environment: make it a field of settings.py"
        if (rooms := CONFINED.get(top.removesuffix("_types"))) is not None and not here.startswith(rooms):
            yield f"{here} imports {module}: move what needs it to {' or '.join(rooms) or 'anyio'}"
        if top != "cio_mcp" or not rest:
            continue
        yield from _between(here, room, rest)


def _between(here: str, room: str, imported: list[str]) -> Iterator[str]:
    there = imported[0]
    if there == "sandbox" and room not in {"sandbox", "cli"}:
        yield f"{here} imports the sandbox: only cli does"
    if imported[:2] == ["customerio", "writer"] and room not in SENDING_ROOMS:
        yield f"{here} imports the writer: return a Call instead, and let the gate send it"
    if room == "sandbox" and there != "sandbox" and imported[:2] != ["customerio", "operations"]:
        yield f"{here} imports {there}: of ours, the sandbox needs only the table of operations"
    if (
        here.startswith("customerio/api/")
        and imported[:2] == ["customerio", "api"]
        and imported[2:3] not in ([], ["base"], ["reads"])
    ):
        yield f"{here} imports {imported[2]}: move what they share to customerio/api/base.py or reads.py"
    if there in FLOOR and room in FLOOR and there != room and FLOOR[there] <= FLOOR[room]:
        yield f"{here} imports {there}, which is not below it: move what it needs further down"


def _hidden_imports(path: Path) -> Iterator[str]:
    here = str(path.relative_to(ROOT))
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and here not in LATE_IMPORTS:
            late = (one for one in ast.walk(node) if isinstance(one, ast.Import | ast.ImportFrom))
            yield from (f"{here}:{one.lineno} imports in a function: load it behind server/runtime.py" for one in late)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and here not in TYPE_ONLY_IMPORTS:
            yield f"{here}:{node.lineno} imports for types only: import at the top"


def _imported(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield f"os.{node.attr}"
