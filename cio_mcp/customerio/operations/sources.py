"""What sends messages: campaigns, broadcasts, newsletters, transactional messages, and the sends themselves."""

from cio_mcp.customerio.operations.row import UNPUBLISHED, UNPUBLISHED_WRITE, Columns, Group

_STEPS = "period steps:integer"
_METRICS = f"{_STEPS} type"
_LINKS = f"{_STEPS} unique:boolean"
_METRICS_V2 = f"version type res tz start:integer end:integer {_STEPS}"
_PAGE = "start limit:integer"
_DELIVERIES = f"{_PAGE} metric start_ts:integer end_ts:integer"

_TEXT = "body from from_id:integer language name preheader_text preprocessor recipient reply_to reply_to_id:integer"
_CONTENT = f"bcc deduplicate_id fake_bcc:boolean id:integer subject type {_TEXT} body_amp"
_ACTION = f"{_CONTENT} broadcast_id:integer created:integer image_url layout method sending_state updated:integer url"
_CAMPAIGN_ACTION = f"{_ACTION} campaign_id:integer headers parent_action_id:integer"
_BROADCAST_ACTION = f"{_ACTION} headers:array|string"
_NEWSLETTER_CONTENT = f"{_CONTENT} headers:array layout newsletter_id:integer"
_TEMPLATE = (
    f"bcc body_amp created:integer fake_bcc:boolean headers:array id:integer subject type updated:integer {_TEXT}"
)

_EDIT: Columns = {
    "guardrails": ("sender_identities",),
    "evidence": "resource",
    "content": ("body", "body_amp", "subject", "preheader_text", "name"),
    "people": ("bcc", "recipient", "reply_to", "from"),
    "secrets": ("headers",),
}
"""An edit of a message's content: it changes what everyone is sent from then on."""

_EDIT_ACTION: Columns = {**_EDIT, "secrets": ("headers", "url")}
"""An edit of an action, which may be a webhook with credentials in its URL and headers."""

_ACTION_ANSWER: Columns = {"answer_secrets": ("headers", "url")}
_CONTENT_ANSWER: Columns = {"answer_secrets": ("headers",)}
"""The same in an answer."""

_C = Group("app", "campaigns", family="campaigns")
_CAMPAIGN = "/v1/campaigns/{campaign_id}"
_CAMPAIGN_MESSAGE = _CAMPAIGN + "/actions/{action_id}"

CAMPAIGNS = (
    _C.get("list_campaigns", "/v1/campaigns", "List campaigns"),
    _C.get("get_campaign", _CAMPAIGN, "Get a campaign"),
    _C.get("get_campaign_metrics", f"{_CAMPAIGN}/metrics", "Get a campaign's metrics", query=_METRICS_V2),
    _C.get("get_campaign_links", f"{_CAMPAIGN}/metrics/links", "Get a campaign's clicks by link", query=_LINKS),
    _C.get(
        "get_campaign_journeys", f"{_CAMPAIGN}/journey_metrics", "Count the journeys of a campaign by outcome",
        query="start!:integer end!:integer res!",
    ),
    _C.get(
        "list_campaign_messages", f"{_CAMPAIGN}/messages", "List a campaign's deliveries",
        query=f"{_DELIVERIES} type drafts:boolean",
    ),
    _C.get("list_campaign_actions", f"{_CAMPAIGN}/actions", "List a campaign's actions", _ACTION_ANSWER, query="start"),
    _C.get("get_campaign_action", _CAMPAIGN_MESSAGE, "Get an action of a campaign", _ACTION_ANSWER),
    _C.put(
        "update_campaign_action", _CAMPAIGN_MESSAGE, "Edit an action of a campaign", _EDIT_ACTION,
        fields=_CAMPAIGN_ACTION, verify="get_campaign_action", inverse="update_campaign_action",
    ),
    _C.get(
        "get_campaign_action_language", _CAMPAIGN_MESSAGE + "/language/{language}",
        "Get an action of a campaign in one language", _ACTION_ANSWER,
    ),
    _C.put(
        "update_campaign_action_language", _CAMPAIGN_MESSAGE + "/language/{language}",
        "Edit an action of a campaign in one language", _EDIT_ACTION,
        fields=_CAMPAIGN_ACTION, verify="get_campaign_action_language",
        inverse="update_campaign_action_language", target="action_id",
    ),
    _C.get(
        "get_campaign_action_metrics", f"{_CAMPAIGN_MESSAGE}/metrics", "Get the metrics of one action of a campaign",
        query=_METRICS_V2,
    ),
    _C.get(
        "get_campaign_action_links", f"{_CAMPAIGN_MESSAGE}/metrics/links",
        "Get the clicks by link of one action of a campaign", query=_METRICS,
    ),
)  # fmt: skip

_B = Group("app", "broadcasts", family="broadcasts")
_BROADCAST = "/v1/broadcasts/{broadcast_id}"
_BROADCAST_MESSAGE = _BROADCAST + "/actions/{action_id}"
_TRIGGERS = "/v1/campaigns/{broadcast_id}/triggers"

BROADCASTS = (
    _B.get("list_broadcasts", "/v1/broadcasts", "List API-triggered broadcasts"),
    _B.get("get_broadcast", _BROADCAST, "Get a broadcast"),
    _B.get("get_broadcast_metrics", f"{_BROADCAST}/metrics", "Get a broadcast's metrics", query=_METRICS),
    _B.get("get_broadcast_links", f"{_BROADCAST}/metrics/links", "Get a broadcast's clicks by link", query=_LINKS),
    _B.get(
        "list_broadcast_messages", f"{_BROADCAST}/messages", "List a broadcast's deliveries",
        query=f"{_DELIVERIES} state type",
    ),
    _B.get("list_broadcast_actions", f"{_BROADCAST}/actions", "List a broadcast's actions", _ACTION_ANSWER),
    _B.get("get_broadcast_action", _BROADCAST_MESSAGE, "Get an action of a broadcast", _ACTION_ANSWER),
    _B.put(
        "update_broadcast_action", _BROADCAST_MESSAGE, "Edit an action of a broadcast", _EDIT_ACTION,
        fields=_BROADCAST_ACTION, verify="get_broadcast_action", inverse="update_broadcast_action",
    ),
    _B.get(
        "get_broadcast_action_language", _BROADCAST_MESSAGE + "/language/{language}",
        "Get an action of a broadcast in one language", _ACTION_ANSWER,
    ),
    _B.put(
        "update_broadcast_action_language", _BROADCAST_MESSAGE + "/language/{language}",
        "Edit an action of a broadcast in one language", _EDIT_ACTION,
        fields=_BROADCAST_ACTION, verify="get_broadcast_action_language",
        inverse="update_broadcast_action_language", target="action_id",
    ),
    _B.get(
        "get_broadcast_action_metrics", f"{_BROADCAST_MESSAGE}/metrics",
        "Get the metrics of one action of a broadcast", query=_METRICS,
    ),
    _B.get(
        "get_broadcast_action_links", f"{_BROADCAST_MESSAGE}/metrics/links",
        "Get the clicks by link of one action of a broadcast", query=_METRICS,
    ),
    _B.get("list_broadcast_triggers", f"{_BROADCAST}/triggers", "List the times a broadcast was triggered"),
    _B.get("get_broadcast_trigger", _TRIGGERS + "/{trigger_id}", "Get the state of one trigger of a broadcast"),
    _B.get(
        "list_broadcast_trigger_errors", _TRIGGERS + "/{trigger_id}/errors", "List the errors of a trigger",
        query=_PAGE,
    ),
    _B.post(
        "trigger_broadcast", _TRIGGERS, "Send a broadcast to its audience",
        lane="broadcast", families=("broadcasts", "campaigns", "messages", "customers", "activities"),
        fields="data:object data_file_url? email_add_duplicates:boolean email_ignore_missing:boolean emails?:array "
        "id_ignore_missing:boolean ids?:array per_user_data?:array recipients?:object",
        defaults=(
            ("data", {}), ("email_add_duplicates", False), ("email_ignore_missing", False),
            ("id_ignore_missing", False),
        ),
        answer_id="id", evidence="trigger", verify="list_broadcast_triggers", permanent="message",
        people=("emails", "ids", "per_user_data", "recipients"), content=("data", "per_user_data"),
        secrets=("data_file_url",),
    ),
)  # fmt: skip

_N = Group("app", "newsletters", family="newsletters")
_NEWSLETTER = "/v1/newsletters/{newsletter_id}"
_VARIANT = _NEWSLETTER + "/contents/{content_id}"
_LANGUAGE = _NEWSLETTER + "/language/{language}"
_TEST_LANGUAGES = _NEWSLETTER + "/test_group/{test_group_id}/language"
_MESSAGE: Columns = {"permanent": "message", "empty_answer": False}
"""A send whose answer is not published: what must not come twice is not done on the word of an empty answer."""
_NEW_CONTENT: Columns = {**UNPUBLISHED_WRITE, "guardrails": ("sender_identities",), "evidence": "resource"}
"""New content names its sender, which is one of the workspace's identities; other senders are refused."""

NEWSLETTERS = (
    _N.get("list_newsletters", "/v1/newsletters", "List newsletters", query=f"{_PAGE} sort"),
    _N.post(
        "create_newsletter", "/v1/newsletters", "Create a newsletter, and send or schedule it if the body says so",
        _NEW_CONTENT | _MESSAGE, verify="list_newsletters",
        fields="name! type! recipients!:object subject body body_plain preheader_text from_id:integer "
        "layout_id:integer send_now:boolean scheduled_at:any subscription_topic_id:integer",
    ),
    _N.get("get_newsletter", _NEWSLETTER, "Get a newsletter"),
    _N.delete(
        "delete_newsletter", _NEWSLETTER, "Delete a newsletter", evidence="resource", verify="get_newsletter"
    ),
    _N.post(
        "schedule_newsletter", f"{_NEWSLETTER}/schedule", "Schedule a newsletter", UNPUBLISHED_WRITE | _MESSAGE,
        families=("newsletters", "messages", "customers", "activities"),
        evidence="resource", verify="get_newsletter",
    ),
    _N.post(
        "send_newsletter", f"{_NEWSLETTER}/send", "Send a newsletter now", UNPUBLISHED_WRITE | _MESSAGE,
        families=("newsletters", "messages", "customers", "activities"),
        evidence="resource", verify="get_newsletter",
    ),
    _N.get("get_newsletter_metrics", f"{_NEWSLETTER}/metrics", "Get a newsletter's metrics", query=_METRICS),
    _N.get("get_newsletter_links", f"{_NEWSLETTER}/metrics/links", "Get a newsletter's clicks by link", query=_LINKS),
    _N.get(
        "list_newsletter_messages", f"{_NEWSLETTER}/messages", "List a newsletter's deliveries", query=_DELIVERIES
    ),
    _N.get("list_newsletter_contents", f"{_NEWSLETTER}/contents", "List the variants of a newsletter", _CONTENT_ANSWER),
    _N.get("get_newsletter_content", _VARIANT, "Get a variant of a newsletter", _CONTENT_ANSWER),
    _N.put(
        "update_newsletter_content", _VARIANT, "Edit a variant of a newsletter", _EDIT,
        fields=_NEWSLETTER_CONTENT, verify="get_newsletter_content", inverse="update_newsletter_content",
    ),
    _N.get("get_newsletter_content_metrics", f"{_VARIANT}/metrics", "Get the metrics of a variant", query=_METRICS),
    _N.get(
        "get_newsletter_content_links", f"{_VARIANT}/metrics/links", "Get the clicks by link of a variant",
        query=_METRICS,
    ),
    _N.post(
        "create_newsletter_language", f"{_NEWSLETTER}/language", "Add a language to a newsletter", _NEW_CONTENT,
        verify="list_newsletter_contents", inverse="delete_newsletter_language",
    ),
    _N.get("get_newsletter_language", _LANGUAGE, "Get a newsletter in one language", _CONTENT_ANSWER),
    _N.put(
        "update_newsletter_language", _LANGUAGE, "Edit a newsletter in one language", _EDIT,
        fields=_NEWSLETTER_CONTENT, verify="get_newsletter_language", inverse="update_newsletter_language",
        target="newsletter_id",
    ),
    _N.delete(
        "delete_newsletter_language", _LANGUAGE, "Remove a language from a newsletter", UNPUBLISHED,
        evidence="resource", verify="get_newsletter_language", target="newsletter_id",
    ),
    _N.get("list_newsletter_test_groups", f"{_NEWSLETTER}/test_groups", "List the A/B test groups of a newsletter"),
    _N.post(
        "create_newsletter_test_group", f"{_NEWSLETTER}/test_groups", "Add an A/B test group to a newsletter",
        _NEW_CONTENT, verify="list_newsletter_test_groups",
    ),
    _N.post(
        "create_test_group_language", _TEST_LANGUAGES, "Add a language to an A/B test group", _NEW_CONTENT,
        verify="list_newsletter_contents", inverse="delete_test_group_language", target="newsletter_id",
    ),
    _N.get(
        "get_test_group_language", _TEST_LANGUAGES + "/{language}", "Get an A/B test group in one language",
        _CONTENT_ANSWER,
    ),
    _N.put(
        "update_test_group_language", _TEST_LANGUAGES + "/{language}", "Edit an A/B test group in one language", _EDIT,
        fields=_NEWSLETTER_CONTENT, verify="get_test_group_language", inverse="update_test_group_language",
        target="newsletter_id",
    ),
    _N.delete(
        "delete_test_group_language", _TEST_LANGUAGES + "/{language}", "Remove a language from an A/B test group",
        UNPUBLISHED, evidence="resource", verify="get_test_group_language", target="newsletter_id",
    ),
)  # fmt: skip

_T = Group("app", "transactional", family="transactional")
_TRANSACTIONAL = "/v1/transactional/{transactional_id}"

TRANSACTIONAL = (
    _T.get("list_transactional_messages", "/v1/transactional", "List transactional messages"),
    _T.get("get_transactional_message", _TRANSACTIONAL, "Get a transactional message"),
    _T.get(
        "get_transactional_metrics", f"{_TRANSACTIONAL}/metrics", "Get a transactional message's metrics", query=_STEPS
    ),
    _T.get(
        "get_transactional_links", f"{_TRANSACTIONAL}/metrics/links",
        "Get a transactional message's clicks by link", query=_LINKS,
    ),
    _T.get(
        "list_transactional_deliveries", f"{_TRANSACTIONAL}/messages", "List a transactional message's deliveries",
        query=f"{_DELIVERIES} state",
    ),
    _T.get(
        "list_transactional_contents", f"{_TRANSACTIONAL}/contents", "List the contents of a transactional message",
        _CONTENT_ANSWER,
    ),
    _T.get(
        "get_transactional_content", _TRANSACTIONAL + "/contents/{content_id}",
        "Get one of a transactional message's contents", UNPUBLISHED | _CONTENT_ANSWER,
    ),
    _T.put(
        "update_transactional_content", _TRANSACTIONAL + "/content/{content_id}",
        "Edit the content of a transactional message", _EDIT,
        fields=_TEMPLATE, verify="list_transactional_contents", inverse="update_transactional_content",
    ),
    _T.get(
        "get_transactional_language", _TRANSACTIONAL + "/language/{language}",
        "Get a transactional message in one language", _CONTENT_ANSWER,
    ),
    _T.put(
        "update_transactional_language", _TRANSACTIONAL + "/language/{language}",
        "Edit a transactional message in one language", _EDIT,
        fields=_TEMPLATE, verify="get_transactional_language", inverse="update_transactional_language",
        target="transactional_id",
    ),
)  # fmt: skip

_S = Group(
    "app", "sends", family="transactional",
    lane="transactional",
    families=("transactional", "messages", "customers", "activities"),
    guardrails=("explicit_send_to_unsubscribed", "sender_overrides"),
    time="send_at",
    defaults=(
        ("disable_css_preprocessing", False),
        ("disable_message_retention", False),
        ("language", None),
        ("message_data", {}),
        ("queue_draft", False),
        ("send_to_unsubscribed", True),
        ("tracked", True),
    ),
    answer_id="delivery_id",
    evidence="delivery",
    verify="list_customer_messages",
    permanent="message",
    people=("identifiers", "to", "cc", "bcc", "from", "reply_to"),
    target="transactional_message_id",
)  # fmt: skip
_SEND = (
    "auto_create:boolean disable_message_retention:boolean identifiers!:object language message_data:object "
    "queue_draft:boolean send_at:integer send_to_unsubscribed:boolean"
)
_DATA = ("message_data",)
_UNCHECKED: Columns = {"unpublished": True, "content": ("*",)}

SENDS = (
    _S.post(
        "send_email", "/v1/send/email", "Send a transactional email",
        fields=f"{_SEND} to! transactional_message_id?:integer|string attachments:object bcc body? body_amp "
        "body_plain cc disable_css_preprocessing:boolean fake_bcc:boolean from? headers preheader reply_to "
        "subject? tracked:boolean",
        content=(*_DATA, "attachments", "body", "body_amp", "body_plain", "headers", "preheader", "subject"),
    ),
    _S.post(
        "send_push", "/v1/send/push", "Send a transactional push notification",
        fields=f"{_SEND} to! transactional_message_id!:integer|string custom_data:object custom_device:object "
        "custom_payload:object image_url link message sound title",
        content=(*_DATA, "custom_data", "custom_device", "custom_payload", "image_url", "link", "message", "title"),
    ),
    _S.post(
        "send_sms", "/v1/send/sms", "Send a transactional SMS",
        fields=f"{_SEND} to! transactional_message_id!:integer|string from", content=_DATA,
    ),
    _S.post(
        "send_whatsapp", "/v1/send/whatsapp", "Send a transactional WhatsApp message", _UNCHECKED,
        fields=f"{_SEND} to tracked:boolean",
    ),
    _S.post("send_in_app", "/v1/send/in_app", "Send a transactional in-app message", _UNCHECKED, fields=_SEND),
    _S.post(
        "send_inbox_message", "/v1/send/inbox_message", "Send a transactional inbox message", _UNCHECKED,
        fields=f"{_SEND} to",
    ),
)  # fmt: skip

_L = Group("app", "live_notifications", family="live_notifications")
_LIVE: Columns = {
    **UNPUBLISHED_WRITE,
    **_MESSAGE,
    "families": ("live_notifications", "messages", "customers", "activities"),
    "evidence": "resource",
    "verify": "get_live_notification",
}

LIVE_NOTIFICATIONS = (
    _L.post("start_live_notification", "/v1/live_notifications/start", "Start a live notification", _LIVE),
    _L.post("update_live_notification", "/v1/live_notifications/update", "Update a live notification", _LIVE),
    _L.post("end_live_notification", "/v1/live_notifications/end", "End a live notification", _LIVE),
    _L.get(
        "get_live_notification", "/v1/live_notifications/{instance_id}", "Get the state of a live notification",
        UNPUBLISHED,
    ),
)  # fmt: skip

ROWS = (*CAMPAIGNS, *BROADCASTS, *NEWSLETTERS, *TRANSACTIONAL, *SENDS, *LIVE_NOTIFICATIONS)
