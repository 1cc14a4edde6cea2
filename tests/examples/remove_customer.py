from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.people.remove_customer import remove_customer
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import LINE


def _effects(sandbox: Sandbox, _: int) -> int:
    return int(sandbox.workspace.people.get("id", "eve") is None)


EXAMPLE = Example(
    tool=remove_customer,
    arguments={"customer": "ada", "action": "unsuppress"},
    failure={"customer": "nobody-at-all", "action": "delete"},
    failed_argument="customer",
    full=({"customer": "mallory", "action": "unsuppress"}, {"customer": "mallory", "action": "suppress"}),
    private=(
        {"customer": CIO_ID, "action": "delete"},
        {"customer": CIO_ID, "action": "suppress"},
        {"customer": "ada@example.com", "action": "unsuppress"},
        {"customer": "eve@example.com", "action": "suppress"},
        {"customer": "two@example.com", "action": "delete"},
        {"customer": "+447700900001", "action": "delete"},
    ),
    hostile=(
        {"customer": "mallory", "action": "delete"},
        {"customer": "mallory", "action": "suppress"},
        {"customer": f"new{clean(LINE, 100)}", "action": "unsuppress"},
        {"customer": LINE, "action": "delete"},
    ),
    free_text=False,
    destructive=True,
    write=Write(lambda _: {"customer": "eve", "action": "delete"}, "DELETE", "/api/v1/customers/", _effects),
)
