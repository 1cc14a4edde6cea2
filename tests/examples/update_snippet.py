from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.data.update_snippet import update_snippet
from tests.examples.example import Example, Write
from tests.hostile import HOSTILE, LINE, PLANTED_TEXT

NEW = {"name": "legal", "action": "create"}


def _effects(sandbox: Sandbox, number: int) -> int:
    snippet = sandbox.workspace.library.snippets.get("legal")
    return int(snippet is not None and snippet.value == f"Version {number}")


EXAMPLE = Example(
    tool=update_snippet,
    arguments={**NEW, "text": "Acme Ltd"},
    failure={"name": "footer", "text": "{{ a"},
    failed_argument="text",
    full=({**NEW, "text": f"Acme {PLANTED_TEXT}"},),
    private=({**NEW, "text": "write to eve@example.com or +447700900001"},),
    hostile=(
        {**NEW, "text": LINE * 3},
        *({"name": f"s{number}", "action": "create", "text": text[:200]} for number, text in enumerate(HOSTILE[::4])),
        {"name": "footer", "action": "delete"},
        {"name": LINE, "action": "create", "text": "x"},
    ),
    destructive=True,
    write=Write(
        lambda number: {**NEW, "text": f"Version {number}"},
        "PUT",
        "/v1/snippets",
        _effects,
    ),
)
