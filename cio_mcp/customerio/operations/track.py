"""The Track API: what happens to people and objects. Version 2 takes any action on one route, and batches of them."""

from typing import Unpack

from cio_mcp.customerio.operations.row import EVERYTHING, NO_COLUMNS, Columns, Group, Operation

_PEOPLE = ("customers", "segments", "messages", "activities")
"""The cache families that a write about a person may change."""

_MAKES = (*_PEOPLE, "objects")

_C = Group("track", "customers", family="customers", families=_PEOPLE)
_CUSTOMER = "/api/v1/customers/{identifier}"
_ABOUT: Columns = {"people": ("identifier",)}
_ATTRIBUTES = ("phone", "cio_id")
"""Identifiers that a profile write may set beside those that are published as fields."""

CUSTOMERS = (
    _C.put(
        "identify_customer", _CUSTOMER, "Set attributes of a customer, who is created if new", _ABOUT,
        risk="data", families=_MAKES,
        fields="_timestamp:integer _update:boolean anonymous_id cio_relationships:object "
        "cio_subscription_preferences:object created_at:integer email id unsubscribed:boolean *:any",
        generated=("_timestamp",), guardrails=("creation",), evidence="attributes", verify="get_customer_attributes",
        inverse="identify_customer", updates_only="_update", content=("*",),
        people=("identifier", "id", "email", "anonymous_id", *_ATTRIBUTES),
    ),
    _C.delete(
        "delete_customer", _CUSTOMER, "Delete a customer", _ABOUT, evidence="resource",
        verify="get_customer_attributes",
    ),
    _C.put(
        "add_device", f"{_CUSTOMER}/devices", "Add or update a customer's device", _ABOUT, risk="data",
        fields="device!:object", guardrails=("creation",), evidence="resource", verify="get_customer_attributes",
        content=("device",),
    ),
    _C.delete(
        "delete_device", _CUSTOMER + "/devices/{device_id}", "Remove a customer's device", _ABOUT, evidence="resource",
        verify="get_customer_attributes",
    ),
    _C.post(
        "suppress_customer", f"{_CUSTOMER}/suppress", "Delete a customer and block the identifiers", _ABOUT,
        risk="destroy", retry="repeatable", evidence="resource", verify="get_customer_attributes", permanent="removal",
    ),
    _C.post(
        "unsuppress_customer", f"{_CUSTOMER}/unsuppress", "Allow the identifiers of a suppressed customer again",
        _ABOUT, retry="repeatable",
    ),
    _C.post(
        "merge_customers", "/api/v1/merge_customers", "Merge one customer into another and delete it",
        risk="destroy", families=(EVERYTHING,), fields="primary!:object secondary!:object", evidence="resource",
        verify="get_customer_attributes", permanent="merge", people=("primary", "secondary"), target="secondary",
    ),
    _C.post(
        "unsubscribe_delivery", "/unsubscribe/{delivery_id}", "Unsubscribe the person a delivery went to",
        retry="repeatable", fields="unsubscribe:boolean", evidence="resource", verify="get_message",
    ),
)  # fmt: skip

_E = Group("track", "events", family="customers", families=_PEOPLE)
_EVENT: Columns = {
    "retry": "repeatable",
    "generated": ("id",),
    "event_id": "id",
    "event_data": "data",
    "time": "timestamp",
    "guardrails": ("creation", "reserved_event_keys"),
    "evidence": "activity",
    "permanent": "event",
    "content": ("data",),
    "defaults": (("data", {}),),
}
"""An event carries an id that this server makes: Customer.io ignores a second one, so a request may be repeated."""

_METRIC: Columns = {
    "families": (EVERYTHING,),
    "permanent": "event",
    "evidence": "resource",
    "verify": "get_message",
    "empty_answer": True,
}

EVENTS = (
    _E.post(
        "track_event", f"{_CUSTOMER}/events", "Record an event of a customer", _EVENT,
        fields="anonymous_id? data:object id name! timestamp:integer type?", verify="list_customer_activities",
        people=("identifier", "anonymous_id"), target="identifier",
    ),
    _E.post(
        "track_anonymous_event", "/api/v1/events", "Record an event of an anonymous person", _EVENT,
        fields="anonymous_id data:object id name! timestamp:integer type?", verify="list_activities",
        people=("anonymous_id",), target="name",
    ),
    _E.post(
        "report_metric", "/api/v1/metrics", "Report a delivery event", _METRIC,
        fields="delivery_id! href metric! reason recipient:integer|string timestamp:integer",
        people=("recipient",), target="delivery_id",
    ),
    _E.post(
        "report_push_metric", "/api/v1/push/events", "Report an event of a push notification", _METRIC,
        fields="delivery_id device_id event timestamp:integer", people=("device_id",), target="delivery_id",
    ),
    _E.post(
        "submit_form", "/api/v1/forms/{form_id}/submit", "Submit a form for a person, who is created if new",
        fields="data!:object", guardrails=("creation",), permanent="event", people=("data",), content=("data",),
        empty_answer=True,
    ),
)  # fmt: skip

_S = Group("track", "segments", family="segments", families=("segments", "customers"))
_MEMBERS: Columns = {
    "retry": "repeatable",
    "query": "id_type",
    "fields": "ids!:array",
    "guardrails": ("segment_membership",),
    "evidence": "membership",
    "verify": "list_segment_members",
    "people": ("ids",),
}

SEGMENTS = (
    _S.post(
        "add_to_segment", "/api/v1/segments/{segment_id}/add_customers", "Add customers to a manual segment", _MEMBERS,
        inverse="remove_from_segment",
    ),
    _S.post(
        "remove_from_segment", "/api/v1/segments/{segment_id}/remove_customers",
        "Remove customers from a manual segment", _MEMBERS, inverse="add_to_segment",
    ),
)  # fmt: skip

REGION = Group("track", "account", family="accounts").get(
    "get_region", "/api/v1/accounts/region", "Get the region and workspace of the Track key"
)

_ENTITY_FIELDS = (
    "action! attributes?:object cio_relationships?:array device?:object id identifiers?:object name? "
    "primary?:object secondary?:object timestamp:integer type!"
)
_V2 = Group("track", "entities", family="customers", families=(EVERYTHING,))
_ENTITY: Columns = {
    "fields": _ENTITY_FIELDS,
    "people": ("identifiers", "primary", "secondary"),
    "content": ("attributes", "cio_relationships", "device"),
    "target": "identifiers",
}
_UNKNOWN: Columns = {
    "risk": "destroy",
    "guardrails": ("creation", "reserved_event_keys", "segment_membership"),
}
"""What is assumed of a request on a shared route until its action is known: the worst."""

ENTITIES = (
    _V2.post("apply_entity", "/api/v2/entity", "Apply one action to a person, object, or delivery", _ENTITY | _UNKNOWN),
    _V2.post(
        "apply_batch", "/api/v2/batch", "Apply many actions to people, objects, and deliveries", _UNKNOWN,
        fields="batch:array", people=(EVERYTHING,), content=("batch",), elements="batch",
    ),
)  # fmt: skip


_KEYS = "type! action!"
_ABOUT_PERSON: Columns = {"people": ("identifiers", "primary", "secondary"), "families": _MAKES}
_ABOUT_OBJECT: Columns = {"people": ("cio_relationships",), "families": ("objects", "customers", "segments")}
_PROFILE: Columns = {"evidence": "resource", "verify": "get_customer_attributes"}
_RELATED = f"{_KEYS} identifiers!:object cio_relationships!:array"
_V2_EVENT: Columns = {
    **_EVENT,
    "fields": f"{_KEYS} identifiers!:object name! id timestamp:integer attributes:object",
    "event_data": "attributes",
    "verify": "list_customer_activities",
    "content": ("attributes",),
    "defaults": (("attributes", {}),),
    "families": _PEOPLE,
}


def _person(action: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]) -> Operation:
    when = (("type", "person"), ("action", action))
    common: Columns = {
        **_ENTITY,
        **_ABOUT_PERSON,
        "retry": "repeatable",
        "fields": f"{_KEYS} identifiers!:object",
        "when": when,
    }
    return _V2.post(f"person_{action}", "/api/v2/entity", summary, common | preset | columns)


def _object(action: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]) -> Operation:
    when = (("type", "object"), ("action", action))
    common: Columns = {
        **_ENTITY,
        **_ABOUT_OBJECT,
        "retry": "repeatable",
        "fields": f"{_KEYS} identifiers:object",
        "when": when,
    }
    return _V2.post(f"object_{action}", "/api/v2/entity", summary, common | preset | columns)


ACTIONS = (
    _person(
        "identify", "Set attributes of a customer, who is created if new", risk="data",
        fields=f"{_KEYS} identifiers!:object timestamp:integer attributes:object cio_relationships:array",
        generated=("timestamp",), guardrails=("creation",), evidence="attributes", verify="get_customer_attributes",
        inverse="person_identify", updates_only="attributes._update",
        people=("identifiers", *(f"attributes.{name}" for name in ("id", "email", *_ATTRIBUTES))),
    ),
    _person("delete", "Delete a customer", _PROFILE, risk="destroy", permanent="removal"),
    _person("event", "Record an event of a customer", _V2_EVENT),
    _person("page", "Record a page view of a customer", _V2_EVENT),
    _person("screen", "Record a screen view of a customer", _V2_EVENT),
    _person(
        "add_relationships", "Relate a customer to objects", fields=_RELATED, guardrails=("creation",),
        evidence="resource", verify="list_customer_relationships", inverse="person_delete_relationships",
    ),
    _person(
        "delete_relationships", "Remove relations of a customer to objects", risk="destroy", fields=_RELATED,
        evidence="resource", verify="list_customer_relationships", inverse="person_add_relationships",
    ),
    _person(
        "add_device", "Add or update a customer's device", _PROFILE, risk="data", guardrails=("creation",),
        fields=f"{_KEYS} identifiers!:object device!:object",
    ),
    _person(
        "delete_device", "Remove a customer's device", _PROFILE, risk="destroy", permanent="removal",
        fields=f"{_KEYS} identifiers!:object device!:object",
    ),
    _person(
        "merge", "Merge one customer into another and delete it", _PROFILE, risk="destroy", retry="once",
        fields=f"{_KEYS} primary!:object secondary!:object", permanent="merge", families=(EVERYTHING,),
        target="secondary",
    ),
    _person(
        "suppress", "Delete a customer and block the identifiers", _PROFILE, risk="destroy", permanent="removal"
    ),
    _person("unsuppress", "Allow the identifiers of a suppressed customer again"),
    _object(
        "identify", "Set attributes and relations of an object, which is created if new",
        fields=f"{_KEYS} identifiers!:object attributes:object cio_relationships:array", guardrails=("creation",),
        evidence="attributes", verify="get_object_attributes", inverse="object_identify",
    ),
    _object(
        "identify_anonymous", "Set attributes of an object and relate it to an anonymous person",
        fields=f"{_KEYS} identifiers!:object attributes:object cio_relationships:array", guardrails=("creation",),
        evidence="attributes", verify="get_object_attributes",
    ),
    _object(
        "delete", "Delete an object", risk="destroy", permanent="removal", evidence="resource",
        verify="get_object_attributes",
    ),
    _object(
        "add_relationships", "Relate an object to customers", fields=f"{_KEYS} identifiers:object "
        "cio_relationships!:array", guardrails=("creation",), evidence="resource", verify="list_object_relationships",
        inverse="object_delete_relationships",
    ),
    _object(
        "delete_relationships", "Remove relations of an object to customers", risk="destroy",
        fields=f"{_KEYS} identifiers:object cio_relationships!:array", evidence="resource",
        verify="list_object_relationships", inverse="object_add_relationships",
    ),
    _V2.post(
        "delivery_event", "/api/v2/entity", "Report a delivery event", _METRIC,
        fields=f"{_KEYS} identifiers!:object name! attributes!:object", content=("attributes",), target="identifiers",
        empty_answer=False,
        when=(("type", "delivery"), ("action", "event")),
    ),
)  # fmt: skip
"""A row for each action of `/api/v2/entity`, alone or in a batch."""

ROWS = (*CUSTOMERS, *EVENTS, *SEGMENTS, REGION, *ENTITIES, *ACTIONS)
