"""No body, however odd, makes the sandbox fail: each is accepted, or refused with a documented status and shape."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.operations import Operation
from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.api.generic import shape
from cio_mcp.sandbox.api.router import ROUTER
from tests.sandbox.operation_caller import PUBLISHED, OperationCaller
from tests.sandbox.sandbox_client import APP, TRACK

pytestmark = pytest.mark.anyio

CDP = httpx.BasicAuth("sandbox-cdp-key", "")
PERSON = {"type": "person", "identifiers": {"id": "ada"}}
OBJECT = {"type": "object", "identifiers": {"object_type_id": "1", "object_id": "acme"}}
RELATED = [{"identifiers": {"object_type_id": "1", "object_id": "acme"}, "relationship_attributes": {"role": "x"}}]
PEOPLE = [{"identifiers": {"id": "ada"}, "relationship_attributes": {"role": "x"}}]
SEND = {
    "transactional_message_id": 1, "identifiers": {"id": "ada"}, "message_data": {"a": {"b": 1}}, "send_at": 1781528400,
    "queue_draft": False, "send_to_unsubscribed": True, "disable_message_retention": False, "language": "en",
    "auto_create": False,
}  # fmt: skip
EMAIL = {
    **SEND, "to": "ada@example.com", "cc": "a@b.c", "bcc": "a@b.c", "from": "a@b.c", "reply_to": "a@b.c",
    "subject": "s", "body": "b", "body_plain": "b", "body_amp": "b", "preheader": "p", "tracked": True,
    "fake_bcc": False, "disable_css_preprocessing": False, "headers": "[]", "attachments": {"a.txt": "YQ=="},
}  # fmt: skip
PUSH = {
    **SEND, "transactional_message_id": 4, "to": "all", "title": "t", "message": "m", "image_url": "u", "link": "l",
    "sound": "default", "custom_data": {"a": "b"}, "custom_payload": {"ios": {}},
    "custom_device": {"token": "t", "platform": "ios", "last_used": 1, "attributes": {"a": "b"}},
}  # fmt: skip
EVENT = {"name": "looked", "type": "event", "id": "01J", "timestamp": 1781520000, "data": {"a": 1}}
DEVICE = {"id": "t", "platform": "ios", "last_used": 1, "attributes": {"device_os": "1"}}
PROFILE = {
    "plan": "pro", "email": "ada@example.com", "id": "ada", "created_at": 1, "_timestamp": 1781520000, "_update": True,
    "unsubscribed": False, "anonymous_id": "x", "cio_subscription_preferences": {"topics": {"topic_1": True}},
    "cio_subscription_preferences.topics.topic_2": True,
    "cio_relationships": {"action": "add_relationships", "relationships": RELATED},
}  # fmt: skip
FILTER = {"and": [{"segment": {"id": 1}}, {"not": {"attribute": {"field": "plan", "operator": "eq", "value": "x"}}}]}
TRIGGER = {
    "data": {"headline": "h"},
    "id_ignore_missing": True,
    "email_ignore_missing": True,
    "email_add_duplicates": True,
}
WEBHOOK = {
    "name": "n",
    "endpoint": "http://x.test/",
    "events": ["email_sent"],
    "disabled": True,
    "full_resolution": True,
    "with_content": True,
}
OPERATIONS: dict[str, Any] = {
    "identify": {**PERSON, "action": "identify", "attributes": PROFILE, "timestamp": 1, "cio_relationships": RELATED},
    "event": {**PERSON, "action": "event", "name": "x", "id": "01K", "timestamp": 1, "attributes": {"a": 1}},
    "relate": {**PERSON, "action": "add_relationships", "cio_relationships": RELATED},
    "unrelate": {**PERSON, "action": "delete_relationships", "cio_relationships": RELATED},
    "add_device": {**PERSON, "action": "add_device", "device": {"token": "t", "platform": "ios", "attributes": {}}},
    "delete_device": {**PERSON, "action": "delete_device", "device": {"token": "t"}},
    "merge": {"type": "person", "action": "merge", "primary": {"id": "two-1"}, "secondary": {"id": "two-2"}},
    "suppress": {"type": "person", "action": "suppress", "identifiers": {"id": "bob"}},
    "unsuppress": {"type": "person", "action": "unsuppress", "identifiers": {"id": "bob"}},
    "delete": {"type": "person", "action": "delete", "identifiers": {"id": "two-1"}},
    "object": {**OBJECT, "action": "identify", "attributes": {"name": "n"}, "cio_relationships": PEOPLE},
    "object_cio_id": {"type": "object", "identifiers": {"cio_object_id": "ob_acme"}, "action": "identify"},
    "object_relate": {**OBJECT, "action": "add_relationships", "cio_relationships": PEOPLE},
    "object_unrelate": {**OBJECT, "action": "delete_relationships", "cio_relationships": PEOPLE},
    "object_anonymous": {**OBJECT, "action": "identify_anonymous", "cio_relationships": PEOPLE},
    "object_delete": {**OBJECT, "action": "delete"},
    "delivery": {
        "type": "delivery", "action": "event", "name": "opened", "identifiers": {"id": "x"},
        "attributes": {"device_token": "t"},
    },
}  # fmt: skip
BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/customers", {"filter": FILTER}),
    ("POST", "/v1/customers/attributes", {"ids": ["ada", 1]}),
    ("POST", "/v1/segments", {"segment": {"name": "n", "description": "d"}}),
    ("POST", "/v1/campaigns/10/triggers", {**TRIGGER, "recipients": FILTER}),
    ("POST", "/v1/campaigns/10/triggers", {**TRIGGER, "ids": ["ada"]}),
    ("POST", "/v1/campaigns/10/triggers", {**TRIGGER, "emails": ["ada@example.com"]}),
    ("POST", "/v1/campaigns/10/triggers", {**TRIGGER, "per_user_data": [{"id": "ada", "data": {"text": "t"}}]}),
    ("POST", "/v1/campaigns/10/triggers", {**TRIGGER, "data_file_url": "https://x.test/"}),
    ("POST", "/v1/send/email", EMAIL),
    ("POST", "/v1/send/push", PUSH),
    ("POST", "/v1/send/whatsapp", {**SEND, "transactional_message_id": 5, "to": "+447700900001", "tracked": True}),
    ("POST", "/v1/send/in_app", {**SEND, "transactional_message_id": 6}),
    ("POST", "/v1/send/inbox_message", {**SEND, "transactional_message_id": 7}),
    ("POST", "/v1/send/sms", {**SEND, "transactional_message_id": 3, "to": "+447700900001", "from": "+447700900002"}),
    ("POST", "/v1/reporting_webhooks", WEBHOOK),
    ("PUT", "/v1/reporting_webhooks/1", WEBHOOK),
    ("DELETE", "/v1/reporting_webhooks/1", {}),
    ("DELETE", "/v1/segments/3", {}),
    ("PUT", "/api/v1/customers/ada", PROFILE),
    ("DELETE", "/api/v1/customers/two-2", {}),
    ("POST", "/api/v1/customers/bob/suppress", {}),
    ("POST", "/api/v1/customers/bob/unsuppress", {}),
    ("PUT", "/api/v1/customers/ada/devices", {"device": DEVICE}),
    ("DELETE", "/api/v1/customers/ada/devices/t", {}),
    ("POST", "/api/v1/customers/ada/events", EVENT),
    ("POST", "/api/v1/events", {**EVENT, "anonymous_id": "a"}),
    ("POST", "/api/v1/merge_customers", {"primary": {"id": "two-1"}, "secondary": {"email": "two@example.com"}}),
    ("POST", "/api/v1/segments/3/add_customers", {"ids": ["ada", 1]}),
    ("POST", "/api/v1/segments/3/remove_customers", {"ids": ["ada", 1]}),
    ("POST", "/api/v1/forms/f/submit", {"data": {"id": "ada", "town": "x"}}),
    ("POST", "/api/v1/metrics", {"delivery_id": "x", "metric": "opened", "timestamp": 1, "href": "u"}),
    ("POST", "/api/v1/push/events", {"delivery_id": "x", "event": "opened", "device_id": "t", "timestamp": 1}),
    ("POST", "/unsubscribe/x", {"unsubscribe": True}),
    *(("POST", "/api/v2/entity", operation) for operation in OPERATIONS.values()),
    ("POST", "/api/v2/batch", {"batch": [OPERATIONS["add_device"], OPERATIONS["object_relate"]]}),
    ("POST", "/v1/identify", {"userId": "ada", "anonymousId": "a", "traits": {"town": "x"}, "timestamp": "2026-06-15"}),
    ("POST", "/v1/track", {"userId": "ada", "event": "e", "properties": {"a": 1}, "timestamp": "x", "messageId": "m"}),
    ("POST", "/v1/page", {"userId": "ada", "name": "n", "properties": {"a": 1}}),
    ("POST", "/v1/screen", {"userId": "ada", "name": "n", "properties": {"a": 1}}),
    ("POST", "/v1/group", {"userId": "ada", "groupId": "g", "objectTypeId": "1", "traits": {"a": 1}}),
    ("POST", "/v1/alias", {"userId": "ada", "previousId": "b"}),
    ("POST", "/v1/batch", {"batch": [{"type": "track", "userId": "ada", "event": "e"}, {"type": "page"}]}),
]  # fmt: skip
ODD: list[Any] = [
    None, "", " ", "x", "\u0000\u202e", "\ud800", True, False, 0, -1, 1.5, 10**30, -(10**30), [], [None], [[]],
    ["a", 1], {}, {"a": None}, {"id": []}, [{}], "x" * 2000,
]  # fmt: skip
TRIED = {(method, shape(ROUTER.find(method, path).template)) for method, path, _ in BODIES}
OTHERS = [row for row in PUBLISHED if row.method != "GET" and (row.method, shape(row.route)) not in TRIED]
"""Writes without a body here, which are tried with that of `operation_requests`."""
STATUSES = {200, 204, 207, 400, 403, 404, 413, 422}
SHAPES = ({"errors"}, {"meta"})
READS = (
    "/v1/customers/ada/attributes", "/v1/customers/ada/activities?limit=100", "/v1/customers/ada/relationships",
    "/v1/customers/ada/messages", "/v1/customers/ada/subscription_preferences", "/v1/messages", "/v1/activities",
    "/v1/segments", "/v1/transactional", "/v1/reporting_webhooks", "/v1/broadcasts/10/metrics",
    "/v1/campaigns/10/triggers/4/errors", "/v1/campaigns/1/metrics", "/_sandbox/state", "/_sandbox/sends",
    "/_sandbox/events", "/_sandbox/webhooks",
)  # fmt: skip


def variants(body: Any) -> Iterator[Any]:
    """The body with each of its values, at any depth, replaced by each odd value, and without it."""
    yield from ODD
    for path in paths(body):
        for odd in ODD:
            changed = copy.deepcopy(body)
            holder = changed
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = odd
            yield changed
        changed = copy.deepcopy(body)
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        del holder[path[-1]]
        yield changed


def paths(body: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(body, dict | list):
        for key, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield (*prefix, key)
            yield from paths(value, (*prefix, key))


class Caller:
    """Sends bodies to one sandbox, and reads everything that they may have spoiled."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(seed=7, people=3, clock=StillClock(), webhook_url="http://receiver.test/")
        transport = httpx.ASGITransport(app=self.sandbox.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://sandbox")

    async def send(self, method: str, path: str, content: bytes) -> httpx.Response:
        self.sandbox.clock.advance(11)
        auth = TRACK if path.startswith("/api/") else CDP if path.split("/")[2] in PIPELINES else None
        headers = {} if auth else APP
        answer = await self.http.request(method, path, content=content, headers=headers, auth=auth)
        check(answer, content)
        return answer

    async def read_everything(self) -> None:
        for path in READS:
            self.sandbox.clock.advance(5)
            answer = await self.http.get(path, headers=APP)
            assert answer.status_code in {200, 404}, (path, answer.text)
            answer.json()


def check(answer: httpx.Response, content: bytes) -> None:
    """The status is documented, and an error has one of the documented shapes."""
    assert answer.status_code in STATUSES, (answer.request.url, content[:500], answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()) in SHAPES, (answer.request.url, answer.text)


PIPELINES = {"identify", "track", "page", "screen", "group", "alias", "batch"}


def test_every_write_route_is_tried() -> None:
    tried = TRIED | {(row.method, shape(row.route)) for row in OTHERS}
    writes = {(method, shape(template)) for method, template in ROUTER.routes if method != "GET"}
    assert writes - tried == set()


@pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=[f"{n} {m} {p}" for n, (m, p, _) in enumerate(BODIES)])
@pytest.mark.sampled(4)
async def test_no_value_of_any_field_makes_the_sandbox_fail(method: str, path: str, body: Any) -> None:
    caller = Caller()
    assert (await caller.send(method, path, json.dumps(body).encode())).status_code < 300 or path.endswith("/x")
    for number, variant in enumerate(variants(body)):
        await caller.send(method, path, json.dumps(variant).encode())
        if number % 50 == 0:
            await caller.read_everything()
    await caller.read_everything()


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row.id)
@pytest.mark.sampled(5)
async def test_no_value_of_any_field_of_another_operation_makes_the_sandbox_fail(row: Operation) -> None:
    caller = Caller()
    operations = OperationCaller(caller.sandbox, caller.http)
    await operations.prepare(row)
    for variant in (operations.body_of(row), *variants(operations.body_of(row))):
        content = json.dumps(variant).encode()
        check(await operations.send(row, content=content), content)
    await caller.read_everything()
    for read in (one for one in PUBLISHED if one.method == "GET" and one.domain == row.domain):
        if operations.values.keys() >= set(read.path_parameters):
            assert (await operations.send(read)).status_code < 500


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe{", b"[" * 100_000, b'{"a":' * 100_000, b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}',
     b"9" * 10_000, b'{"a": "\\ud800"}', b"\x00", b"null", b'"x"', b"[" * 150 + b"]" * 150],
)  # fmt: skip
async def test_no_content_makes_the_sandbox_fail(content: bytes) -> None:
    caller = Caller()
    for method, path, _ in BODIES:
        await caller.send(method, path, content)
    await caller.read_everything()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


requests = st.sampled_from(BODIES).flatmap(
    lambda row: st.tuples(
        st.just(row[:2]),
        st.fixed_dictionaries({}, optional=dict.fromkeys(row[2], values)).map(lambda odd: row[2] | odd),
    )
)


@given(drawn=st.lists(requests, min_size=1, max_size=5))
def test_no_combination_of_odd_values_makes_the_sandbox_fail(drawn: list[tuple[tuple[str, str], Any]]) -> None:
    async def send() -> None:
        caller = Caller()
        for (method, path), body in drawn:
            await caller.send(method, path, json.dumps(body).encode())
        await caller.read_everything()

    anyio.run(send)
