from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.data.update_collection import update_collection
from tests.examples.example import Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, LINE, PLANTED_TEXT


def _effects(sandbox: Sandbox, number: int) -> int:
    return sum(each.name == f"stores {number}" for each in sandbox.workspace.library.collections.values())


EXAMPLE = Example(
    tool=update_collection,
    arguments={"action": "create", "name": "stores", "rows": [{"city": "Oslo"}]},
    failure={"action": "add_rows", "collection": "offers"},
    failed_argument="rows",
    full=({"action": "create", "name": "stores", "rows": [{"note": PLANTED_TEXT}]},),
    private=(
        {"action": "create", "name": "stores", "rows": [{"email": "eve@example.com", "phone": "+447700900001"}]},
        {"action": "add_rows", "collection": "offers", "rows": [{"email": "eve@example.com"}]},
    ),
    hostile=(
        {"action": "create", "name": "stores", "rows": [ALL_DATA]},
        {"action": "add_rows", "collection": "1", "rows": [{"note": LINE}]},
        {"action": "create", "name": "stores", "rows": [HIDDEN_NAMES]},
        {"action": "rename", "collection": "1", "name": LINE},
        {"action": "delete", "collection": "1"},
    ),
    free_text=False,
    destructive=True,
    open_parts=("rows",),
    write=Write(
        lambda number: {"action": "create", "name": f"stores {number}", "rows": [{"city": "Oslo"}]},
        "POST",
        "/v1/collections",
        _effects,
    ),
)
