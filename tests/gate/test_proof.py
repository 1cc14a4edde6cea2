"""Proofs: what can be read only after a write is visible."""

import pytest

from cio_mcp.gate.proof import DeviceState, ObjectState, PersonGone, Proof
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

ADA = "cio_a3000001"


@pytest.mark.parametrize(
    ("proof", "holds"),
    [
        (PersonGone(person=ADA), False),
        (PersonGone(person="cio_a3ffffff"), True),
        (DeviceState(person=ADA, device="device-ada-1", platform="ios"), True),
        (DeviceState(person=ADA, device="device-ada-1", platform="android"), False),
        (DeviceState(person=ADA, device="device-ada-1", platform=None), False),
        (DeviceState(person=ADA, device="another", platform=None), True),
        (ObjectState(type_id="1", id="acme", gone=True), False),
        (ObjectState(type_id="1", id="none", gone=True), True),
        (ObjectState(type_id="1", id="none"), False),
        (ObjectState(type_id="1", id="acme", attributes={"name": "Acme"}), True),
        (ObjectState(type_id="1", id="acme", attributes={"name": "Other"}), False),
        (ObjectState(type_id="1", id="acme", customers=(ADA,)), True),
        (ObjectState(type_id="1", id="acme", customers=(ADA,), related=False), False),
        (ObjectState(type_id="1", id="acme", customers=("cio_a3ffffff",)), False),
        (ObjectState(type_id="1", id="acme", customers=("cio_a3ffffff",), related=False), True),
    ],
)
async def test_a_proof_holds_only_after_the_write(proof: Proof, holds: bool, ws: CallContext) -> None:
    assert await proof.holds(ws.reader) == holds
