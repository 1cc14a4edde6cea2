"""A change of several people, as `cio-mcp changes ID` and the approvals window show it."""

from rich.console import Console

from cio_mcp.cli.change_view import present
from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.tracking import ProfileWrite
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import PersonEdit, Plan, ValueEdit
from tests.gate.test_subject import row


def test_each_person_is_shown_with_their_own_values() -> None:
    writes = [ProfileWrite(Reference(f"cio_{name}", "cio_id"), {"plan": "gold"}) for name in ("a1", "a2")]
    people = [
        PersonEdit(
            person=write.person.value,
            kind="cio_id",
            name=name,
            edits=(ValueEdit(name="plan", before=old, after="gold"),),
        )
        for write, name, old in zip(writes, ("ada\x1b[2J", "bob"), ("free", "vip"), strict=True)
    ]
    settled = PersonEdit(person="cio_a3", kind="cio_id", name="zed")
    call = tracking.identify_many(writes, at=1_800_000_000)
    plan = Plan(risk="data", summary="Set.", people=(*people, settled), affected=2, calls=(call,))
    console = Console(record=True, width=100)
    present(console, Change(row(plan), plan))
    shown = console.export_text()
    assert "(cio_a1):\n“plan”\n- “free”\n+ “gold”\n“bob” (cio_a2):\n“plan”\n- “vip”\n+ “gold”" in shown
    assert "zed" not in shown
    assert "\x1b[2J" not in shown
