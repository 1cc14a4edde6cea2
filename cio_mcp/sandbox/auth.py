"""The sandbox's keys, and how they are checked."""

import base64
import binascii

from cio_mcp.sandbox.http import ApiError, meta_error

SITE_ID = "sandbox-site"
TRACK_KEY = "sandbox-track-key"
APP_KEY = "sandbox-app-key"


def check(raw_path: str, authorization: str) -> None:
    """Accept a request whose key fits the API that it calls.

    Raises:
        ApiError: 401 for a missing or wrong key, or the key of another API.
    """
    scheme, _, credentials = authorization.partition(" ")
    if raw_path.startswith("/api/"):
        if scheme.lower() != "basic" or _decode(credentials) != f"{SITE_ID}:{TRACK_KEY}":
            raise _unauthorized("Unauthorized request")
    elif scheme.lower() != "bearer" or credentials.strip() != APP_KEY:
        raise _unauthorized("unauthorized")


def _unauthorized(reason: str) -> ApiError:
    return meta_error(401, reason)


def _decode(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
