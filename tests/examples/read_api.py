from cio_mcp.tools.api.read_api import read_api
from tests.examples.example import CIO_ID, Example
from tests.hostile import LINE

MALLORY = {"customer_id": "mallory"}

EXAMPLE = Example(
    tool=read_api,
    arguments={"operation": "list_segments"},
    failure={"operation": "list_segment"},
    failed_argument="operation",
    full=(
        {"operation": "get_customer_attributes", "arguments": MALLORY},
        {"operation": "list_customer_messages", "arguments": MALLORY},
        {"operation": "list_customer_activities", "arguments": MALLORY | {"limit": 1}},
        {"operation": "list_segments", "fields": ["name", "description"]},
    ),
    private=(
        {"operation": "get_customer_attributes", "arguments": {"customer_id": CIO_ID, "id_type": "cio_id"}},
        {"operation": "find_customers_by_email", "arguments": {"email": "ada@example.com"}},
        {"operation": "list_customer_messages", "arguments": {"customer_id": "ada"}},
        {"operation": "get_customer_attributes", "arguments": {"customer_id": "ada"}, "fields": ["email", "phone"]},
    ),
    hostile=(
        {"operation": "get_customer_attributes", "arguments": MALLORY},
        {"operation": "list_customer_activities", "arguments": MALLORY},
        {"operation": "list_customer_messages", "arguments": MALLORY, "fields": ["subject", "failure_message"]},
        {"operation": "list_segments", "fields": [LINE[:90]]},
        {"operation": LINE[:90]},
        {"operation": "list_segments", "arguments": {LINE: LINE}},
    ),
    free_form=("arguments", "body"),
)
