"""Validation of transactional sends, by channel."""

import base64
import binascii
import json
import re
from typing import Any

from cio_mcp.sandbox.http import meta_error

# https://docs.customer.io/integrations/api/app/ (Send Messages)
MAX_RECIPIENTS = 15
MAX_PAYLOAD_BYTES = 1_000_000
MAX_ATTACHMENT_BYTES = 2_000_000
FORBIDDEN_FILES = {"exe", "bat", "com", "js", "vbs", "scr"}
PHONE = re.compile(r"\+[1-9]\d{6,14}")
EMAIL = re.compile(r"(?:[^<>@,\s]+@[^<>@,\s]+|[^<>@,]*<[^<>@,\s]+@[^<>@,\s]+>)")


def _check_email(body: dict[str, Any], size: int) -> None:
    if "transactional_message_id" not in body and not all(body.get(name) for name in ("body", "subject", "from")):
        raise meta_error(400, "without a transactional_message_id, body, subject and from are required")
    addresses = [address for name in ("to", "cc", "bcc") for address in _addresses(body.get(name))]
    if not _addresses(body.get("to")):
        raise meta_error(400, "to is required")
    if len(addresses) > MAX_RECIPIENTS:
        raise meta_error(400, f"too many recipients: at most {MAX_RECIPIENTS} over to, cc and bcc")
    if not all(map(EMAIL.fullmatch, addresses)):
        raise meta_error(400, "to, cc and bcc must be email addresses")
    headers = body.get("headers")
    if headers is not None and not _is_json_list(headers):
        raise meta_error(400, "headers must be a JSON string of a list of name and value")
    attachments = body.get("attachments") or {}
    if not isinstance(attachments, dict):
        raise meta_error(400, "attachments must be an object")
    total = sum(_attachment_bytes(name, content) for name, content in attachments.items())
    if total > MAX_ATTACHMENT_BYTES:
        raise meta_error(413, "Total attachment size exceeds the limit")
    _check_size(size - sum(map(len, attachments.values())))


def _check_push(body: dict[str, Any], size: int) -> None:
    if not body.get("transactional_message_id"):
        raise meta_error(400, "transactional_message_id is required")
    _check_size(size)


def _check_sms(body: dict[str, Any], size: int) -> None:
    _check_push(body, size)
    if not PHONE.fullmatch(str(body.get("to", ""))):
        raise meta_error(400, "Invalid phone number format. Phone numbers must be in E.164 format.")


CHECKS = {"email": _check_email, "push": _check_push, "twilio": _check_sms}


def _check_size(size: int) -> None:
    if size > MAX_PAYLOAD_BYTES:
        raise meta_error(413, "the payload exceeds 1 MB")


def _addresses(value: Any) -> list[str]:
    return [part.strip() for part in str(value or "").split(",") if part.strip()]


def _is_json_list(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), list)
    except ValueError:
        return False


def _attachment_bytes(name: str, content: Any) -> int:
    if name.rpartition(".")[2].lower() in FORBIDDEN_FILES:
        raise meta_error(403, f"Forbidden file type {name.rpartition('.')[2]} for attachment {name}.")
    try:
        return len(base64.b64decode(content, validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise meta_error(400, f'Attachment must be base64 encoded: "{name}"') from None
