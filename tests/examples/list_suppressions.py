from cio_mcp.tools.admin.suppressions import list_suppressions
from tests.examples.example import Example
from tests.hostile import LINE

EXAMPLE = Example(
    tool=list_suppressions,
    arguments={},
    failure={"email": "no address"},
    failed_argument="email",
    full=({"email": "eve@example.com"}, {}, {"domain": "acme.example", "type": "spam_reports"}),
    private=({"email": "eve@example.com"}, {}),
    hostile=({"email": "eve@example.com"}, {"domain": LINE[:90]}),
)
