"""Arguments for every public method of customerio-node. `{name}` is the ID of what `prepared` makes."""

from typing import Any

from tests.sandbox.operation_requests import BODY, EMAIL, EVERYBODY, METRIC, PROFILE, SEND, WEBHOOK

DAY = 86_400
SPAN = {"start": 1765000000, "end": 1781000000, "res": "weeks"}
NEW = "$new"
"""The class of an object to make, from the arguments beside it."""
NAMED = {"name": "New name"}
TEXT = {"name": "Picnic"}


def _request(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {NEW: kind, "arguments": [body]}


TRACK: dict[str, list[Any]] = {
    "identify": ["new", {"email": "new@example.com"}],
    "destroy": ["bob"],
    "suppress": ["bob"],
    "unsuppress": ["gone"],
    "track": ["ada", {"name": "order_placed", "data": {"order_id": "A-1"}}],
    "trackAnonymous": ["a-1", {"name": "seen"}],
    "trackPageView": ["ada", "https://acme.example/" + "x" * 100],
    "trackPush": [{"delivery_id": "unknown", "device_id": "d", "event": "opened", "timestamp": DAY}],
    "addDevice": ["ada", "phone", "ios", {"last_used": DAY, "device_os": "1"}],
    "deleteDevice": ["ada", "device-ada-1"],
    "batch": [[PROFILE]],
    "mergeCustomers": ["id", "two-1", "id", "two-2"],
    "getAccountRegion": [],
    "entity": [PROFILE],
    "addCustomersToSegment": [3, ["bob"], "id"],
    "removeCustomersFromSegment": [3, ["ada"]],
    "submitForm": ["signup", BODY["submit_form"]["data"]],
    "reportMetric": [METRIC],
    "unsubscribe": ["{delivery}"],
}
SENDS: dict[str, list[Any]] = {
    "sendEmail": [_request("SendEmailRequest", BODY["send_email"])],
    "sendPush": [_request("SendPushRequest", BODY["send_push"])],
    "sendSMS": [_request("SendSMSRequest", BODY["send_sms"])],
    "sendWhatsApp": [_request("SendWhatsAppRequest", {**SEND, "transactional_message_id": 5})],
    "sendInboxMessage": [_request("SendInboxMessageRequest", BODY["send_inbox_message"])],
    "sendInApp": [_request("SendInAppRequest", BODY["send_in_app"])],
    "triggerBroadcast": [10, {"headline": "News", "text": "More"}, {"segment": {"id": 2}}],
}
PEOPLE: dict[str, list[Any]] = {
    "getCustomersByEmail": ["two@example.com"],
    "getAttributes": ["ada"],
    "getCustomerActivities": ["ada", {"limit": 5}],
    "getCustomerMessages": ["ada", {"start_ts": DAY}],
    "getCustomerRelationships": ["ada"],
    "getCustomerSegments": ["ada", "id"],
    "getCustomerSubscriptionPreferences": ["ada", {"language": "en"}],
    "searchCustomers": [EVERYBODY, {"limit": 2}],
    "getCustomersAttributes": [["ada", "bob"]],
    "getObjectAttributes": [1, "acme"],
    "getObjectRelationships": [1, "acme", {"limit": 2}],
    "findObjects": [1, BODY["search_objects"]["filter"], {"limit": 2}],
    "listObjectTypes": [],
    "listActivities": [{"type": "event", "limit": 5}],
    "listSegments": [],
    "createSegment": [{"name": "Picked", "description": "By hand"}],
    "getSegment": [2],
    "deleteSegment": ["{segment}"],
    "getSegmentCustomerCount": [2],
    "getSegmentMembership": [2, {"limit": 2}],
    "getSegmentUsedBy": [2],
    "listSubscriptionTopics": [],
    "listSubscriptionChannels": [],
    "getSubscriptionCenterToken": ["ada"],
}
SOURCES: dict[str, list[Any]] = {
    "listTransactionalMessages": [],
    "getTransactionalMessage": [2],
    "getTransactionalMessageContents": [2],
    "getTransactionalMessageLanguage": [2, "de"],
    "updateTransactionalMessageLanguage": [2, "de", EMAIL],
    "getTransactionalMessageDeliveries": [2, {"metric": "sent"}],
    "getTransactionalMessageMetrics": [2, {"period": "days", "steps": 3}],
    "getTransactionalMessageLinkMetrics": [2, {"unique": True}],
    "updateTransactionalMessageContent": [2, 21, EMAIL],
    "listCampaigns": [],
    "getCampaign": [1],
    "getCampaignActions": [1],
    "getCampaignAction": [1, 101],
    "updateCampaignAction": [1, 101, EMAIL],
    "getCampaignActionLanguage": [1, 101, "de"],
    "updateCampaignActionLanguage": [1, 101, "de", EMAIL],
    "getCampaignActionMetrics": [1, 101, {"version": "2", **SPAN}],
    "getCampaignActionMetricsLinks": [1, 101],
    "getCampaignMetrics": [1, {"version": "2", **SPAN}],
    "getCampaignMetricsLinks": [1],
    "getCampaignJourneyMetrics": [1, SPAN],
    "getCampaignMessages": [1, {"type": "email"}],
    "getBroadcastTriggerStatus": [10, 1],
    "getBroadcastTriggerErrors": [10, 1, {"limit": 2}],
    "listBroadcasts": [],
    "getBroadcast": [10],
    "getBroadcastActions": [10],
    "getBroadcastAction": [10, 1001],
    "updateBroadcastAction": [10, 1001, EMAIL],
    "getBroadcastActionLanguage": [10, 1001, "de"],
    "updateBroadcastActionLanguage": [10, 1001, "de", EMAIL],
    "getBroadcastActionMetrics": [10, 1001],
    "getBroadcastActionMetricsLinks": [10, 1001],
    "getBroadcastMetrics": [10, {"period": "weeks", "steps": 2}],
    "getBroadcastMetricsLinks": [10],
    "getBroadcastMessages": [10, {"type": "email"}],
    "getBroadcastTriggers": [10],
}
NEWSLETTERS: dict[str, list[Any]] = {
    "listNewsletters": [{"limit": 2, "sort": "desc"}],
    "createNewsletter": [BODY["create_newsletter"]],
    "getNewsletter": [31],
    "deleteNewsletter": ["{newsletter}"],
    "getNewsletterContents": [31],
    "getNewsletterContent": [31, 311],
    "updateNewsletterContent": [31, 311, EMAIL],
    "getNewsletterContentMetrics": [31, 311],
    "getNewsletterContentMetricsLinks": [31, 311],
    "getNewsletterMetrics": [31],
    "getNewsletterMetricsLinks": [31],
    "getNewsletterMessages": [31, {"type": "inbox"}],
    "sendNewsletter": ["{newsletter}"],
    "scheduleNewsletter": ["{newsletter}", BODY["schedule_newsletter"]],
    "createNewsletterLanguage": ["{newsletter}", BODY["create_newsletter_language"]],
    "getNewsletterLanguage": ["{newsletter}", "{newsletter_fr}"],
    "updateNewsletterLanguage": ["{newsletter}", "{newsletter_fr}", EMAIL],
    "deleteNewsletterLanguage": ["{newsletter}", "{newsletter_fr}"],
    "getNewsletterTestGroups": [31],
    "createNewsletterTestGroup": ["{newsletter}"],
    "createNewsletterTestGroupLanguage": ["{newsletter}", "{group}", BODY["create_test_group_language"]],
    "getNewsletterTestGroupLanguage": ["{newsletter}", "{group}", "{group_fr}"],
    "updateNewsletterTestGroupLanguage": ["{newsletter}", "{group}", "{group_fr}", EMAIL],
    "deleteNewsletterTestGroupLanguage": ["{newsletter}", "{group}", "{group_fr}"],
}
DESIGN: dict[str, list[Any]] = {
    "listDesignStudioFolders": [{"limit": 2, "sortBy": "name"}],
    "createDesignStudioFolder": [TEXT],
    "getDesignStudioFolder": ["{folder}"],
    "updateDesignStudioFolder": ["{folder}", NAMED],
    "deleteDesignStudioFolder": ["{folder}"],
    "listDesignStudioEmails": [{"parentFolderId": "{folder}", "isLinked": "any"}],
    "createDesignStudioEmail": [BODY["create_design_email"]],
    "getDesignStudioEmail": ["{email}"],
    "updateDesignStudioEmail": ["{email}", NAMED],
    "deleteDesignStudioEmail": ["{email}"],
    "listDesignStudioEmailLanguages": ["{email}"],
    "createDesignStudioEmailLanguage": ["{email}", BODY["create_design_email_language"]],
    "getDesignStudioEmailLanguage": ["{email}", "{email_fr}"],
    "updateDesignStudioEmailLanguage": ["{email}", "{email_fr}", {"content": {"subject": "Bonjour"}}],
    "deleteDesignStudioEmailLanguage": ["{email}", "{email_fr}"],
    "listDesignStudioComponents": [{"tag": "x-button"}],
    "createDesignStudioComponent": [BODY["create_component"]],
    "getDesignStudioComponent": ["{component}"],
    "updateDesignStudioComponent": ["{component}", NAMED],
    "deleteDesignStudioComponent": ["{component}"],
    "listAssets": [{"directDescendantsOnly": True}],
    "createAsset": [{"data": "pixels", "filename": "logo.png", "name": "Logo"}],
    "getAsset": ["{asset}"],
    "updateAsset": ["{asset}", NAMED],
    "deleteAsset": ["{asset}"],
    "listAssetFolders": [],
    "createAssetFolder": [TEXT],
    "getAssetFolder": ["{asset_folder}"],
    "updateAssetFolder": ["{asset_folder}", NAMED],
    "deleteAssetFolder": ["{asset_folder}"],
}
DATA: dict[str, list[Any]] = {
    "listExports": [],
    "getExport": ["{export}"],
    "downloadExport": ["{export}"],
    "createCustomersExport": [{"segment": {"id": 2}}],
    "createDeliveriesExport": [31, {"metric": "sent", "attributes": ["plan"]}],
    "createImport": [BODY["import_file"]["import"]],
    "getImport": ["{import}"],
    "batchUpdateAttributes": [BODY["describe_attributes"]["attributes"]],
    "batchUpdateEvents": [BODY["describe_events"]["events"]],
    "listCollections": [],
    "createCollection": [BODY["create_collection"]],
    "getCollection": ["{collection}"],
    "updateCollection": ["{collection}", NAMED],
    "deleteCollection": ["{collection}"],
    "getCollectionContent": ["{collection}"],
    "updateCollectionContent": ["{collection}", [TEXT]],
    "getSnippets": [],
    "createSnippet": [{"name": "greeting", "value": "Hello"}],
    "updateSnippet": [{"name": "greeting", "value": "Hello"}],
    "deleteSnippet": ["{snippet}"],
}
ACCOUNT: dict[str, list[Any]] = {
    "searchSuppression": ["eve@example.com"],
    "getSuppressions": ["bounces", {"limit": 2, "domain": "example.com"}],
    "getDomainSuppressions": ["example.com", "bounces"],
    "createSuppression": ["bounces", "new@example.com"],
    "deleteSuppression": ["bounces", "{suppressed}"],
    "listReportingWebhooks": [],
    "createReportingWebhook": [WEBHOOK],
    "getReportingWebhook": ["{webhook}"],
    "updateReportingWebhook": ["{webhook}", {"disabled": True}],
    "deleteReportingWebhook": ["{webhook}"],
    "getSenderIdentities": [{"sort": "desc", "hidden": False}],
    "getSenderIdentity": [1],
    "getSenderIdentityUsedBy": [1],
    "getMessages": [{"campaign_id": 1, "associations": True}],
    "getMessage": ["{delivery}", {"archived_message": True}],
    "getArchivedMessage": ["{delivery}"],
    "listWorkspaces": [],
    "getIpAddresses": [],
}
PIPELINES: dict[str, list[Any]] = {
    kind: [BODY[f"pipelines_{kind}"]] for kind in ("identify", "track", "page", "screen", "group", "alias")
} | {"batch": [BODY["pipelines_batch"]["batch"]]}

CALLS: dict[str, dict[str, list[Any]]] = {
    "TrackClient": TRACK,
    "APIClient": SENDS | PEOPLE | SOURCES | NEWSLETTERS | DESIGN | DATA | ACCOUNT,
    "PipelinesClient": PIPELINES,
}
HELPERS = {"APIClient.resourceBase", "PipelinesClient.envelope"}
"""Methods that send nothing."""
DISAGREEMENTS: dict[str, tuple[int, str]] = {
    "APIClient.getCampaignJourneyMetrics": (400, "sends `resolution`, where the specification requires `res`"),
}
"""Methods that the sandbox refuses as the specification does: the status, and why."""
