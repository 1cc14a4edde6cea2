"""A workspace for each call: a new one, with what the call's arguments name."""

import re
from typing import Any

import httpx

from cio_mcp.customerio.operations import value_at
from tests.sandbox.operation_requests import ALERT, BODY, FILES, PATH, STATE
from tests.sandbox.sandbox_client import APP

PLACEHOLDER = re.compile(r"\{(\w+)\}")
EXPORT_SECONDS = 60
MAKERS: dict[str, tuple[str, str, Any, str]] = {
    "asset": ("POST", "/v1/assets/files", FILES["create_asset"], "asset.id"),
    "asset_folder": ("POST", "/v1/assets/folders", BODY["create_asset_folder"], "folder.id"),
    "component": ("POST", "/v1/design_studio/components", BODY["create_component"], "component.id"),
    "folder": ("POST", "/v1/design_studio/folders", BODY["create_design_folder"], "folder.id"),
    "email": ("POST", "/v1/design_studio/emails", BODY["create_design_email"], "email.id"),
    "email_fr": ("POST", "/v1/design_studio/emails/{email}/languages", BODY["create_design_email_language"], ""),
    "export": ("POST", "/v1/exports/customers", BODY["export_customers"], "export.id"),
    "import": ("POST", "/v1/imports", BODY["import_file"], "import.id"),
    "collection": ("POST", "/v1/collections", BODY["create_collection"], "collection.id"),
    "snippet": ("PUT", "/v1/snippets", {"name": "greeting", "value": "Hello"}, "snippet.name"),
    "segment": ("POST", "/v1/segments", BODY["create_segment"], "segment.id"),
    "webhook": ("POST", "/v1/reporting_webhooks", BODY["create_reporting_webhook"], "id"),
    "delivery": ("POST", "/v1/send/email", BODY["send_email"], "delivery_id"),
    "newsletter": ("POST", "/v1/newsletters", BODY["create_newsletter"], "newsletter.id"),
    "newsletter_fr": ("POST", "/v1/newsletters/{newsletter}/language", BODY["create_newsletter_language"], ""),
    "group": ("POST", "/v1/newsletters/{newsletter}/test_groups", None, ""),
    "group_fr": (
        "POST", "/v1/newsletters/{newsletter}/test_group/{group}/language", BODY["create_test_group_language"], ""
    ),
    "suppressed": ("POST", "/v1/esp/suppression/bounces/new@example.com", None, ""),
}  # fmt: skip
"""By name: the request that makes it, and where its ID is in the answer. Without a place, it has a fixed name."""
FIXED = {"email_fr": "fr", "newsletter_fr": "fr", "group": "1", "group_fr": "fr", "suppressed": "new@example.com"}
__all__ = ["ALERT", "PATH", "STATE", "Workspace"]


class Workspace:
    """A sandbox over its own API, with everything that was made since the last reset."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._values: dict[str, Any] = {}

    def reset(self) -> None:
        """Start a new workspace."""
        self._values.clear()
        self._control("reset")

    def fill(self, arguments: Any) -> Any:
        """Arguments with `{name}` replaced by the ID of what is made for it."""
        if isinstance(arguments, dict):
            return {key: self.fill(value) for key, value in arguments.items()}
        if isinstance(arguments, list | tuple):
            return [self.fill(value) for value in arguments]
        if isinstance(arguments, str) and (found := PLACEHOLDER.fullmatch(arguments)) and found[1] in MAKERS:
            return self._made(found[1])
        return arguments

    def pause(self) -> None:
        """Advance past all limits and delays."""
        self._control("advance", {"seconds": EXPORT_SECONDS})

    def _made(self, name: str) -> Any:
        if name not in self._values:
            method, path, body, place = MAKERS[name]
            path = PLACEHOLDER.sub(lambda match: str(self._made(match[1])), path)
            self.pause()
            content: dict[str, Any] = {"files": body} if name == "asset" else {"json": body}
            answer = self._http.request(method, path, headers=APP, **content)
            assert answer.is_success, f"{name}: {answer.text}"
            self._values[name] = value_at(answer.json(), place) if place else FIXED[name]
        return self._values[name]

    def _control(self, name: str, body: Any = None) -> None:
        self._http.post(f"/_sandbox/{name}", json=body).raise_for_status()
