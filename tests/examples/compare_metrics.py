from cio_mcp.tools.core.comparison.compare_metrics import compare_metrics
from tests.examples.example import KINDS, Example

EXAMPLE = Example(
    tool=compare_metrics,
    arguments={"kind": "campaign", "ids": ["1", "2"]},
    failure={"ids": ["1"], "since": "yesterday"},
    failed_argument="since",
    full=(
        *({"kind": kind, "ids": [id_]} for kind, id_ in KINDS if kind != "newsletter"),
        {"kind": "newsletter", "ids": ["31", "30", "29", "20"], "metric": "opened"},
        {"kind": "campaign", "ids": ["1", "2"], "channel": "email", "timezone": "Europe/Berlin"},
        {"kind": "campaign", "ids": ["1", "2", "3", "4"]},
    ),
    private=({"ids": ["1", "2"], "timezone": "ada@example.com"}, {"ids": ["1", "ada@example.com"]}),
    hostile=({"kind": "newsletter", "ids": ["31", "30"]}, {"ids": ["1"]}, {"ids": ["1", "2", "3"]}),
    free_text=False,
    personal=False,
)
