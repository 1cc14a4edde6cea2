from cio_mcp.tools.core.explanation.explain_delivery import explain_delivery
from tests.examples.example import KINDS, Example

EXAMPLE = Example(
    tool=explain_delivery,
    arguments={"customer": "ada"},
    failure={"customer": "ada", "id": "1"},
    failed_argument="kind",
    full=({"customer": "mallory"}, *({"customer": "mallory", "kind": kind, "id": id_} for kind, id_ in KINDS)),
    private=({"customer": "ada"}, {"customer": "ada@example.com"}, {"customer": "ada", "kind": "campaign", "id": "2"}),
    hostile=({"customer": "mallory"}, *({"customer": "mallory", "kind": kind, "id": id_} for kind, id_ in KINDS)),
)
