"""The table of tools."""

from cio_mcp.gate.receipt import EditReceipt, JobReceipt
from cio_mcp.tools.admin.list_webhooks import list_webhooks
from cio_mcp.tools.admin.suppressions import list_suppressions, manage_suppression
from cio_mcp.tools.admin.update_webhook import update_webhook
from cio_mcp.tools.api.read_api import read_api
from cio_mcp.tools.api.search_api import search_api
from cio_mcp.tools.api.write_api import write_api
from cio_mcp.tools.bulk.import_customers import import_customers
from cio_mcp.tools.bulk.import_events import import_events
from cio_mcp.tools.bulk.jobs import cancel_job, get_job
from cio_mcp.tools.bulk.sync_segment import sync_segment
from cio_mcp.tools.content.get_content import get_content
from cio_mcp.tools.content.update_content import update_content
from cio_mcp.tools.core.campaigns import get_campaign, list_campaigns
from cio_mcp.tools.core.changes import list_changes
from cio_mcp.tools.core.comparison.compare_metrics import compare_metrics
from cio_mcp.tools.core.customers import find_customers, get_customer
from cio_mcp.tools.core.events import recent_events, wait_for_event
from cio_mcp.tools.core.explanation.explain_delivery import explain_delivery
from cio_mcp.tools.core.messages import get_message, list_messages
from cio_mcp.tools.core.metrics import get_metrics
from cio_mcp.tools.core.segments import get_segment, list_segments
from cio_mcp.tools.core.send_event import send_event
from cio_mcp.tools.core.send_transactional import send_transactional
from cio_mcp.tools.core.trigger_broadcast import trigger_broadcast
from cio_mcp.tools.core.undo.undo_change import undo_change
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.tools.core.update_segment import update_segment
from cio_mcp.tools.core.workspace import get_workspace
from cio_mcp.tools.data.list_collections import list_collections
from cio_mcp.tools.data.list_snippets import list_snippets
from cio_mcp.tools.data.update_collection import update_collection
from cio_mcp.tools.data.update_snippet import update_snippet
from cio_mcp.tools.exports.get_export import get_export
from cio_mcp.tools.exports.start_export import start_export
from cio_mcp.tools.objects.find_objects import find_objects
from cio_mcp.tools.objects.get_object import get_object
from cio_mcp.tools.objects.update_object import update_object
from cio_mcp.tools.people.manage_device import manage_device
from cio_mcp.tools.people.merge_customers import merge_customers
from cio_mcp.tools.people.remove_customer import remove_customer
from cio_mcp.tools.spec import ANY_WRITE, CONTROLS, OVERWRITES, READS, READS_OWN, WRITES, ToolSpec

TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec(find_customers, "core", "Find customers", READS, needs="app"),
    ToolSpec(get_customer, "core", "Get a customer", READS, needs="app"),
    ToolSpec(
        update_customer,
        "core",
        "Update customers",
        OVERWRITES,
        needs="track",
        classes=("data", "send"),
        receipt=EditReceipt,
    ),
    ToolSpec(send_event, "core", "Send an event", WRITES, needs="track", classes=("send",)),
    ToolSpec(list_campaigns, "core", "List campaigns", READS, needs="app"),
    ToolSpec(get_campaign, "core", "Get a campaign", READS, needs="app"),
    ToolSpec(get_metrics, "core", "Get metrics", READS, needs="app"),
    ToolSpec(compare_metrics, "core", "Compare metrics", READS, needs="app"),
    ToolSpec(list_messages, "core", "List messages", READS, needs="app"),
    ToolSpec(get_message, "core", "Get a message", READS, needs="app"),
    ToolSpec(explain_delivery, "core", "Explain a delivery", READS, needs="app"),
    ToolSpec(send_transactional, "core", "Send a transactional message", WRITES, needs="app", classes=("send",)),
    ToolSpec(trigger_broadcast, "core", "Trigger a broadcast", WRITES, needs="app", classes=("send",)),
    ToolSpec(list_segments, "core", "List segments", READS, needs="app"),
    ToolSpec(get_segment, "core", "Get a segment", READS, needs="app"),
    ToolSpec(update_segment, "core", "Update a segment", OVERWRITES, needs="both", classes=("data", "send", "destroy")),
    ToolSpec(recent_events, "core", "Recent events", READS, needs=None),
    ToolSpec(wait_for_event, "core", "Wait for an event", READS, needs=None),
    ToolSpec(get_workspace, "core", "Get the workspace", READS, needs=None),
    ToolSpec(list_changes, "core", "List changes", READS_OWN, needs=None),
    ToolSpec(undo_change, "core", "Undo a change", OVERWRITES, needs="both", receipt=EditReceipt),
    ToolSpec(
        remove_customer,
        "people",
        "Delete or suppress a customer",
        OVERWRITES,
        needs="track",
        classes=("send", "destroy"),
    ),
    ToolSpec(merge_customers, "people", "Merge customers", ANY_WRITE, needs="both", classes=("destroy",)),
    ToolSpec(manage_device, "people", "Add or remove a device", OVERWRITES, needs="track", classes=("send", "destroy")),
    ToolSpec(
        import_customers,
        "bulk",
        "Import customers",
        OVERWRITES,
        needs="track",
        classes=("data", "send"),
        receipt=JobReceipt,
    ),
    ToolSpec(import_events, "bulk", "Import events", WRITES, needs="track", classes=("send",), receipt=JobReceipt),
    ToolSpec(
        sync_segment,
        "bulk",
        "Synchronize a segment",
        OVERWRITES,
        needs="both",
        classes=("send",),
        receipt=JobReceipt,
    ),
    ToolSpec(start_export, "exports", "Start an export", WRITES, needs="app", classes=("send",)),
    ToolSpec(get_export, "exports", "Get an export", READS, needs="app"),
    ToolSpec(find_objects, "objects", "Find objects", READS, needs="app"),
    ToolSpec(get_object, "objects", "Get an object", READS, needs="app"),
    ToolSpec(
        update_object,
        "objects",
        "Update an object",
        OVERWRITES,
        needs="both",
        classes=("send", "destroy"),
        receipt=EditReceipt,
    ),
    ToolSpec(get_job, "bulk", "Get a job", READS_OWN, needs=None),
    ToolSpec(cancel_job, "bulk", "Cancel a job", CONTROLS, needs=None),
    ToolSpec(list_webhooks, "admin", "List reporting webhooks", READS, needs="app"),
    ToolSpec(update_webhook, "admin", "Update a reporting webhook", OVERWRITES, needs="app"),
    ToolSpec(list_suppressions, "admin", "List email suppressions", READS, needs="app"),
    ToolSpec(manage_suppression, "admin", "Change an email suppression", OVERWRITES, needs="app", classes=("destroy",)),
    ToolSpec(search_api, "api", "Search API operations", READS_OWN, needs=None),
    ToolSpec(read_api, "api", "Call a read operation", READS, needs="app"),
    ToolSpec(write_api, "api", "Call a write operation", ANY_WRITE, needs=None),
    ToolSpec(get_content, "content", "Get content", READS, needs="app"),
    ToolSpec(
        update_content, "content", "Update content", OVERWRITES, needs="app", classes=("send",), receipt=EditReceipt
    ),
    ToolSpec(list_collections, "data", "List collections", READS, needs="app"),
    ToolSpec(
        update_collection,
        "data",
        "Update a collection",
        OVERWRITES,
        needs="app",
        classes=("send", "destroy"),
        receipt=EditReceipt,
    ),
    ToolSpec(list_snippets, "data", "List snippets", READS, needs="app"),
    ToolSpec(
        update_snippet,
        "data",
        "Update a snippet",
        OVERWRITES,
        needs="app",
        classes=("send", "destroy"),
        receipt=EditReceipt,
    ),
)
