"""Uploaded files of the Assets API: only their names and sizes are kept."""

from typing import Any

from cio_mcp.sandbox.http import app_error

# https://docs.customer.io/integrations/api/app/ (Assets)
MAX_FILE_BYTES = 2_000_000
FILE_TYPES = ("image/bmp", "image/jpeg", "image/jpg", "image/png", "image/gif", "application/pdf")
FILES_URL = "https://assets.acme.example"


def asset_of(form: dict[str, Any]) -> dict[str, Any]:
    """The fields of an asset from the form that uploads it.

    Raises:
        ApiError: 400 when there is no file, or one that is not accepted.
    """
    file = form.get("file")
    if not isinstance(file, dict) or not isinstance(file.get("size"), int):
        raise app_error(400, "file must be given")
    if file["content_type"] not in FILE_TYPES:
        raise app_error(400, f"the file must be one of {', '.join(FILE_TYPES)}")
    if file["size"] > MAX_FILE_BYTES:
        raise app_error(400, "the file must have at most 2 MB")
    return {
        "name": form.get("name") or file["filename"],
        "parent_folder_id": _folder(form.get("parent_folder_id")),
        "path": f"{FILES_URL}/{file['filename']}",
        "size": file["size"],
    }


def _folder(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if text.isdecimal() and text != "0" else None
