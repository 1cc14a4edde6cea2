from cio_mcp.tools.api.search_api import search_api
from tests.examples.example import Example
from tests.hostile import LINE, PLANTED_TEXT

EXAMPLE = Example(
    tool=search_api,
    arguments={"query": "who opted out of SMS"},
    failure={"query": ""},
    failed_argument="query",
    full=({"query": "email"}, {"query": PLANTED_TEXT}, {"query": "zzz"}),
    private=({"query": "ada@example.com"},),
    hostile=({"query": LINE[:90]},),
    free_text=False,
    personal=False,
)
