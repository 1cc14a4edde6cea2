"""What docs/analytics.md says: its tables, and its queries on an export of the sandbox."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from cio_mcp.exports import events, metric_days, metric_table
from cio_mcp.settings import Settings
from cio_mcp.workspace import open_workspace
from tests.exports.exporting import export, still_sandbox

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text(encoding="utf-8")
TYPES = {"text": "text", "count": "bigint", "day": "date"}


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def sql_of(section: str) -> list[str]:
    return re.findall(r"```sql\n(.*?)```", sections()[section], re.DOTALL)


def plain(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows without differences between the drivers: of types of numbers and times, and of null and empty text."""
    return [[_plain(value) for value in row] for row in rows]


def _plain(value: Any) -> Any:
    match value:
        case None | "":
            return None
        case datetime() | date():
            return value.isoformat()[:10]
        case str():
            return value
        case _:
            return float(value)


@pytest.mark.slow
async def test_the_queries_of_the_page_run_in_duckdb_and_in_postgresql(
    settings: Settings, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with still_sandbox() as sandbox, open_workspace(settings, sandbox=sandbox) as opened:
        await export(opened, sandbox, tmp_path / "metrics.csv")
        await export(opened, sandbox, tmp_path / "metrics.duckdb")
    monkeypatch.chdir(tmp_path)
    queries = sql_of("Queries")
    assert len(queries) == 3
    (creation,) = sql_of("PostgreSQL")
    attachment, copy = sql_of("DuckDB")[0].strip().splitlines()
    with duckdb.connect() as duck, psycopg.connect(postgres_url) as postgres:
        duck.execute(attachment)
        duck.execute(copy)
        postgres.execute(creation.encode())
        with postgres.cursor().copy("COPY metrics FROM STDIN CSV HEADER") as loading:
            loading.write((tmp_path / "metrics.csv").read_bytes())
        for query in queries:
            rows = duck.execute(query).fetchall()
            assert rows, query
            assert plain(rows) == plain(postgres.execute(query.encode()).fetchall())


async def test_the_page_names_the_columns_and_limits_that_there_are() -> None:
    (creation,) = sql_of("PostgreSQL")
    columns = re.findall(r"(\w+) (text|bigint|date)\b", creation)
    assert columns == [(name, TYPES[kind]) for name, kind in metric_table.TABLE.columns.items()]
    first = sections()["Events"].partition("\n\n-")[0]
    assert [name for name in re.findall(r"`(\w+)`", first) if name in events.TABLE.columns] == list(
        events.TABLE.columns
    )
    limits = (metric_days.LATE_DAYS, metric_days.DAYS_BACK, metric_days.NEWSLETTER_DAYS, metric_days.DEFAULT_DAYS)
    assert limits == (45, 45, 90, 365)
