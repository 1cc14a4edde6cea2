from cio_mcp.tools.bulk.sync_segment import sync_segment
from tests.examples.example import CIO_ID, Example
from tests.hostile import LINE

EXAMPLE = Example(
    tool=sync_segment,
    arguments={"segment": "Beta testers", "customers": ["ada", "eve"]},
    failure={"segment": "VIP", "customers": ["ada"]},
    failed_argument="segment",
    full=({"segment": "3", "customers": ["mallory", "nobody"]},),
    private=(
        {"segment": "3", "customers": [CIO_ID, "eve@example.com", "x@example.com"]},
        {"segment": "3", "customers": ["two@example.com", "+447700900001"]},
    ),
    hostile=(
        {"segment": "3", "customers": ["mallory", LINE]},
        {"segment": "5", "customers": ["mallory"]},
        {"segment": LINE[:200], "customers": ["ada"]},
        {"segment": "3", "file": LINE[:200]},
        {"segment": "3", "file": "list.csv", "column": LINE[:200]},
    ),
    free_text=False,
    destructive=True,
    starts_job=True,
)
