"""The environment as clients configure it: values trimmed, variables filled in, and names that exist."""

import logging
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import lru_cache

from cio_mcp.errors import SettingError

PREFIX = "CIO_"
MIN_SIMILARITY = 0.75
"""Ratio from which an unknown name counts as a misspelled one: catches `READONLY`, `APP_KEY` and `TOOLSET`."""
MAX_NAMES = 100
"""Unknown names that are remembered, so that each is reported once."""

UNFILLED = (
    "still contains a variable that the client did not expand. Put the value itself into the client's configuration"
)
_VARIABLE = re.compile(r"\$\{[^}]*\}|(?:^|,\s*)(?:\$[A-Za-z_]\w*|%[A-Za-z_]\w*%)(?=$|[/\\,\s])")

log = logging.getLogger(__name__)


def trim(values: Mapping[str, object]) -> dict[str, object]:
    """Trim every text, and leave out what is blank: it counts as not set."""
    stripped = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    return {name: value for name, value in stripped.items() if value != ""}


def has_variable(value: str) -> bool:
    """Whether a value is, or begins with, a reference to a variable: `${NAME}`, `$NAME` or `%NAME%`."""
    return bool(_VARIABLE.search(value))


def check_names(environment: Mapping[str, str], known: Collection[str]) -> None:
    """Warn of every `CIO_*` that is no setting; `known` are the settings' names, without the prefix, in capitals.

    Raises:
        SettingError: a name resembles a setting's: without it the server would run with another value than intended.
    """
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        if not variable.upper().startswith(PREFIX) or name in known or not environment[variable].strip():
            continue
        if similar := get_close_matches(name, known, n=1, cutoff=MIN_SIMILARITY):
            raise SettingError(variable, f"is not a setting. Did you mean {PREFIX}{similar[0]}?")
        _warn(variable)


@lru_cache(MAX_NAMES)
def _warn(variable: str) -> None:
    log.warning("%s is not a setting of cio-mcp. It is ignored.", variable)
