"""The sandbox's keys, and the check of them."""

import base64
import binascii

from cio_mcp.sandbox.http import Refused, meta_error

SITE_ID = "sandbox-site"
TRACK_KEY = "sandbox-track-key"
APP_KEY = "sandbox-app-key"


def check(raw_path: str, authorization: str) -> None:
    """Let a request through whose key fits the API it asks.

    Raises:
        Refused: 401 for a missing, wrong or swapped key.
    """
    scheme, _, credentials = authorization.partition(" ")
    if raw_path.startswith("/api/"):
        if scheme.lower() != "basic" or _decoded(credentials) != f"{SITE_ID}:{TRACK_KEY}":
            raise _refused("Unauthorized request")
    elif scheme.lower() != "bearer" or credentials.strip() != APP_KEY:
        raise _refused("unauthorized")


def _refused(reason: str) -> Refused:
    return meta_error(401, reason)


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
