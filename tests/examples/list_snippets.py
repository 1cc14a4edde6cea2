from cio_mcp.tools.data.list_snippets import list_snippets
from tests.examples.example import Example

EXAMPLE = Example(
    tool=list_snippets,
    arguments={},
    failure={"name": "foter"},
    failed_argument="name",
    full=({}, {"name": "footer"}),
    private=({}, {"name": "ada@example.com"}),
    hostile=({}, {"name": "footer"}),
    personal=False,
)
