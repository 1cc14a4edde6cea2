from cio_mcp.tools.core.segments import list_segments
from tests.examples.example import Example

EXAMPLE = Example(
    tool=list_segments,
    arguments={},
    failure={"limit": 0},
    failed_argument="limit",
    full=({}, {"limit": 1}),
    private=({"name": "ada@example.com"},),
    hostile=({},),
    personal=False,
)
