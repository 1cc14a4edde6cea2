from cio_mcp.tools.core.campaigns import get_campaign
from tests.examples.example import KINDS, Example

EXAMPLE = Example(
    tool=get_campaign,
    arguments={"id": "1"},
    failure={"kind": "campaign", "id": "999"},
    failed_argument="id",
    full=tuple({"kind": kind, "id": id_} for kind, id_ in KINDS),
    private=({"id": "ada@example.com"},),
    hostile=({"kind": "campaign", "id": "1"}, {"kind": "newsletter", "id": "31"}),
    personal=False,
)
