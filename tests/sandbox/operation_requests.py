"""A request for every published operation: values of its path, its query and body, and what has to exist before."""

from typing import Any

SPAN = "start=1765000000&end=1781000000"
EVERYBODY: dict[str, Any] = {"attribute": {"field": "cio_id", "operator": "exists"}}
PNG = ("logo.png", b"\x89PNG\r\n", "image/png")

PATH: dict[str, str] = {
    "campaign_id": "1", "broadcast_id": "10", "newsletter_id": "31", "transactional_id": "1", "content_id": "311",
    "language": "fr", "test_group_id": "1", "customer_id": "ada", "identifier": "ada", "object_type_id": "1",
    "object_id": "acme", "segment_id": "3", "suppression_type": "bounces", "email_address": "eve@example.com",
    "domain_name": "example.com", "sender_id": "1", "trigger_id": "1", "webhook_id": "1", "device_id": "device-ada-1",
    "form_id": "signup", "delivery_id": "unknown", "snippet_name": "greeting", "client_id": "gmail_web",
}  # fmt: skip
PATH_OF: dict[str, dict[str, str]] = {
    "/v1/campaigns/{campaign_id}/actions": {"action_id": "101"},
    "/v1/broadcasts/{broadcast_id}/actions": {"action_id": "1001"},
    "/v1/transactional/{transactional_id}/content": {"content_id": "11"},
    "/v1/transactional/{transactional_id}/language": {"transactional_id": "2", "language": "de"},
    "/v1/campaigns/{campaign_id}/actions/{action_id}/language": {"language": "de"},
    "/v1/broadcasts/{broadcast_id}/actions/{action_id}/language": {"language": "de"},
}
"""Values that depend on the beginning of the route."""

MADE_BY: dict[str, tuple[str, str, str]] = {
    "/v1/assets/files/{id}": ("create_asset", "id", "asset.id"),
    "/v1/assets/folders/{id}": ("create_asset_folder", "id", "folder.id"),
    "/v1/design_studio/components/{id}": ("create_component", "id", "component.id"),
    "/v1/design_studio/folders/{id}": ("create_design_folder", "id", "folder.id"),
    "/v1/design_studio/emails/{id}": ("create_design_email", "id", "email.id"),
    "/v1/design_studio/emails/{id}/languages/{language}": ("create_design_email_language", "", ""),
    "/v1/design_studio/emails/{id}/publish": ("link_design_email", "", ""),
    "/v1/design_studio/emails/{id}/versions/{version_id}": ("save_design_email_version", "version_id", "version.id"),
    "/v1/design_studio/emails/{id}/inbox_previews/{run_id}": ("submit_inbox_preview", "run_id", "run_id"),
    "/v1/exports/{export_id}": ("export_customers", "export_id", "export.id"),
    "/v1/imports/{import_id}": ("import_file", "import_id", "import.id"),
    "/v1/live_notifications/{instance_id}": ("start_live_notification", "instance_id", "instance_id"),
    "/v1/live_notifications/update": ("start_live_notification", "instance_id", "instance_id"),
    "/v1/live_notifications/end": ("start_live_notification", "instance_id", "instance_id"),
    "/v1/messages/{message_id}": ("send_email", "message_id", "delivery_id"),
    "/v1/collections/{collection_id}": ("create_collection", "collection_id", "collection.id"),
    "/v1/snippets/{snippet_name}": ("create_snippet", "", ""),
    "/v1/reporting_webhooks/{webhook_id}": ("create_reporting_webhook", "webhook_id", "id"),
    "/v1/newsletters/{newsletter_id}/language": ("create_newsletter", "newsletter_id", "newsletter.id"),
    "/v1/newsletters/{newsletter_id}/test_group": ("create_newsletter", "newsletter_id", "newsletter.id"),
    "/v1/newsletters/{newsletter_id}/language/{language}": ("create_newsletter_language", "", ""),
    "/v1/newsletters/{newsletter_id}/test_group/": (
        "create_newsletter_test_group", "", ""
    ),
    "/v1/newsletters/{newsletter_id}/test_group/{test_group_id}/language/{language}": (
        "create_test_group_language", "", ""
    ),
    "/v1/newsletters/{newsletter_id}/send": ("create_newsletter", "newsletter_id", "newsletter.id"),
    "/v1/newsletters/{newsletter_id}/schedule": ("create_newsletter", "newsletter_id", "newsletter.id"),
}  # fmt: skip
"""By the beginning of a route: what makes its resource, the name in the path, and where the answer has its value."""

QUERY: dict[str, str] = {
    "find_customers_by_email": "email=two%40example.com",
    "get_campaign_metrics": f"version=2&res=months&{SPAN}",
    "get_campaign_journeys": f"res=weeks&{SPAN}",
}
METRIC: dict[str, Any] = {"delivery_id": "unknown", "metric": "opened"}
EMAIL: dict[str, Any] = {"subject": "Hello", "body": "<p>There</p>"}
SEND: dict[str, Any] = {"identifiers": {"id": "ada"}, "message_data": {"order_id": "A-1", "code": 1, "minutes": 5}}
PROFILE: dict[str, Any] = {
    "type": "person",
    "identifiers": {"id": "new"},
    "action": "identify",
    "attributes": {"plan": "pro"},
}
PREVIEW: dict[str, Any] = {"client_ids": ["gmail_web"]}
WEBHOOK: dict[str, Any] = {"name": "Sent", "endpoint": "https://acme.example/hook", "events": ["email_sent"]}
STATE: dict[str, Any] = {"content_state": {"eta": 5}}
ALERT: dict[str, Any] = {"alert": {"title": "On its way", "body": "Soon"}}
COLLECTION: dict[str, Any] = {"name": "events", "data": [{"name": "Picnic", "seats": 4}]}

BODY: dict[str, Any] = {
    **dict.fromkeys(("update_campaign_action", "update_campaign_action_language"), EMAIL),
    **dict.fromkeys(("update_broadcast_action", "update_broadcast_action_language"), EMAIL),
    **dict.fromkeys(("update_transactional_content", "update_transactional_language"), EMAIL),
    **dict.fromkeys(("update_newsletter_content", "update_newsletter_language", "update_test_group_language"), EMAIL),
    **{key: {"language": "fr", **EMAIL} for key in ("create_newsletter_language", "create_test_group_language")},
    "trigger_broadcast": {"data": {"headline": "News", "text": "More"}},
    "create_newsletter": {
        "name": "Spring", "type": "email", "recipients": {"segment": {"id": 2}}, "subscription_topic_id": 2,
        "from_id": 1, **EMAIL,
    },
    "schedule_newsletter": {"scheduled_at": 4_000_000_000, "timezone": "UTC"},
    "send_newsletter": {},
    "send_email": {**SEND, "transactional_message_id": 2, "to": "ada@example.com"},
    "send_push": {**SEND, "transactional_message_id": 4, "to": "all"},
    "send_sms": {**SEND, "transactional_message_id": 3, "to": "+447700900001"},
    "send_whatsapp": {**SEND, "transactional_message_id": 5, "to": "+447700900001"},
    "send_in_app": {**SEND, "transactional_message_id": 6},
    "send_inbox_message": {**SEND, "transactional_message_id": 7},
    "start_live_notification": {
        "identifiers": {"id": "ada"}, "notification_type": "io.acme.delivery", "attributes": {"order": "A-1"},
        "push_payload": ALERT, **STATE,
    },
    "update_live_notification": {"instance_id": "{instance_id}", **STATE},
    "end_live_notification": {"instance_id": "{instance_id}"},
    "search_customers": {"filter": EVERYBODY},
    "get_customers": {"ids": ["ada", "bob"]},
    "update_customer_optouts": {"optouts": [{"from": "+447700900009", "optout": True}]},
    "create_segment": {"segment": {"name": "Picked"}},
    "search_objects": {
        "object_type_id": "1", "filter": {"object_attribute": {"field": "name", "operator": "exists", "type_id": "1"}},
    },
    "export_customers": {"filters": {"segment": {"id": 2}}, "attributes": ["plan"]},
    "export_deliveries": {"newsletter_id": 31, "metric": "sent"},
    "import_file": {
        "import": {
            "name": "People", "type": "people", "identifier": "id", "data_file_url": "https://acme.example/people.csv",
        }
    },
    "create_collection": COLLECTION,
    "update_collection": {"name": "meetings"},
    "update_collection_content": COLLECTION["data"],
    "create_snippet": {"name": "greeting", "value": "Hello"},
    "update_snippet": {"name": "footer", "value": "Acme Ltd"},
    "describe_attributes": {"attributes": [{"name": "plan", "description": "What they pay for"}]},
    "describe_events": {"events": [{"name": "order_placed"}]},
    **dict.fromkeys(("create_reporting_webhook", "update_reporting_webhook"), WEBHOOK),
    **{key: {"name": "New name"} for key in ("update_asset", "update_asset_folder", "update_component")},
    **{key: {"name": "New name"} for key in ("update_design_folder", "update_design_email")},
    **{key: {"name": "Spring"} for key in ("create_asset_folder", "create_design_folder")},
    "create_component": {"name": "Button", "tag": "x-button", "content": "<a></a>"},
    "create_design_email": {
        "name": "Welcome", "content": {"subject": "Hi", "html": "<p>Hi {{customer.first_name}}</p>"},
    },
    "create_design_email_language": {"language": "fr", "content": {"subject": "Salut"}},
    "update_design_email_language": {"content": {"subject": "Bonjour"}},
    "save_design_email_version": {"name": "Before the sale"},
    "restore_design_email_version": None,
    "link_design_email": {"target": {"type": "transactional_message", "transactional_message_id": 1}},
    "preview_design_email": {"customer": {"first_name": "Ada"}},
    "submit_inbox_preview": PREVIEW,
    "identify_customer": {"plan": "pro"},
    "add_device": {"device": {"id": "phone", "platform": "ios"}},
    "merge_customers": {"primary": {"id": "two-1"}, "secondary": {"id": "two-2"}},
    "unsubscribe_delivery": {"unsubscribe": True},
    "track_event": {"name": "order_placed", "data": {"order_id": "A-1"}},
    "track_anonymous_event": {"name": "seen", "anonymous_id": "a-1"},
    "report_metric": METRIC,
    "report_push_metric": {"delivery_id": "unknown", "event": "opened", "device_id": "device-ada-1", "timestamp": 5},
    "submit_form": {"data": {"email": "form@example.com", "first_name": "Form"}},
    **{key: {"ids": ["bob"]} for key in ("add_to_segment", "remove_from_segment")},
    "apply_entity": PROFILE,
    "apply_batch": {"batch": [PROFILE]},
    "pipelines_identify": {"userId": "new", "traits": {"plan": "pro"}},
    "pipelines_track": {"userId": "new", "event": "order_placed", "properties": {"order_id": "A-1"}},
    **{key: {"userId": "new", "name": "Home"} for key in ("pipelines_page", "pipelines_screen")},
    "pipelines_group": {"userId": "new", "groupId": "acme", "traits": {"name": "Acme"}},
    "pipelines_alias": {"userId": "new", "previousId": "old"},
    "pipelines_batch": {"batch": [{"type": "identify", "userId": "new", "traits": {"plan": "pro"}}]},
}  # fmt: skip
FILES = {"create_asset": {"file": PNG}}
