import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from cio_mcp.errors import StorageFailed
from cio_mcp.storage.limiter_state import LimiterStore, MemoryLimiterStore, SqliteLimiterStore, open_limiter_store


def noon() -> float:
    return 12.0


def count_up(row: str | None, _: float) -> tuple[str, int]:
    count = int(row or 0) + 1
    return str(count), count


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "store.db"


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, file: Path) -> Iterator[LimiterStore]:
    store: LimiterStore = SqliteLimiterStore(file) if request.param == "sqlite" else MemoryLimiterStore()
    yield store
    store.close()


def test_a_row_begins_as_nothing_and_is_what_was_decided_last(store: LimiterStore) -> None:
    seen: list[tuple[str | None, float]] = []

    def decide(row: str | None, now: float) -> tuple[str, str]:
        seen.append((row, now))
        return f"row {len(seen)}", "result"

    assert store.change("acme", "app", decide, noon) == "result"
    store.change("acme", "app", decide, noon)
    assert seen == [(None, 12.0), ("row 1", 12.0)]


def test_workspaces_and_lanes_are_apart(store: LimiterStore) -> None:
    for workspace, lane in [("acme", "app"), ("acme", "track"), ("other", "app")]:
        assert store.change(workspace, lane, count_up, noon) == 1


def test_a_decision_that_fails_changes_nothing_and_breaks_nothing(store: LimiterStore) -> None:
    def fail(_: str | None, __: float) -> tuple[str, None]:
        raise ZeroDivisionError

    store.change("acme", "app", count_up, noon)
    with pytest.raises(ZeroDivisionError):
        store.change("acme", "app", fail, noon)
    assert store.change("acme", "app", count_up, noon) == 2


def test_a_store_that_was_closed_opens_itself_again(store: LimiterStore) -> None:
    store.change("acme", "app", count_up, noon)
    store.close()
    assert store.change("acme", "app", count_up, noon) == 2


def test_no_change_is_lost_between_processes(file: Path) -> None:
    stores = [SqliteLimiterStore(file) for _ in range(4)]
    with ThreadPoolExecutor(len(stores)) as threads:
        for store in stores:
            for _ in range(50):
                threads.submit(store.change, "acme", "app", count_up, noon)
    assert stores[0].change("acme", "app", count_up, noon) == 201
    for store in stores:
        store.close()


@pytest.mark.parametrize("attempt", range(10))
def test_processes_that_start_at_the_same_moment_all_get_in(file: Path, attempt: int) -> None:
    stores = [SqliteLimiterStore(file) for _ in range(8)]
    together = Barrier(len(stores))

    def start(store: SqliteLimiterStore) -> int:
        together.wait(5)
        return store.change("acme", f"lane {attempt}", count_up, noon)

    with ThreadPoolExecutor(len(stores)) as threads:
        assert sorted(threads.map(start, stores)) == list(range(1, 9))
    for store in stores:
        store.close()


def test_a_new_file_that_another_process_is_writing_is_waited_for(file: Path) -> None:
    file.parent.mkdir()
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("CREATE TABLE other (something TEXT)")
    writer.execute("BEGIN IMMEDIATE")
    store = SqliteLimiterStore(file)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(store.change, "acme", "app", count_up, noon)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        writer.execute("COMMIT")
        assert waiting.result() == 1
    writer.close()
    store.close()


def test_the_clock_is_read_only_once_the_row_is_locked(file: Path) -> None:
    first, second = SqliteLimiterStore(file), SqliteLimiterStore(file)
    first.change("acme", "app", count_up, noon)
    second.change("acme", "app", count_up, noon)
    locked, go_on, order = Event(), Event(), []

    def slowly(row: str | None, _: float) -> tuple[str, None]:
        locked.set()
        assert go_on.wait(1.9)
        order.append("first decided")
        return row or "", None

    def clock() -> float:
        order.append("second read the clock")
        return 12.0

    with ThreadPoolExecutor(2) as threads:
        holding = threads.submit(first.change, "acme", "app", slowly, noon)
        assert locked.wait(5)
        waiting = threads.submit(second.change, "acme", "app", count_up, clock)
        go_on.set()
        holding.result()
        assert waiting.result() == 3
    assert order == ["first decided", "second read the clock"]
    first.close()
    second.close()


class TestAFileThatCannotBeUsed:
    def test_damaged(self, file: Path) -> None:
        file.parent.mkdir()
        file.write_bytes(b"no database" * 1000)
        store = SqliteLimiterStore(file)
        with pytest.raises(StorageFailed) as failed:
            store.change("acme", "app", count_up, noon)
        assert str(file) not in str(failed.value)
        file.unlink()
        assert store.change("acme", "app", count_up, noon) == 1
        store.close()

    def test_a_folder_in_its_place(self, file: Path) -> None:
        file.mkdir(parents=True)
        with pytest.raises(StorageFailed):
            SqliteLimiterStore(file).change("acme", "app", count_up, noon)

    def test_a_parent_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StorageFailed):
            SqliteLimiterStore(tmp_path / "file" / "store.db").change("acme", "app", count_up, noon)

    def test_full(self, file: Path) -> None:
        store = SqliteLimiterStore(file)
        store.change("acme", "app", count_up, noon)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with pytest.raises(StorageFailed):
                store.change("acme", "app", lambda _, __: ("x" * 200_000, None), noon)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert store.change("acme", "app", count_up, noon) == 2
        store.close()

    def test_somebody_else_s_table_of_that_name(self, file: Path) -> None:
        file.parent.mkdir()
        stranger = sqlite3.connect(file)
        stranger.execute("CREATE TABLE claims (something TEXT)")
        stranger.close()
        store = SqliteLimiterStore(file)
        with pytest.raises(StorageFailed):
            store.change("acme", "app", count_up, noon)
        store.close()


def test_a_database_url_chooses_where_claims_live(tmp_path: Path) -> None:
    assert isinstance(open_limiter_store("sqlite://"), MemoryLimiterStore)
    store = open_limiter_store(f"sqlite:///{tmp_path / 'cio-mcp.db'}")
    store.change("acme", "app", count_up, noon)
    assert [path.name for path in tmp_path.glob("*.db")] == ["cio-mcp-claims.db"]
    store.close()
    with pytest.raises(StorageFailed, match="CIO_DATABASE_URL"):
        open_limiter_store("postgresql+psycopg://localhost/cio")


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = open_limiter_store(f"sqlite:///{tmp_path / 'new' / 'cio-mcp.db'}")
    store.change("one", "app", lambda row, now: (row or "new", now), lambda: 0.0)
    store.close()
    files = list((tmp_path / "new").iterdir())
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
