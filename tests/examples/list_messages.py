from cio_mcp.tools.core.messages import list_messages
from tests.examples.example import CIO_ID, Example

EXAMPLE = Example(
    tool=list_messages,
    arguments={"customer": "ada"},
    failure={"since": "last week"},
    failed_argument="since",
    full=({"customer": "mallory"}, {"limit": 2}, {"customer": "mallory", "channel": "email", "limit": 1}),
    private=({"customer": CIO_ID}, {"kind": "campaign", "id": "ada@example.com"}),
    hostile=({"customer": "mallory", "limit": 100},),
)
