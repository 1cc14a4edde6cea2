"""The table that an export of metrics writes: a row for each step and day on which anything was counted."""

from collections.abc import Collection, Iterable, Iterator

from cio_mcp.customerio.api.metrics import CORE
from cio_mcp.storage.export_table import ColumnType, ExportRow, ExportTable
from cio_mcp.storage.metric_state import CountRow

METRICS = (
    *CORE, "created", "attempted", "deferred", "drafted", "topic_unsubscribed", "replied", "untracked",
    "open_untracked", "link_untracked", "tracking_consent_granted", "tracking_consent_denied",
    "http_2xx", "http_3xx", "http_4xx", "http_5xx",
)  # fmt: skip
"""The columns of counts. New ones are added at the end, so that the others keep their places."""
COLUMN_NAMES = {f"{digit}xx": f"http_{digit}xx" for digit in range(2, 6)}
"""Columns whose metric has a name that SQL would need quotes for: responses to webhooks."""
_KEYS: dict[str, ColumnType] = {
    "kind": "text", "source_id": "text", "source_name": "text", "step_id": "text", "step_name": "text",
    "channel": "text", "day": "day",
}  # fmt: skip
TABLE = ExportTable("metrics", {**_KEYS, **dict.fromkeys(METRICS, "count")})


def metric_rows(rows: Iterable[CountRow]) -> Iterator[ExportRow]:
    """Rows of the table, in the order of `rows`."""
    for series, day, counts in rows:
        by_column = {COLUMN_NAMES.get(name, name): count for name, count in counts.items()}
        yield {
            "kind": series.kind,
            "source_id": series.source_id,
            "source_name": series.source_name,
            "step_id": series.step.id,
            "step_name": series.step.name,
            "channel": series.step.channel,
            "day": day,
            **{name: by_column.get(name, 0) for name in METRICS},
        }


def without_column(metrics: Collection[str]) -> list[str]:
    """The metrics among these that the table has no column for."""
    return sorted(name for name in metrics if COLUMN_NAMES.get(name, name) not in METRICS)
