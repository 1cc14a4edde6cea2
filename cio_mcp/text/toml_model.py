"""A file of the operator in TOML, read into a model; what is wrong is named by its key."""

import re
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cio_mcp.errors import expectation
from cio_mcp.settings import parse_toml
from cio_mcp.text.sanitize import quoted

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[\w-]{1,40}")


class WrongKey(Exception):
    """A fault in the file."""

    def __init__(self, path: KeyPath, problem: str) -> None:
        keys = (part if _BARE_KEY.fullmatch(part) else quoted(part, 40) for part in map(str, path))
        super().__init__(f"{'.'.join(keys)}: {problem}" if path else problem)


def read_toml(text: str, model: type[M]) -> M:
    """Parse and validate TOML.

    Raises:
        WrongKey: it is not valid, or a key is wrong.
    """
    try:
        read = parse_toml(text)
    except ValueError as error:
        raise WrongKey((), f"is not valid TOML: {error}") from None
    try:
        return model.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = first["loc"]
        if first["type"] == "extra_forbidden":
            raise WrongKey(path, f"unknown key. Expected {', '.join(_known(model, path[:-1]))}") from None
        if first["type"] in ("model_type", "dict_type"):
            raise WrongKey(path, f"expected a table: [{'.'.join(map(str, path))}]") from None
        raise WrongKey(path, expectation(first)) from None


def _known(model: Any, path: KeyPath) -> list[str]:
    """The keys that a table of the file may have."""
    for key in path:
        if get_origin(model) is dict:
            model = get_args(model)[1]
        else:
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            model = fields[str(key)]
    return [field.alias or name for name, field in model.model_fields.items()]
