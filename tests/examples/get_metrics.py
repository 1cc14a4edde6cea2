from cio_mcp.tools.core.metrics import get_metrics
from tests.examples.example import KINDS, Example

EXAMPLE = Example(
    tool=get_metrics,
    arguments={"id": "1"},
    failure={"kind": "campaign", "id": "1", "since": "yesterday"},
    failed_argument="since",
    full=tuple({"kind": kind, "id": id_, "links": True} for kind, id_ in KINDS),
    private=({"kind": "campaign", "id": "1", "timezone": "ada@example.com"},),
    hostile=({"kind": "newsletter", "id": "31", "links": True},),
    personal=False,
)
