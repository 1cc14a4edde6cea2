from cio_mcp.tools.admin.list_webhooks import list_webhooks
from tests.examples.example import Example

EXAMPLE = Example(
    tool=list_webhooks,
    arguments={},
    failure={"cursor": "x"},
    failed_argument="cursor",
    full=({},),
    private=({"cursor": "ada@example.com"},),
    hostile=({},),
    free_text=False,
    personal=False,
)
