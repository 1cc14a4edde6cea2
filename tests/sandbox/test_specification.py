"""What the sandbox answers, held against Customer.io's published App API schemas."""

import jsonschema
import pytest

from tests.published import MISSING, is_here
from tests.sandbox.sandbox_client import SandboxClient
from tests.sandbox.specification import schema_of

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not is_here("app"), reason=MISSING)]

SPAN = "start=1765000000&end=1781000000"
READS = {
    "/v1/customers?email=two%40example.com": "/v1/customers",
    "/v1/customers/ada/attributes": "/v1/customers/{customer_id}/attributes",
    "/v1/customers/eve/attributes": "/v1/customers/{customer_id}/attributes",
    "/v1/customers/ada/segments": "/v1/customers/{customer_id}/segments",
    "/v1/customers/ada/activities?limit=100": "/v1/customers/{customer_id}/activities",
    "/v1/customers/ada/relationships": "/v1/customers/{customer_id}/relationships",
    "/v1/customers/ada/subscription_preferences": "/v1/customers/{customer_id}/subscription_preferences",
    "/v1/activities?limit=100": "/v1/activities",
    "/v1/messages?limit=200&type=email": "/v1/messages",
    "/v1/segments": "/v1/segments",
    "/v1/segments/3": "/v1/segments/{segment_id}",
    "/v1/segments/2/customer_count": "/v1/segments/{segment_id}/customer_count",
    "/v1/segments/2/membership": "/v1/segments/{segment_id}/membership",
    "/v1/segments/4/used_by": "/v1/segments/{segment_id}/used_by",
    "/v1/campaigns": "/v1/campaigns",
    "/v1/campaigns/1": "/v1/campaigns/{campaign_id}",
    "/v1/campaigns/3": "/v1/campaigns/{campaign_id}",
    f"/v1/campaigns/1/metrics?version=2&res=months&{SPAN}": "/v1/campaigns/{campaign_id}/metrics",
    "/v1/campaigns/1/metrics/links": "/v1/campaigns/{campaign_id}/metrics/links",
    f"/v1/campaigns/1/journey_metrics?res=weeks&{SPAN}": "/v1/campaigns/{campaign_id}/journey_metrics",
    "/v1/campaigns/1/messages": "/v1/campaigns/{campaign_id}/messages",
    "/v1/campaigns/1/actions": "/v1/campaigns/{campaign_id}/actions",
    "/v1/campaigns/2/actions/202": "/v1/campaigns/{campaign_id}/actions/{action_id}",
    "/v1/campaigns/1/actions/101/metrics": "/v1/campaigns/{campaign_id}/actions/{action_id}/metrics",
    "/v1/campaigns/10/triggers/1": "/v1/campaigns/{broadcast_id}/triggers/{trigger_id}",
    "/v1/campaigns/10/triggers/1/errors": "/v1/campaigns/{broadcast_id}/triggers/{trigger_id}/errors",
    "/v1/broadcasts": "/v1/broadcasts",
    "/v1/broadcasts/10": "/v1/broadcasts/{broadcast_id}",
    "/v1/broadcasts/10/metrics": "/v1/broadcasts/{broadcast_id}/metrics",
    "/v1/broadcasts/10/metrics/links": "/v1/broadcasts/{broadcast_id}/metrics/links",
    "/v1/broadcasts/10/messages": "/v1/broadcasts/{broadcast_id}/messages",
    "/v1/broadcasts/10/actions": "/v1/broadcasts/{broadcast_id}/actions",
    "/v1/broadcasts/10/triggers": "/v1/broadcasts/{broadcast_id}/triggers",
    "/v1/newsletters": "/v1/newsletters",
    "/v1/newsletters/31": "/v1/newsletters/{newsletter_id}",
    "/v1/newsletters/31/metrics": "/v1/newsletters/{newsletter_id}/metrics",
    "/v1/newsletters/31/metrics/links": "/v1/newsletters/{newsletter_id}/metrics/links",
    "/v1/newsletters/31/messages": "/v1/newsletters/{newsletter_id}/messages",
    "/v1/newsletters/31/contents": "/v1/newsletters/{newsletter_id}/contents",
    "/v1/newsletters/31/contents/311": "/v1/newsletters/{newsletter_id}/contents/{content_id}",
    "/v1/newsletters/31/test_groups": "/v1/newsletters/{newsletter_id}/test_groups",
    "/v1/transactional": "/v1/transactional",
    "/v1/transactional/1": "/v1/transactional/{transactional_id}",
    "/v1/transactional/1/contents": "/v1/transactional/{transactional_id}/contents",
    "/v1/transactional/1/metrics": "/v1/transactional/{transactional_id}/metrics",
    "/v1/transactional/1/metrics/links": "/v1/transactional/{transactional_id}/metrics/links",
    "/v1/transactional/1/messages": "/v1/transactional/{transactional_id}/messages",
    "/v1/sender_identities": "/v1/sender_identities",
    "/v1/sender_identities/1": "/v1/sender_identities/{sender_id}",
    "/v1/subscription_topics": "/v1/subscription_topics",
    "/v1/workspaces": "/v1/workspaces",
    "/v1/object_types": "/v1/object_types",
    "/v1/reporting_webhooks": "/v1/reporting_webhooks",
    "/v1/esp/suppression/bounces": "/v1/esp/suppression/{suppression_type}",
}


@pytest.mark.parametrize("path", READS)
@pytest.mark.sampled(15)
async def test_an_answer_has_the_published_shape(client: SandboxClient, path: str) -> None:
    answer = await client.app(path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    if "/actions" in READS[path]:  # their ids are strings in the live service, integers in the specification
        for action in body.get("actions", [body["action"]] if "action" in body else []):
            action["id"] = int(action["id"])
    jsonschema.validate(body, schema_of(READS[path]))
    named = schema_of(READS[path]).get("properties", {})
    assert not named or named.keys() & body.keys(), "the answer holds nothing of what the schema names"


async def test_an_accepted_message_and_its_delivery_have_the_published_shape(client: SandboxClient) -> None:
    sent = await client.reset_password()
    jsonschema.validate(sent.json(), schema_of("/v1/send/email", "post"))
    number = sent.json()["delivery_id"]
    message = await client.get_json(f"/v1/messages/{number}")
    jsonschema.validate(message, schema_of("/v1/messages/{message_id}"))
    archived = await client.get_json(f"/v1/messages/{number}/archived_message")
    jsonschema.validate(archived, schema_of("/v1/messages/{message_id}/archived_message"))


async def test_a_search_has_the_published_shape(client: SandboxClient) -> None:
    everybody = {"attribute": {"field": "cio_id", "operator": "exists"}}
    found = await client.app("/v1/customers?limit=5", method="POST", json={"filter": everybody})
    jsonschema.validate(found.json(), schema_of("/v1/customers", "post"))


async def test_a_new_segment_has_the_published_shape(client: SandboxClient) -> None:
    created = await client.app("/v1/segments", method="POST", json={"segment": {"name": "Picked"}})
    jsonschema.validate(created.json(), schema_of("/v1/segments", "post"))
