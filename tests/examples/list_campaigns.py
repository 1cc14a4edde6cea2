from cio_mcp.tools.core.campaigns import list_campaigns
from tests.examples.example import KINDS, Example

EXAMPLE = Example(
    tool=list_campaigns,
    arguments={},
    failure={"kind": "automation"},
    failed_argument="kind",
    full=(*({"kind": kind} for kind, _ in KINDS), {"limit": 1}),
    private=({"name": "ada@example.com"},),
    hostile=tuple({"kind": kind} for kind, _ in KINDS),
    free_text=False,
    personal=False,
)
