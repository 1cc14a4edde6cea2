from cio_mcp.tools.core.workspace import get_workspace
from tests.examples.example import Example

EXAMPLE = Example(
    tool=get_workspace,
    arguments={},
    failure={"section": "no such"},
    failed_argument="section",
    full=tuple(
        {"section": section}
        for section in ("overview", "senders", "subscription_topics", "object_types", "limits", "health")
    ),
    private=({},),
    hostile=(
        {},
        {"section": "senders"},
        {"section": "subscription_topics"},
        {"section": "limits"},
        {"section": "health"},
    ),
    personal=False,
)
