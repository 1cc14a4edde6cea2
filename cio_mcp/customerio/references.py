"""References to people: the kind of an identifier, from its shape unless it is given."""

import re
from contextlib import suppress

from cio_mcp.customerio.api.base import IdType, Reference
from cio_mcp.customerio.url_values import check_path_value
from cio_mcp.errors import InvalidArgument

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164


def reference_of(customer: str, id_type: IdType | None = None) -> Reference:
    """Determine the kind of an identifier, from its shape unless `id_type` is given.

    Raises:
        InvalidArgument: it is empty, or not of the declared kind.
    """
    value = customer.strip()
    if not value:
        raise InvalidArgument("customer", "expected an ID, an email address, a phone number (+…), or cio_…")
    check_path_value("customer", value)
    match id_type or _kind_of(value):
        case "cio_id" if value == "cio_":
            raise InvalidArgument("customer", "expected a complete cio_id after cio_")
        case "cio_id":
            return Reference(f"cio_{value.removeprefix('cio_')}", "cio_id")
        case "email" if "@" not in value:
            raise InvalidArgument("customer", "expected an email address with an @")
        case "email":
            return Reference(value, "email")
        case "phone" if not is_phone(value):
            raise InvalidArgument("customer", "expected a phone number in E.164 format, such as +14155552671")
        case "phone":
            return Reference(value, "phone")
        case _:
            return Reference(value)


def _kind_of(value: str) -> IdType:
    if value.startswith("cio_"):
        return "cio_id"
    if "@" in value:
        return "email"
    return "phone" if is_phone(value) else "id"


def is_phone(text: str) -> bool:
    """Whether a text is a phone number in E.164, as Customer.io requires it."""
    return _PHONE.fullmatch(text) is not None


def other_references(reference: Reference) -> list[Reference]:
    """As what else the value of a reference may be read, by its shape; anything may be an id."""
    others = []
    for kind in dict.fromkeys(("id", _kind_of(reference.value))):
        with suppress(InvalidArgument):
            others.append(reference_of(reference.value, kind))
    return [other for other in others if other.kind != reference.kind]
