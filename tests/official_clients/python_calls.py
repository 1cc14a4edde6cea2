"""Arguments for every public method of customerio and async-customerio: by position, and by name."""

from typing import Any

from tests.sandbox.operation_requests import BODY, EMAIL, EVERYBODY, PROFILE, SEND

Arguments = tuple[list[Any], dict[str, Any]]
NEW = "$new"
"""The class of a request to make, from the arguments beside it."""
TIME = 1_781_524_800
ADA = {"id": "ada"}
ACME = {"object_type_id": "1", "object_id": "acme"}
TO_ACME = [{"identifiers": ACME}]
TO_ADA = [{"identifiers": ADA}]


def _send(kind: str, **fields: Any) -> Arguments:
    return [{NEW: kind, **SEND, **fields}], {}


SENDS: dict[str, Arguments] = {
    "send_email": _send("SendEmailRequest", transactional_message_id=2, to="ada@example.com"),
    "send_push": _send("SendPushRequest", transactional_message_id=4, to="all"),
    "send_sms": _send("SendSMSRequest", transactional_message_id=3, to="+447700900001"),
    "send_whatsapp": _send("SendWhatsAppRequest", transactional_message_id=5),
    "send_in_app": _send("SendInAppRequest", transactional_message_id=6),
    "send_inbox_message": _send("SendInboxMessageRequest", transactional_message_id=7),
}
TRACK: dict[str, Arguments] = {
    "identify": (["new"], {"email": "new@example.com", "plan": "pro"}),
    "track": (["ada", "order_placed"], {"data": {"order_id": "A-1"}}),
    "track_anonymous": (["a-1", "seen"], {"data": {"page": 1}}),
    "pageview": (["ada", "https://acme.example/" + "x" * 100], {"referrer": "https://acme.example"}),
    "backfill": (["ada", "seen", TIME], {"page": 1}),
    "delete": (["bob"], {}),
    "add_device": (["ada", "phone", "ios"], {"last_used": TIME}),
    "delete_device": (["ada", "device-ada-1"], {}),
    "suppress": (["bob"], {}),
    "unsuppress": (["gone"], {}),
    "merge_customers": (["id", "two-1", "id", "two-2"], {}),
}
V2: dict[str, Arguments] = {
    "identify_person": ([ADA], {"plan": "pro"}),
    "delete_person": ([{"id": "bob"}], {}),
    "suppress_person": ([{"id": "bob"}], {}),
    "unsuppress_person": ([{"id": "gone"}], {}),
    "track_person_event": ([ADA, "order_placed"], {"order_id": "A-1"}),
    "person_pageview": ([ADA, "https://acme.example"], {}),
    "person_screen": ([ADA, "Home"], {}),
    "add_person_device": ([ADA, "phone", "ios"], {}),
    "delete_person_device": ([ADA, "device-ada-1"], {}),
    "add_person_relationships": ([ADA, TO_ACME], {}),
    "delete_person_relationships": ([ADA, TO_ACME], {}),
    "merge_persons": ([{"id": "two-1"}, {"id": "two-2"}], {}),
    "identify_object": ([ACME], {"name": "Acme"}),
    "delete_object": ([ACME], {}),
    "add_object_relationships": ([ACME, TO_ADA], {}),
    "delete_object_relationships": ([ACME, TO_ADA], {}),
    "track_object_event": ([ACME, "renewed"], {"seats": 5}),
    "send_entity": ([PROFILE], {}),
    "send_batch": ([[PROFILE]], {}),
}
CUSTOMERS: dict[str, Arguments] = {
    "get_by_email": (["two@example.com"], {}),
    "search": ([EVERYBODY], {"limit": 2}),
    "get_by_ids": ([["ada", "bob"]], {}),
    "get_attributes": (["ada"], {"id_type": "id"}),
    "get_segments": (["ada"], {"id_type": "id"}),
    "get_messages": (["ada"], {"limit": 2, "start_ts": 5}),
    "get_activities": (["ada"], {"limit": 2, "type": "event"}),
    "get_relationships": (["ada"], {"limit": 2}),
    "get_subscription_preferences": (["ada"], {"language": "en"}),
}
SEGMENTS: dict[str, Arguments] = {
    "list": ([], {}),
    "create": (["Picked"], {"description": "By hand"}),
    "get": ([2], {}),
    "delete": (["{segment}"], {}),
    "get_customer_count": ([2], {}),
    "get_membership": ([2], {"limit": 2}),
    "get_used_by": ([2], {}),
}
TRANSACTIONAL: dict[str, Arguments] = {
    "list": ([], {}),
    "get": ([2], {}),
    "list_variants": ([2], {}),
    "get_variant": ([2, "de"], {}),
    "update_variant": ([2, "de"], EMAIL),
    "update_content": ([2, 21], EMAIL),
    "get_deliveries": ([2], {"metric": "sent", "get_tracked_responses": True}),
    "get_metrics": ([2], {"period": "days", "steps": 3}),
    "get_link_metrics": ([2], {"unique": True}),
}
CALLS: dict[str, dict[str, Arguments]] = {
    "customerio.CustomerIO": TRACK | {"batch": ([[PROFILE]], {})},
    "customerio.APIClient": SENDS,
    "async_customerio.AsyncCustomerIO": TRACK | {
        "track": (["ada", "order_placed"], {"order_id": "A-1"}),
        "track_anonymous": (["a-1", "seen"], {"page": 1}),
        "get_region": ([], {}),
        "add_to_segment": ([3, ["bob"]], {"id_type": "id"}),
        "remove_from_segment": ([3, ["ada"]], {}),
        "submit_form": (["signup"], BODY["submit_form"]["data"]),
        "report_metric": (["{delivery}", "opened"], {"timestamp": TIME}),
        "report_push_metric": (["{delivery}", "device-ada-1", "opened"], {"timestamp": TIME}),
        "unsubscribe": (["{delivery}"], {}),
        "send_entity": ([ADA, "person", {NEW: "Actions", "value": "identify"}], {"plan": "pro"}),
        "send_batch": ([[PROFILE]], {}),
    },
    "async_customerio.AsyncCustomerIO.v2": V2,
    "async_customerio.AsyncAPIClient": SENDS,
    "async_customerio.AsyncAPIClient.customers": CUSTOMERS,
    "async_customerio.AsyncAPIClient.segments": SEGMENTS,
    "async_customerio.AsyncAPIClient.transactional": TRANSACTIONAL,
}  # fmt: skip
HELPERS = {
    "close", "send_request", "setup_base_url", "is_valid_id_type", "get_customer_query_string",
    "get_device_query_string", "get_event_query_string", "get_events_query_string",
}  # fmt: skip
"""Methods that send nothing of their own."""
DISAGREEMENTS: dict[str, tuple[int, str]] = {
    "async_customerio.AsyncCustomerIO.v2.track_object_event": (400, "events of objects are not in the specification"),
}
"""Methods that the sandbox refuses as the specification does: the status, and why."""
