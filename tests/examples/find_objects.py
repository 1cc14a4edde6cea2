from cio_mcp.tools.objects.find_objects import find_objects
from tests.examples.example import Example
from tests.hostile import LINE

SET = {"attribute": {"field": "name", "operator": "exists"}}

EXAMPLE = Example(
    tool=find_objects,
    arguments={"type": "Companies"},
    failure={"type": "Planets"},
    failed_argument="type",
    full=({"type": "1", "ids": ["acme", "none"]}, {"type": "1", "limit": 1}, {}),
    private=({"type": "1"}, {"type": "1", "ids": ["acme", "ada@example.com"]}, {"type": "ada@example.com"}),
    hostile=(
        {"type": "1", "ids": ["acme", LINE]},
        {"type": LINE},
        {"type": "1", "filter": {"attribute": {"field": LINE, "operator": "eq", "value": LINE}}},
        {"type": "1", "filter": {LINE: LINE}},
        {"type": "1", "filter": {"or": [SET, {"segment": {"id": 1}}]}},
    ),
    personal=False,
    free_form=("filter",),
)
