"""Assets and Design Studio: files, folders, components, and emails. Their schemas were not available."""

from cio_mcp.customerio.operations.row import UNPUBLISHED, UNPUBLISHED_WRITE, Columns, Group

_PAGES: Columns = {"unpublished": True, "query": "page:integer limit:integer"}

_A = Group("app", "assets", family="assets")
_FILE = "/v1/assets/files/{id}"
_ASSET_FOLDER = "/v1/assets/folders/{id}"


def _shown_by(verify: str, *, inverse: str = "") -> Columns:
    """A write without a published body whose effect another operation shows."""
    return {**UNPUBLISHED_WRITE, "evidence": "resource", "verify": verify, "inverse": inverse}


def _gone_from(verify: str) -> Columns:
    return {**UNPUBLISHED, "evidence": "resource", "verify": verify}


ASSETS = (
    _A.get("list_assets", "/v1/assets", "List files", _PAGES),
    _A.post("create_asset", "/v1/assets/files", "Upload a file", _shown_by("list_assets", inverse="delete_asset")),
    _A.get("get_asset", _FILE, "Get a file", UNPUBLISHED),
    _A.put("update_asset", _FILE, "Update a file", _shown_by("get_asset")),
    _A.delete("delete_asset", _FILE, "Delete a file", _gone_from("get_asset")),
    _A.get("list_asset_folders", "/v1/assets/folders", "List folders of files", _PAGES),
    _A.post(
        "create_asset_folder", "/v1/assets/folders", "Create a folder for files",
        _shown_by("list_asset_folders", inverse="delete_asset_folder"),
    ),
    _A.get("get_asset_folder", _ASSET_FOLDER, "Get a folder of files", UNPUBLISHED),
    _A.put("update_asset_folder", _ASSET_FOLDER, "Update a folder of files", _shown_by("get_asset_folder")),
    _A.delete("delete_asset_folder", _ASSET_FOLDER, "Delete a folder of files", _gone_from("get_asset_folder")),
)  # fmt: skip

_D = Group("app", "design_studio", family="design_studio")
_COMPONENT = "/v1/design_studio/components/{id}"
_FOLDER = "/v1/design_studio/folders/{id}"

PARTS = (
    _D.get("list_components", "/v1/design_studio/components", "List components", _PAGES),
    _D.post(
        "create_component", "/v1/design_studio/components", "Create a component",
        _shown_by("list_components", inverse="delete_component"),
    ),
    _D.get("get_component", _COMPONENT, "Get a component", UNPUBLISHED),
    _D.put("update_component", _COMPONENT, "Update a component", _shown_by("get_component")),
    _D.delete("delete_component", _COMPONENT, "Delete a component", _gone_from("get_component")),
    _D.get("list_design_folders", "/v1/design_studio/folders", "List Design Studio folders", _PAGES),
    _D.post(
        "create_design_folder", "/v1/design_studio/folders", "Create a Design Studio folder",
        _shown_by("list_design_folders", inverse="delete_design_folder"),
    ),
    _D.get("get_design_folder", _FOLDER, "Get a Design Studio folder", UNPUBLISHED),
    _D.put("update_design_folder", _FOLDER, "Update a Design Studio folder", _shown_by("get_design_folder")),
    _D.delete("delete_design_folder", _FOLDER, "Delete a Design Studio folder", _gone_from("get_design_folder")),
)  # fmt: skip

_EMAIL = "/v1/design_studio/emails/{id}"
_LANGUAGES = _EMAIL + "/languages"
_LANGUAGE = _LANGUAGES + "/{language}"
_VERSIONS = _EMAIL + "/versions"
_VERSION = _VERSIONS + "/{version_id}"
_PREVIEWS = _EMAIL + "/inbox_previews"

EMAILS = (
    _D.get("list_design_emails", "/v1/design_studio/emails", "List Design Studio emails", _PAGES),
    _D.post(
        "create_design_email", "/v1/design_studio/emails", "Create a Design Studio email",
        _shown_by("list_design_emails", inverse="delete_design_email"),
    ),
    _D.get("get_design_email", _EMAIL, "Get a Design Studio email", UNPUBLISHED),
    _D.put(
        "update_design_email", _EMAIL, "Update a Design Studio email", _shown_by("get_design_email"),
        guardrails=("sender_overrides",),
    ),
    _D.delete("delete_design_email", _EMAIL, "Delete a Design Studio email", _gone_from("get_design_email")),
    _D.get("list_design_email_languages", _LANGUAGES, "List the languages of an email", _PAGES),
    _D.post(
        "create_design_email_language", _LANGUAGES, "Add a language to an email",
        _shown_by("list_design_email_languages", inverse="delete_design_email_language"),
    ),
    _D.get("get_design_email_language", _LANGUAGE, "Get an email in one language", UNPUBLISHED),
    _D.put(
        "update_design_email_language", _LANGUAGE, "Update an email in one language",
        _shown_by("get_design_email_language"), target="id", guardrails=("sender_overrides",),
    ),
    _D.delete(
        "delete_design_email_language", _LANGUAGE, "Remove a language from an email",
        _gone_from("get_design_email_language"), target="id",
    ),
    _D.get("list_design_email_versions", _VERSIONS, "List the saved versions of an email", _PAGES),
    _D.post(
        "save_design_email_version", _VERSIONS, "Save a version of an email",
        _shown_by("list_design_email_versions", inverse="delete_design_email_version"),
    ),
    _D.get("get_design_email_version", _VERSION, "Get a saved version of an email", UNPUBLISHED),
    _D.delete(
        "delete_design_email_version", _VERSION, "Delete a saved version of an email",
        _gone_from("get_design_email_version"),
    ),
    _D.post(
        "restore_design_email_version", f"{_VERSION}/restore", "Replace an email by one of its saved versions",
        _shown_by("get_design_email"),
    ),
    _D.post("link_design_email", f"{_EMAIL}/link", "Link an email to a message", _shown_by("get_design_email")),
    _D.post(
        "publish_design_email", f"{_EMAIL}/publish", "Publish an email to the messages that use it",
        _shown_by("get_design_email_publish_status"),
        families=("design_studio", "campaigns", "broadcasts", "newsletters", "transactional"),
    ),
    _D.get(
        "get_design_email_publish_status", f"{_EMAIL}/publish_status", "Get whether an email is published", UNPUBLISHED
    ),
    _D.get(
        "get_design_email_changes", f"{_EMAIL}/unpublished_changes", "Get whether an email has unpublished changes",
        UNPUBLISHED,
    ),
    _D.get("review_design_email", f"{_EMAIL}/review", "Get the findings of a review of an email", UNPUBLISHED),
    _D.get("render_design_email", f"{_EMAIL}/render", "Get an email as HTML", UNPUBLISHED),
    _D.post("preview_design_email", f"{_EMAIL}/preview", "Preview an email with data", UNPUBLISHED_WRITE),
    _D.post(
        "submit_inbox_preview", _PREVIEWS, "Have an email rendered by mail clients, at the cost of credits",
        _shown_by("list_inbox_preview_jobs"),
    ),
    _D.get("get_inbox_preview", _PREVIEWS + "/{run_id}", "Get the state of an inbox preview", UNPUBLISHED),
    _D.get(
        "get_inbox_preview_capture", _PREVIEWS + "/{run_id}/captures/{client_id}",
        "Get the picture of an email in one mail client", UNPUBLISHED,
    ),
    _D.get("list_inbox_preview_jobs", "/v1/design_studio/inbox_previews/jobs", "List inbox previews", _PAGES),
    _D.get(
        "list_inbox_preview_clients", "/v1/design_studio/inbox_previews/clients",
        "List the mail clients of inbox previews", UNPUBLISHED,
    ),
    _D.get(
        "get_inbox_preview_credits", "/v1/design_studio/inbox_previews/credits",
        "Get how many inbox previews are left", UNPUBLISHED,
    ),
)  # fmt: skip

ROWS = (*ASSETS, *PARTS, *EMAILS)
