"""The sandbox's keys, and how they are checked."""

import base64
import binascii

from cio_mcp.sandbox.http import ApiError, meta_error

SITE_ID = "sandbox-site"
TRACK_KEY = "sandbox-track-key"
APP_KEY = "sandbox-app-key"
CDP_KEY = "sandbox-cdp-key"
PIPELINES = frozenset(f"/v1/{call}" for call in ("identify", "track", "page", "screen", "group", "alias", "batch"))
"""Paths of the Pipelines API, which has its own host and key; the sandbox has one host for all APIs."""
NO_KEY = frozenset(
    {"/unsubscribe/{delivery_id}", "/api/v1/metrics", "/api/v1/push/events", "/exports/{export_id}/{name}"}
)
"""Routes that need no key, the last one since its name is a secret: https://docs.customer.io/integrations/api/track/"""


def check(template: str, raw_path: str, authorization: str) -> None:
    """Accept a request whose key fits the API that it calls.

    Raises:
        ApiError: 401 for a missing or wrong key, or the key of another API.
    """
    if template in NO_KEY:
        return
    scheme, _, credentials = authorization.partition(" ")
    if raw_path in PIPELINES:
        if scheme.lower() != "basic" or _decode(credentials) != f"{CDP_KEY}:":
            raise _unauthorized("unauthorized")
    elif is_track(raw_path):
        if scheme.lower() != "basic" or _decode(credentials) != f"{SITE_ID}:{TRACK_KEY}":
            raise _unauthorized("Unauthorized request")
    elif scheme.lower() != "bearer" or credentials.strip() != APP_KEY:
        raise _unauthorized("unauthorized")


def is_track(raw_path: str) -> bool:
    """Whether a path belongs to the Track API."""
    return raw_path.startswith(("/api/", "/unsubscribe/"))


def _unauthorized(reason: str) -> ApiError:
    return meta_error(401, reason)


def _decode(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
