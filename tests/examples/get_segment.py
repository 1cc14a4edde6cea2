from cio_mcp.tools.core.segments import get_segment
from tests.examples.example import Example

EXAMPLE = Example(
    tool=get_segment,
    arguments={"segment": "VIP"},
    failure={"segment": "no such"},
    failed_argument="segment",
    full=({"segment": "5", "members": True, "limit": 2},),
    private=({"segment": "1", "members": True}, {"segment": "ada@example.com"}),
    hostile=({"segment": "6", "members": True},),
)
