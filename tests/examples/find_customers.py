from cio_mcp.tools.core.customers import find_customers
from tests.examples.example import Example
from tests.hostile import LINE

EXAMPLE = Example(
    tool=find_customers,
    arguments={"email": "ada@example.com"},
    failure={},
    failed_argument="email",
    full=({"email": "mallory@example.com"}, {"email": "two@example.com"}, {"segment": "5", "limit": 2}),
    private=({"email": "ada@example.com"}, {"email": "two@example.com"}, {"segment": "3"}),
    hostile=({"segment": "5", "limit": 5}, {"filter": {LINE: 1}}),
)
