from cio_mcp.tools.data.list_collections import list_collections
from tests.examples.example import Example

EXAMPLE = Example(
    tool=list_collections,
    arguments={},
    failure={"collection": "999"},
    failed_argument="collection",
    full=({}, {"collection": "offers"}),
    private=({}, {"collection": "ada@example.com"}, {"collection": "offers"}),
    hostile=({}, {"collection": "1"}),
    personal=False,
)
