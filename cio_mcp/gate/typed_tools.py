"""The typed tools of each operation: those that do it better, and those whose rules in a policy bind it, too.

A rule about a tool would mean little if the same request could be made through `write_api`, `read_api`, or an undo.
"""

from collections.abc import Mapping

_BY_TOOL: Mapping[str, str] = {
    "find_customers": "find_customers_by_email search_customers",
    "get_customer": "get_customers get_customer_attributes list_customer_relationships list_customer_segments "
    "list_customer_activities get_customer_subscriptions",
    "update_customer": "identify_customer person_identify",
    "send_event": "track_event person_event",
    "list_campaigns": "list_campaigns list_broadcasts list_newsletters list_transactional_messages",
    "get_campaign": "get_campaign list_campaign_actions get_campaign_journeys get_broadcast list_broadcast_actions "
    "list_broadcast_triggers get_newsletter list_newsletter_contents list_newsletter_test_groups "
    "get_transactional_message list_transactional_contents",
    "get_metrics": "get_campaign_metrics get_campaign_links get_campaign_action_metrics get_broadcast_metrics "
    "get_broadcast_links get_newsletter_metrics get_newsletter_links get_transactional_metrics "
    "get_transactional_links",
    "list_messages": "list_messages list_customer_messages list_campaign_messages list_broadcast_messages "
    "list_newsletter_messages list_transactional_deliveries",
    "get_message": "get_message get_archived_message",
    "send_transactional": "send_email send_push send_sms send_whatsapp send_in_app send_inbox_message",
    "get_content": "get_campaign_action get_campaign_action_language get_broadcast_action "
    "get_broadcast_action_language get_newsletter_content get_newsletter_language get_test_group_language "
    "get_transactional_content get_transactional_language",
    "update_content": "update_campaign_action update_campaign_action_language update_broadcast_action "
    "update_broadcast_action_language update_newsletter_content update_newsletter_language "
    "update_test_group_language update_transactional_content update_transactional_language",
    "list_collections": "list_collections get_collection get_collection_content",
    "update_collection": "create_collection update_collection delete_collection update_collection_content",
    "list_snippets": "list_snippets",
    "update_snippet": "create_snippet update_snippet delete_snippet",
    "remove_customer": "delete_customer suppress_customer unsuppress_customer person_delete person_suppress "
    "person_unsuppress",
    "merge_customers": "merge_customers person_merge",
    "manage_device": "add_device delete_device person_add_device person_delete_device",
    "find_objects": "list_object_types search_objects",
    "get_object": "get_object_attributes list_object_relationships",
    "update_object": "object_identify object_delete object_add_relationships object_delete_relationships",
    "list_segments": "list_segments",
    "get_segment": "get_segment get_segment_usage count_segment_members list_segment_members",
    "get_workspace": "list_workspaces list_senders list_topics",
    "list_webhooks": "list_reporting_webhooks get_reporting_webhook",
    "update_webhook": "create_reporting_webhook update_reporting_webhook delete_reporting_webhook",
    "list_suppressions": "get_email_suppression list_email_suppressions list_domain_suppressions",
    "manage_suppression": "suppress_email unsuppress_email",
    "trigger_broadcast": "trigger_broadcast",
    "start_export": "export_customers export_deliveries",
    "get_export": "list_exports get_export download_export",
    "update_segment": "create_segment delete_segment add_to_segment remove_from_segment",
}  # fmt: skip

PREFERRED_TOOLS: Mapping[str, str] = {id_: tool for tool, ids in _BY_TOOL.items() for id_ in ids.split()}
"""The tool to prefer, by operation: it resolves names, explains, and its writes can be undone."""

_SAME_EFFECT: Mapping[str, str] = {
    "get_customer": "get_customer_optouts get_subscription_center_token list_activities",
    "update_customer": "update_customer_optouts pipelines_identify unsubscribe_delivery submit_form import_file",
    "send_event": "track_anonymous_event person_page person_screen pipelines_track pipelines_page pipelines_screen "
    "pipelines_event submit_form import_file",
    "get_metrics": "get_campaign_action_links get_broadcast_action_metrics get_broadcast_action_links "
    "get_newsletter_content_metrics get_newsletter_content_links",
    "get_campaign": "get_broadcast_trigger list_broadcast_trigger_errors",
    "update_content": "create_newsletter_language delete_newsletter_language create_newsletter_test_group "
    "create_test_group_language delete_test_group_language link_design_email publish_design_email",
    "remove_customer": "pipelines_delete_person pipelines_suppress_person pipelines_unsuppress_person",
    "merge_customers": "pipelines_alias",
    "manage_device": "pipelines_add_device pipelines_delete_device",
    "update_object": "person_add_relationships person_delete_relationships object_identify_anonymous pipelines_group "
    "pipelines_delete_relationship pipelines_delete_object import_file",
    "list_suppressions": "list_optouts",
    "get_workspace": "get_sender get_sender_usage list_subscription_channels list_ip_addresses",
}
"""Operations beside those above with which the effect of a tool, or what it reads, can be had by another way."""


def _tools_of_operations() -> dict[str, tuple[str, ...]]:
    tools: dict[str, tuple[str, ...]] = {}
    for table in (_BY_TOOL, _SAME_EFFECT):
        for tool, ids in table.items():
            for id_ in ids.split():
                tools[id_] = (*tools.get(id_, ()), tool)
    return tools


TYPED_TOOLS: Mapping[str, tuple[str, ...]] = _tools_of_operations()
"""By operation, the tools whose rules bind it by whatever tool it is requested."""
