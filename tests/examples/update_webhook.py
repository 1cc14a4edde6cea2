from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.admin.update_webhook import update_webhook
from tests.examples.example import Arguments, Example, Write
from tests.hostile import LINE


def _creation(name: str) -> Arguments:
    return {"action": "create", "name": name, "url": "https://hooks.example.com/cio", "events": ["email_sent"]}


def _effects(sandbox: Sandbox, number: int) -> int:
    return sum(webhook.name == f"Hook {number}" for webhook in sandbox.workspace.webhooks.values())


EXAMPLE = Example(
    tool=update_webhook,
    arguments=_creation("Hook"),
    failure={"action": "create", "name": "x", "url": "nowhere", "events": ["email_sent"]},
    failed_argument="url",
    full=(_creation("Another hook"),),
    private=(_creation("ada@example.com"), {"action": "delete", "webhook": "ada@example.com"}),
    hostile=(
        _creation(clean(LINE, 90)),
        _creation(LINE[:90]),
        {"action": "delete", "webhook": LINE[:90]},
        {"action": "create", "name": "x", "url": "https://x.example", "events": [LINE[:90]]},
    ),
    free_text=False,
    destructive=True,
    write=Write(
        lambda number: {"action": "update", "webhook": "1", "name": f"Hook {number}"},
        "PUT",
        "/v1/reporting_webhooks/",
        _effects,
    ),
)
