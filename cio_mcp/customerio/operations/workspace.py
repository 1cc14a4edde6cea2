"""The workspace: bulk work, data that messages use, reporting webhooks, senders, and the account."""

from cio_mcp.customerio.operations.row import EVERYTHING, UNPUBLISHED_WRITE, Columns, Group

_PAGE = "start limit:integer"

_X = Group("app", "exports", family="exports")
_EXPORT: Columns = {
    "answer_id": "export.id", "evidence": "resource", "verify": "get_export", "guardrails": ("data_export",),
}  # fmt: skip
"""A file of personal data for anyone with the account or the link to it; each request creates another one."""

EXPORTS = (
    _X.get("list_exports", "/v1/exports", "List exports"),
    _X.get("get_export", "/v1/exports/{export_id}", "Get the state of an export"),
    _X.get(
        "download_export", "/v1/exports/{export_id}/download", "Get a link to the file of an export, valid 15 minutes",
        answer_secrets=("url",),
    ),
    _X.post(
        "export_customers", "/v1/exports/customers", "Export customers to a file", _EXPORT,
        fields="filters!:object attributes:array", people=("filters",), target="filters",
    ),
    _X.post(
        "export_deliveries", "/v1/exports/deliveries", "Export deliveries to a file", _EXPORT,
        fields="action_id?:integer attributes:array campaign_id?:integer drafts:boolean end:integer metric "
        "newsletter_id?:integer start:integer template_id:integer transactional_message_id?:integer",
    ),
)  # fmt: skip

_I = Group("app", "imports", family="imports")

IMPORTS = (
    _I.post(
        "import_file", "/v1/imports", "Import customers, events, objects, or relationships from a file",
        families=(EVERYTHING,), fields="import!:object", guardrails=("creation", "segment_membership"),
        answer_id="import.id", evidence="resource", verify="get_import",
        content=("import",), secrets=("import.data_file_url",), target="import",
    ),
    _I.get(
        "get_import", "/v1/imports/{import_id}", "Get the state of an import",
        answer_secrets=("error_download_url", "warning_download_url"),
    ),
)  # fmt: skip

_C = Group("app", "collections", family="collections")
_COLLECTION = "/v1/collections/{collection_id}"
_ROWS: Columns = {"fields": "data:array name url", "content": ("data", "name"), "secrets": ("url",)}

COLLECTIONS = (
    _C.get("list_collections", "/v1/collections", "List collections", answer_secrets=("url",)),
    _C.post(
        "create_collection", "/v1/collections", "Create a collection", _ROWS, fields="data?:array name! url?",
        answer_id="collection.id", evidence="resource", verify="get_collection", inverse="delete_collection",
        target="name",
    ),
    _C.get(
        "get_collection", _COLLECTION, "Get a collection's name, size, and columns", answer_secrets=("url",)
    ),
    _C.put(
        "update_collection", _COLLECTION, "Rename a collection or replace its rows", _ROWS,
        evidence="resource", verify="get_collection", inverse="update_collection",
    ),
    _C.delete(
        "delete_collection", _COLLECTION, "Delete a collection", evidence="resource", verify="get_collection"
    ),
    _C.get("get_collection_content", f"{_COLLECTION}/content", "Get the rows of a collection", answer_list="data"),
    _C.put(
        "update_collection_content", f"{_COLLECTION}/content", "Replace the rows of a collection",
        fields="*:any", content=("*",), evidence="resource", verify="get_collection_content",
        inverse="update_collection_content",
    ),
)  # fmt: skip

_N = Group("app", "snippets", family="snippets")
_SNIPPET: Columns = {"evidence": "resource", "verify": "list_snippets", "target": "name"}

SNIPPETS = (
    _N.get("list_snippets", "/v1/snippets", "List snippets"),
    _N.post(
        "create_snippet", "/v1/snippets", "Create a snippet", UNPUBLISHED_WRITE | _SNIPPET, inverse="delete_snippet"
    ),
    _N.put(
        "update_snippet", "/v1/snippets", "Create or replace a snippet", _SNIPPET,
        fields="name! updated_at:integer value!", content=("value",), inverse="update_snippet",
    ),
    _N.delete(
        "delete_snippet", "/v1/snippets/{snippet_name}", "Delete a snippet", evidence="resource", verify="list_snippets"
    ),
)  # fmt: skip

_D = Group("app", "data_index", family="data_index", families=())

DATA_INDEX = (
    _D.post(
        "describe_attributes", "/v1/data_index/attributes", "Describe attributes in the data index",
        risk="data", retry="repeatable", fields="attributes!:array", content=("attributes",), target="attributes",
        empty_answer=True,
    ),
    _D.post(
        "describe_events", "/v1/data_index/events", "Describe events in the data index",
        risk="data", retry="repeatable", fields="events!:array", content=("events",), target="events",
        empty_answer=True,
    ),
)  # fmt: skip

_W = Group("app", "reporting_webhooks", family="reporting_webhooks")
_WEBHOOK = "/v1/reporting_webhooks/{webhook_id}"
_ENDPOINT: Columns = {
    "fields": "disabled:boolean endpoint! events!:array full_resolution:boolean id:integer name! with_content:boolean",
    "evidence": "resource",
    "verify": "get_reporting_webhook",
    "answer_id": "id",
    "secrets": ("endpoint",),
    "answer_secrets": ("endpoint",),
}

REPORTING_WEBHOOKS = (
    _W.get(
        "list_reporting_webhooks", "/v1/reporting_webhooks", "List reporting webhooks", answer_secrets=("endpoint",)
    ),
    _W.post(
        "create_reporting_webhook", "/v1/reporting_webhooks", "Create a reporting webhook", _ENDPOINT,
        inverse="delete_reporting_webhook", target="name",
    ),
    _W.get("get_reporting_webhook", _WEBHOOK, "Get a reporting webhook", answer_secrets=("endpoint",)),
    _W.put(
        "update_reporting_webhook", _WEBHOOK, "Replace a reporting webhook", _ENDPOINT,
        risk="data", inverse="update_reporting_webhook",
    ),
    _W.delete(
        "delete_reporting_webhook", _WEBHOOK, "Delete a reporting webhook",
        evidence="resource", verify="get_reporting_webhook",
    ),
)  # fmt: skip

_S = Group("app", "senders", family="sender_identities")
_SENDER = "/v1/sender_identities/{sender_id}"

SENDERS = (
    _S.get("list_senders", "/v1/sender_identities", "List senders", query=f"{_PAGE} sort"),
    _S.get("get_sender", _SENDER, "Get a sender"),
    _S.get("get_sender_usage", f"{_SENDER}/used_by", "Get what uses a sender"),
)

ACCOUNT = (
    Group("app", "account", family="workspaces").get(
        "list_workspaces", "/v1/workspaces", "List the workspaces of the account"
    ),
    Group("app", "account", family="info").get(
        "list_ip_addresses", "/v1/info/ip_addresses", "List the addresses that Customer.io sends requests from"
    ),
)

ROWS = (
    *EXPORTS,
    *IMPORTS,
    *COLLECTIONS,
    *SNIPPETS,
    *DATA_INDEX,
    *REPORTING_WEBHOOKS,
    *SENDERS,
    *ACCOUNT,
)
