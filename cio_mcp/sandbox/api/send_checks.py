"""Validation of transactional sends, by channel."""

import base64
import binascii
import json
import re
from typing import Any

from cio_mcp.sandbox.api.fields import is_optional_flag, is_optional_object, is_optional_text
from cio_mcp.sandbox.http import meta_error

# https://docs.customer.io/integrations/api/app/ (Send Messages)
MAX_RECIPIENTS = 15
MAX_PAYLOAD_BYTES = 1_000_000
MAX_ATTACHMENT_BYTES = 2_000_000
FORBIDDEN_FILES = {"exe", "bat", "com", "js", "vbs", "scr"}
PHONE = re.compile(r"\+[1-9]\d{6,14}")
TEMPLATE_NUMBER = "{{customer.phone}}"
"""Where a template sends WhatsApp messages."""
LIQUID = re.compile(r"{{.+}}")
ADDRESS = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,])+')
"""One of several addresses; a comma inside quotation marks does not separate."""
EMAIL = re.compile(r'[^<>@,"\s]+@[^<>@,"\s]+|(?:"(?:\\.|[^"\\])*"\s*|[^<>@,"]*)<[^<>@,"\s]+@[^<>@,"\s]+>')

TEXTS = ("to", "language")
FLAGS = ("disable_message_retention", "send_to_unsubscribed", "queue_draft", "auto_create")
EMAIL_TEXTS = ("cc", "bcc", "from", "reply_to", "subject", "body", "body_plain", "body_amp", "preheader")
EMAIL_FLAGS = ("tracked", "fake_bcc", "disable_css_preprocessing")
PUSH_TEXTS = ("title", "message", "image_url", "link", "sound")
PUSH_OBJECTS = ("custom_data", "custom_device", "custom_payload")


def addresses(value: str | None) -> list[str]:
    """The comma-separated addresses of a field, each with its display name."""
    return [address.strip() for address in ADDRESS.findall(value or "") if address.strip()]


def has_template(body: dict[str, Any]) -> bool:
    """Whether a body names a transactional message."""
    return body.get("transactional_message_id") not in (None, "")


def _check_email(body: dict[str, Any], size: int) -> None:
    _check_types(body, texts=EMAIL_TEXTS, flags=EMAIL_FLAGS)
    if not has_template(body) and not all(body.get(name) for name in ("body", "subject", "from")):
        raise meta_error(400, "without a transactional_message_id, body, subject and from are required")
    recipients = [address for name in ("to", "cc", "bcc") for address in addresses(body.get(name))]
    if not addresses(body.get("to")):
        raise meta_error(400, "to is required")
    if len(recipients) > MAX_RECIPIENTS:
        raise meta_error(400, f"too many recipients: at most {MAX_RECIPIENTS} over to, cc and bcc")
    if not all(map(EMAIL.fullmatch, recipients)):
        raise meta_error(400, "to, cc and bcc must be email addresses")
    # customerio-node sends `{}` when its caller sets no headers.
    if body.get("headers") not in (None, "", {}, []) and not _is_json_list(body["headers"]):
        raise meta_error(400, "headers must be a JSON string of a list of name and value")
    attachments = body.get("attachments") or {}
    if not isinstance(attachments, dict):
        raise meta_error(400, "attachments must be an object")
    total = sum(_attachment_bytes(name, content) for name, content in attachments.items())
    if total > MAX_ATTACHMENT_BYTES:
        raise meta_error(413, "Total attachment size exceeds the limit")
    _check_size(size - sum(map(len, attachments.values())))


def _check_push(body: dict[str, Any], size: int) -> None:
    _check_types(body, texts=PUSH_TEXTS)
    for name in PUSH_OBJECTS:
        if not is_optional_object(body.get(name)):
            raise meta_error(400, f"{name} must be an object")
    _check_template(body)
    _check_size(size)


def _check_sms(body: dict[str, Any], size: int) -> None:
    _check_phone(body, size, body.get("to") or "")


def _check_whatsapp(body: dict[str, Any], size: int) -> None:
    """Check a message whose number, if it has none, is the one in the template."""
    _check_types(body, flags=("tracked",))
    _check_phone(body, size, body.get("to") or TEMPLATE_NUMBER)


def _check_phone(body: dict[str, Any], size: int, to: str) -> None:
    _check_types(body, texts=("from",))
    _check_template(body)
    _check_size(size)
    if not PHONE.fullmatch(to) and not LIQUID.search(to):
        raise meta_error(400, "Invalid phone number format. Phone numbers must be in E.164 format.")


def _check_in_app(body: dict[str, Any], size: int) -> None:
    _check_types(body)
    _check_template(body)
    _check_size(size)


CHECKS = {
    "email": _check_email, "push": _check_push, "twilio": _check_sms, "whatsapp": _check_whatsapp,
    "in_app": _check_in_app, "inbox": _check_in_app,
}  # fmt: skip


def _check_types(body: dict[str, Any], *, texts: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> None:
    for name in (*TEXTS, *texts):
        if not is_optional_text(body.get(name)):
            raise meta_error(400, f"{name} must be a string")
    for name in (*FLAGS, *flags):
        if not is_optional_flag(body.get(name)):
            raise meta_error(400, f"{name} must be true or false")


def _check_template(body: dict[str, Any]) -> None:
    if not has_template(body):
        raise meta_error(400, "transactional_message_id is required")


def _check_size(size: int) -> None:
    if size > MAX_PAYLOAD_BYTES:
        raise meta_error(413, "the payload exceeds 1 MB")


def _is_json_list(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), list)
    except (ValueError, RecursionError):
        return False


def _attachment_bytes(name: str, content: Any) -> int:
    if name.rpartition(".")[2].lower() in FORBIDDEN_FILES:
        raise meta_error(403, f"Forbidden file type {name.rpartition('.')[2]} for attachment {name}.")
    try:
        return len(base64.b64decode(content, validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise meta_error(400, f'Attachment must be base64 encoded: "{name}"') from None
