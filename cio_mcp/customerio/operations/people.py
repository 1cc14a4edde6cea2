"""Who receives messages: customers, what they did and were sent, segments, objects, and who must not be reached."""

from cio_mcp.customerio.operations.row import UNPUBLISHED, Columns, Group

_PAGE = "start limit:integer"
_ID_TYPE = "id_type"
_ABOUT: Columns = {"people": ("customer_id",)}

_C = Group("app", "customers", family="customers")
_CUSTOMER = "/v1/customers/{customer_id}"

CUSTOMERS = (
    _C.get("find_customers_by_email", "/v1/customers", "Find customers by email address", query="email!"),
    _C.search(
        "search_customers", "/v1/customers", "Search customers by segment and attributes",
        query=_PAGE, fields="filter!:object", people=("filter",),
    ),
    _C.search(
        "get_customers", "/v1/customers/attributes", "Get the profiles of up to 100 customers",
        query=_ID_TYPE, fields="ids!:array", people=("ids",),
    ),
    _C.get(
        "get_customer_attributes", f"{_CUSTOMER}/attributes", "Get a customer's attributes and devices", _ABOUT,
        query=_ID_TYPE,
    ),
    _C.get(
        "list_customer_relationships", f"{_CUSTOMER}/relationships", "List the objects a customer is related to",
        _ABOUT, query=f"{_PAGE} {_ID_TYPE}",
    ),
    _C.get(
        "list_customer_segments", f"{_CUSTOMER}/segments", "List the segments a customer is in", _ABOUT, query=_ID_TYPE
    ),
    _C.get(
        "list_customer_messages", f"{_CUSTOMER}/messages", "List the deliveries to a customer", _ABOUT,
        query=f"{_ID_TYPE} {_PAGE} start_ts:integer end_ts:integer",
    ),
    _C.get(
        "list_customer_activities", f"{_CUSTOMER}/activities", "List a customer's activities", _ABOUT,
        query=f"{_ID_TYPE} {_PAGE} type name",
    ),
    _C.get(
        "get_customer_subscriptions", f"{_CUSTOMER}/subscription_preferences",
        "Get the topics a customer is subscribed to", _ABOUT, query=f"{_ID_TYPE} language",
    ),
    _C.get(
        "get_customer_optouts", f"{_CUSTOMER}/optouts", "Get the senders a customer opted out of",
        UNPUBLISHED | _ABOUT, query=_ID_TYPE,
    ),
    _C.put(
        "update_customer_optouts", f"{_CUSTOMER}/optouts", "Set which senders a customer opted out of",
        UNPUBLISHED | _ABOUT, families=("customers", "optouts"), fields="optouts!:array", content=("*",),
        evidence="resource", verify="get_customer_optouts", inverse="update_customer_optouts", empty_answer=True,
    ),
)  # fmt: skip

_LOG = Group("app", "messages", family="messages")
_MESSAGE = "/v1/messages/{message_id}"

MESSAGES = (
    _LOG.get(
        "list_messages", "/v1/messages", "List deliveries of the workspace",
        query=f"{_PAGE} type metric drafts:boolean campaign_id:integer newsletter_id:integer action_id:integer "
        "start_ts:integer end_ts:integer get_tracked_responses:boolean",
    ),
    _LOG.get("get_message", _MESSAGE, "Get a delivery"),
    _LOG.get(
        "get_archived_message", f"{_MESSAGE}/archived_message", "Get the content of a delivery", lane="archived_message"
    ),
    Group("app", "activities", family="activities").get(
        "list_activities", "/v1/activities", "List the activities of all customers",
        query=f"{_PAGE} type name deleted:boolean customer_id {_ID_TYPE}",
    ),
)  # fmt: skip

_S = Group("app", "segments", family="segments")
_SEGMENT = "/v1/segments/{segment_id}"
_SEGMENT_WRITE: Columns = {
    "families": ("segments", "customers"),
    "guardrails": ("segment_membership",),
    "evidence": "resource",
    "verify": "get_segment",
}

SEGMENTS = (
    _S.get("list_segments", "/v1/segments", "List segments"),
    _S.post(
        "create_segment", "/v1/segments", "Create an empty manual segment", _SEGMENT_WRITE,
        risk="data", fields="segment!:object", content=("segment",), answer_id="segment.id", inverse="delete_segment",
        target="segment",
    ),
    _S.get("get_segment", _SEGMENT, "Get a segment"),
    _S.delete("delete_segment", _SEGMENT, "Delete a manual segment", _SEGMENT_WRITE),
    _S.get("get_segment_usage", f"{_SEGMENT}/used_by", "Get what uses a segment"),
    _S.get("count_segment_members", f"{_SEGMENT}/customer_count", "Count the customers in a segment"),
    _S.get("list_segment_members", f"{_SEGMENT}/membership", "List the customers in a segment", query=_PAGE),
)  # fmt: skip

_O = Group("app", "objects", family="objects")
_OBJECT = "/v1/objects/{object_type_id}/{object_id}"

OBJECTS = (
    _O.get("list_object_types", "/v1/object_types", "List object types", families=("object_types",)),
    _O.search(
        "search_objects", "/v1/objects", "Search objects of a type", query=_PAGE,
        fields="filter!:object object_type_id!", content=("filter",), target="object_type_id",
    ),
    _O.get("get_object_attributes", f"{_OBJECT}/attributes", "Get an object's attributes", query=_ID_TYPE),
    _O.get(
        "list_object_relationships", f"{_OBJECT}/relationships", "List the customers related to an object",
        query=f"{_PAGE} {_ID_TYPE}",
    ),
)  # fmt: skip

_E = Group("app", "suppressions", family="esp")
_SUPPRESSION = "/v1/esp/suppression/{suppression_type}/{email_address}"
_SUPPRESSION_WRITE: Columns = {
    "people": ("email_address",),
    "evidence": "resource",
    "verify": "get_email_suppression",
    "permanent": "",
}

SUPPRESSIONS = (
    _E.get(
        "get_email_suppression", "/v1/esp/search_suppression/{email_address}",
        "Get why the email provider suppresses an address", people=("email_address",),
    ),
    _E.get(
        "list_email_suppressions", "/v1/esp/suppression/{suppression_type}",
        "List the addresses that the email provider suppresses", query="limit:integer offset:integer",
    ),
    _E.get(
        "list_domain_suppressions", "/v1/esp/domains/{domain_name}/suppression/{suppression_type}",
        "List the suppressed addresses of a sending domain", UNPUBLISHED, query=f"{_PAGE} email",
    ),
    _E.post(
        "suppress_email", _SUPPRESSION, "Suppress an address at the email provider", _SUPPRESSION_WRITE,
        risk="destroy", retry="repeatable", inverse="unsuppress_email",
    ),
    _E.delete(
        "unsuppress_email", _SUPPRESSION, "Remove an address from the email provider's suppressions",
        _SUPPRESSION_WRITE, inverse="suppress_email",
    ),
    Group("app", "suppressions", family="optouts").get(
        "list_optouts", "/v1/optouts", "List who opted out of SMS and WhatsApp senders", UNPUBLISHED,
        query=f"{_PAGE} from",
    ),
)  # fmt: skip

_P = Group("app", "subscriptions", family="subscriptions")

SUBSCRIPTIONS = (
    _P.get(
        "list_topics", "/v1/subscription_topics", "List the topics people can subscribe to",
        families=("subscription_topics",),
    ),
    _P.get(
        "list_subscription_channels", "/v1/subscription_channels", "List the channels of the subscription center",
        UNPUBLISHED,
    ),
    _P.get(
        "get_subscription_center_token", "/v1/subscription_center/{customer_id}/token",
        "Get a customer's token for the subscription center", UNPUBLISHED | _ABOUT, answer_secrets=("token",),
    ),
)  # fmt: skip

ROWS = (*CUSTOMERS, *MESSAGES, *SEGMENTS, *OBJECTS, *SUPPRESSIONS, *SUBSCRIPTIONS)
