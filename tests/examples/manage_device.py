from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.people.manage_device import manage_device
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, LINE


def _effects(sandbox: Sandbox, number: int) -> int:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    return sum(device["id"] == f"token-{number}" for device in ada.devices)


EXAMPLE = Example(
    tool=manage_device,
    arguments={"customer": "ada", "action": "add", "device": "token-0", "platform": "ios"},
    failure={"customer": "ada", "action": "remove", "device": "no-such-token"},
    failed_argument="device",
    full=({"customer": "mallory", "action": "add", "device": "token-1", "platform": "android"},),
    private=(
        {"customer": CIO_ID, "action": "add", "device": "ada@example.com", "platform": "ios"},
        {"customer": CIO_ID, "action": "remove", "device": "device-ada-1"},
        {"customer": "two@example.com", "action": "add", "device": "x", "platform": "ios"},
        {"customer": "ada@example.com", "action": "remove", "device": "eve@example.com"},
    ),
    hostile=(
        {
            "customer": "mallory",
            "action": "add",
            "device": clean(LINE, 100),
            "platform": "ios",
            "attributes": ALL_DATA,
        },
        {"customer": "mallory", "action": "add", "device": "x", "platform": "ios", "attributes": HIDDEN_NAMES},
        {"customer": "mallory", "action": "remove", "device": LINE},
        {"customer": "mallory", "action": "add", "device": LINE, "platform": "ios"},
    ),
    free_text=False,
    destructive=True,
    free_form=("attributes",),
    write=Write(
        lambda number: {"customer": "ada", "action": "add", "device": f"token-{number}", "platform": "ios"},
        "PUT",
        "/api/v1/customers/",
        _effects,
    ),
)
