from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.core.update_customer import update_customer
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, LINE, PLANTED_TEXT


def _effects(sandbox: Sandbox, number: int) -> int:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    return int(ada.attributes.get("lucky_number") == str(number))


EXAMPLE = Example(
    tool=update_customer,
    arguments={"customer": "ada", "attributes": {"favorite_color": "teal"}},
    failure={"customer": "nobody-at-all", "attributes": {"x": 1}},
    failed_argument="customer",
    full=(
        {"customer": "mallory", "attributes": {"note": f"new {PLANTED_TEXT}"}},
        {"customers": ["mallory", "bob"], "attributes": {"note": f"newer {PLANTED_TEXT}", "plan": "gold"}},
    ),
    private=(
        {"customer": CIO_ID, "attributes": {"note": "write to eve@example.com", "work_phone": "+447700900001"}},
        {"customers": [CIO_ID, "bob"], "attributes": {"note": "write to eve@example.com"}},
        {"customers": ["eve@example.com", "two@example.com", "ada@example.com"], "attributes": {"x": 1}},
        {"customers": [CIO_ID, "eve@example.com", "+447700900001"], "attributes": {"x": 1}, "create": True},
        {"customer": "two@example.com", "attributes": {"x": 1}},
        {"customer": CIO_ID, "attributes": {"ada@example.com": "y" * 2000}},
        {"customer": CIO_ID, "attributes": {"email": "ada@example.com, eve@example.com"}},
    ),
    hostile=(
        {"customer": "mallory", "attributes": ALL_DATA},
        {"customer": f"new{clean(LINE, 100)}", "attributes": {"plan": "x"}, "create": True},
        {"customer": f"new{LINE}", "attributes": {"plan": "x"}, "create": True},
        {"customers": ["mallory", "ada"], "attributes": ALL_DATA},
        {"customers": ["ada", f"new{clean(LINE, 100)}"], "attributes": {"plan": "y"}, "create": True},
        {"customers": ["ada", LINE, f"new{LINE}"], "attributes": {"plan": "x"}},
        {"customer": "mallory", "attributes": HIDDEN_NAMES},
        {"customer": "mallory", "attributes": {LINE: "y" * 2000}},
        {"customer": "two@example.com", "attributes": {"x": 1}},
    ),
    destructive=True,
    free_form=("attributes",),
    write=Write(
        lambda number: {"customer": "ada", "attributes": {"lucky_number": str(number)}},
        "PUT",
        "/api/v1/customers/",
        _effects,
    ),
)
