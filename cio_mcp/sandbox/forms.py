"""Parsing of forms with files, which clients use to upload assets."""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

FORM = "multipart/form-data"


def is_form(content_type: str) -> bool:
    """Whether a body is a form with files."""
    return content_type.lower().startswith(FORM)


def parse_form(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a form by name: a text, or the `filename`, `content_type` and `size` of a file.

    Raises:
        ValueError: the body is not such a form.
    """
    headers = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(headers + body)
    if not message.is_multipart():
        raise ValueError("no boundary separates the parts")
    return dict(_field(part) for part in message.walk() if not part.is_multipart())


def _field(part: Message) -> tuple[str, Any]:
    name, filename = part.get_param("name", "", header="content-disposition"), part.get_filename()
    content = part.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    if filename is None:
        return str(name), data.decode("utf-8", "replace")
    return str(name), {"filename": filename, "content_type": part.get_content_type(), "size": len(data)}
