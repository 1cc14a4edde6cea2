from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.content.update_content import update_content
from tests.examples.example import Example, Write
from tests.hostile import HOSTILE, LINE, PLANTED_TEXT

MESSAGE = {"kind": "newsletter", "id": "31"}


def _effects(sandbox: Sandbox, number: int) -> int:
    edited = sandbox.workspace.texts.edited(("newsletter", 31, 311))
    return int(edited.get("subject") == f"Issue {number}")


EXAMPLE = Example(
    tool=update_content,
    arguments={**MESSAGE, "subject": "News of the month"},
    failure={**MESSAGE, "body": "{% if a %}"},
    failed_argument="body",
    full=({**MESSAGE, "subject": f"New {PLANTED_TEXT}", "replace": [{"old": "Hello\n", "new": "Hi\n"}]},),
    private=(
        {**MESSAGE, "subject": "write to eve@example.com", "preheader": "or call +447700900001"},
        {**MESSAGE, "sender": "ada@example.com"},
    ),
    hostile=(
        {**MESSAGE, "subject": LINE[:90], "body": LINE * 3},
        *({**MESSAGE, "subject": text[:200]} for text in HOSTILE[::4]),
        {"id": "1", "message": "101", "body": f"{{{{ {LINE} }}}}"},
    ),
    destructive=True,
    write=Write(
        lambda number: {**MESSAGE, "subject": f"Issue {number}"},
        "PUT",
        "/v1/newsletters/31/contents/",
        _effects,
    ),
)
