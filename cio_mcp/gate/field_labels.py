"""Customer.io's words for the fields of requests, as questions show them; other fields are shown by their names.

Every label holds a space. A name with a space is shown in quotes, so that a label is never taken for a name.
"""

from collections.abc import Mapping

Names = tuple[str | int, ...]
"""A path into a body: keys, and positions from 1."""
Labels = Mapping[Names, str]

_SEND: Labels = {
    ("transactional_message_id",): "Transactional message",
    ("to",): "Send to",
    ("identifiers",): "Customer identifiers",
    ("identifiers", "cio_id"): "Customer cio_id",
    ("identifiers", "id"): "Customer ID",
    ("identifiers", "email"): "Customer email",
    ("message_data",): "Message data",
    ("send_at",): "Send at",
    ("send_to_unsubscribed",): "Send to unsubscribed people",
    ("queue_draft",): "Queue as draft",
    ("disable_message_retention",): "Don't keep the message content (disable_message_retention)",
    ("disable_css_preprocessing",): "Don't preprocess CSS (disable_css_preprocessing)",
    ("tracked",): "Track opens and clicks",
    ("language",): "Language of the message",
}
_EVENT: Labels = {
    ("identifier",): "Customer identifier",
    ("name",): "Event name",
    ("timestamp",): "Event time",
    ("data",): "Event data",
}
_PROFILE: Labels = {
    ("identifier",): "Customer identifier",
    ("_update",): "Existing customers only",
    ("cio_subscription_preferences",): "Subscription preferences",
    ("cio_relationships",): "Relationships to objects",
}
_ENTITY: Labels = {
    ("type",): "Kind of record",
    ("action",): "Action of the request",
    ("identifiers", "cio_id"): "Customer cio_id",
    ("identifiers", "id"): "Customer ID",
    ("identifiers", "email"): "Customer email",
}
_PERSON: Labels = {**_ENTITY, ("identifier",): "Customer identifier"}
_MERGE: Labels = {
    ("primary", "cio_id"): "Kept customer cio_id",
    ("primary", "id"): "Kept customer ID",
    ("primary", "email"): "Kept customer email",
    ("secondary", "cio_id"): "Deleted customer cio_id",
    ("secondary", "id"): "Deleted customer ID",
    ("secondary", "email"): "Deleted customer email",
}
_DEVICE: Labels = {
    **_ENTITY,
    ("identifier",): "Customer identifier",
    ("device", "id"): "Device ID",
    ("device", "token"): "Device token",
    ("device", "platform"): "Device platform",
    ("device", "attributes"): "Device attributes",
}
_OBJECT: Labels = {
    ("type",): "Kind of record",
    ("action",): "Action of the request",
    ("identifiers", "object_type_id"): "Object type",
    ("identifiers", "object_id"): "Object ID",
    ("attributes",): "Object attributes",
    ("cio_relationships",): "Related customers",
}
_TRIGGER: Labels = {
    ("broadcast_id",): "API-triggered broadcast",
    ("data",): "Trigger data",
    ("recipients",): "Audience filter",
    ("emails",): "Send to emails",
    ("ids",): "Send to IDs",
    ("per_user_data",): "Data for each person (per_user_data)",
    ("data_file_url",): "URL of the data file",
    ("email_add_duplicates",): "Include everyone who shares an email (email_add_duplicates)",
    ("email_ignore_missing",): "Skip unknown emails (email_ignore_missing)",
    ("id_ignore_missing",): "Skip unknown IDs (id_ignore_missing)",
}
_CONTENT: Labels = {
    ("campaign_id",): "Campaign ID",
    ("broadcast_id",): "Broadcast ID",
    ("newsletter_id",): "Newsletter ID",
    ("transactional_id",): "Transactional message ID",
    ("action_id",): "Message ID (action_id)",
    ("content_id",): "Message ID (content_id)",
    ("language",): "Language of the message",
    ("subject",): "Subject line",
    ("preheader_text",): "Preheader text",
    ("body",): "Message body",
    ("body_amp",): "AMP body",
    ("from_id",): "Sender (from_id)",
    ("reply_to_id",): "Sender for replies (reply_to_id)",
}
_SNIPPET: Labels = {
    ("snippet_name",): "Snippet (snippet_name)",
    ("name",): "Snippet name",
    ("value",): "Snippet text",
}
_COLLECTION: Labels = {
    ("collection_id",): "Collection ID",
    ("name",): "Collection name",
    ("data",): "Collection rows",
}
_SEGMENT: Labels = {
    ("segment_id",): "Segment ID",
    ("segment",): "New segment",
    ("segment", "name"): "Segment name",
    ("segment", "description"): "Segment description",
    ("id_type",): "Kind of identifiers",
}
_SUPPRESSION: Labels = {("suppression_type",): "List of suppressions", ("email_address",): "Email address"}
_EXPORT: Labels = {
    ("filters",): "Customers to export",
    ("attributes",): "Attributes as columns",
    ("campaign_id",): "Campaign ID",
    ("newsletter_id",): "Newsletter ID",
    ("transactional_message_id",): "Transactional message ID",
    ("start",): "Created since (start)",
    ("end",): "Created until (end)",
}
_WEBHOOK: Labels = {
    ("webhook_id",): "Reporting webhook",
    ("name",): "Webhook name",
    ("events",): "Reported events",
    ("disabled",): "Posts nothing (disabled)",
    ("endpoint",): "Webhook endpoint",
    ("full_resolution",): "Every open and click, not only the first (full_resolution)",
    ("with_content",): "Include message content (with_content)",
}

LABELS: Mapping[str, Labels] = {
    **dict.fromkeys(("send_email", "send_push", "send_sms", "send_whatsapp", "send_in_app"), _SEND),
    "send_inbox_message": _SEND,
    "track_event": _EVENT,
    "person_event": {
        **_ENTITY, ("name",): "Event name", ("timestamp",): "Event time", ("attributes",): "Event data"
    },
    "identify_customer": _PROFILE,
    "person_identify": {**_ENTITY, **{("attributes", *names): label for names, label in _PROFILE.items()}},
    **dict.fromkeys(("delete_customer", "suppress_customer", "unsuppress_customer"), _PERSON),
    **dict.fromkeys(("person_delete", "person_suppress", "person_unsuppress"), _PERSON),
    "merge_customers": _MERGE,
    **dict.fromkeys(("add_device", "person_add_device", "person_delete_device"), _DEVICE),
    **dict.fromkeys(("object_identify", "object_delete"), _OBJECT),
    **dict.fromkeys(("object_add_relationships", "object_delete_relationships"), _OBJECT),
    "trigger_broadcast": _TRIGGER,
    **dict.fromkeys(("create_segment", "delete_segment"), _SEGMENT),
    "add_to_segment": {**_SEGMENT, ("ids",): "Customers to add"},
    "remove_from_segment": {**_SEGMENT, ("ids",): "Customers to remove"},
    **dict.fromkeys(("update_campaign_action", "update_campaign_action_language"), _CONTENT),
    **dict.fromkeys(("update_broadcast_action", "update_broadcast_action_language"), _CONTENT),
    **dict.fromkeys(("update_newsletter_content", "update_transactional_content"), _CONTENT),
    **dict.fromkeys(("update_snippet", "delete_snippet"), _SNIPPET),
    **dict.fromkeys(("create_collection", "update_collection", "delete_collection"), _COLLECTION),
    **dict.fromkeys(
        ("create_reporting_webhook", "update_reporting_webhook", "delete_reporting_webhook"), _WEBHOOK
    ),
    **dict.fromkeys(("export_customers", "export_deliveries"), _EXPORT),
    **dict.fromkeys(("suppress_email", "unsuppress_email"), _SUPPRESSION),
}  # fmt: skip
"""By operation. Sources: the API reference, and the settings of messages in Customer.io."""
NONE: Labels = {}


def label_of(operation: str, name: str) -> str | None:
    """The label of a top-level field, or of an attribute, of a request."""
    labels = LABELS.get(operation, NONE)
    return labels.get((name,)) or labels.get(("attributes", name))
