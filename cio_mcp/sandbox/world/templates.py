"""Templates: what a message says, and the variables in it."""

import re
from dataclasses import dataclass
from typing import Any, Literal

Channel = Literal["email", "push", "twilio", "whatsapp", "in_app", "inbox"]
SENDER = "Acme <hello@acme.example>"
TEMPLATE_ID_OFFSET = 5000
"""Added to the ID of an action or content to get the ID of its message template."""
VARIABLE = re.compile(r"{{\s*(customer|event|data|snippets|journey)\.([\w.]+)\s*}}")


@dataclass(frozen=True, slots=True)
class Template:
    """One message: an action of a campaign or broadcast, or a content of another source.

    `wait` is the time from the start of a journey in seconds, `parent` the ID of the split that an action is under,
    and `failure` what fails each delivery.
    """

    id: int
    channel: Channel
    name: str
    subject: str
    body: str
    links: tuple[str, ...] = ()
    wait: int = 0
    language: str = ""
    parent: int | None = None
    failure: str = ""

    @property
    def data_variables(self) -> set[str]:
        """Names of the `{{data.…}}` variables in the message."""
        return {name for scope, name in VARIABLE.findall(self.subject + self.body) if scope == "data"}


def render(text: str, values: dict[str, dict[str, Any]]) -> str:
    """Fill in the variables of a text; a missing one stays blank."""
    return VARIABLE.sub(lambda match: str(_look_up(values.get(match[1], {}), match[2])), text)


def missing_variables(template: Template, data: dict[str, Any]) -> list[str]:
    """The `{{data.…}}` variables that `data` lacks, sorted."""
    return sorted(name for name in template.data_variables if _look_up(data, name) == "")


def _look_up(values: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        if isinstance(values, list):
            values = values[0] if values and part == "first" else None
        else:
            values = values.get(part) if isinstance(values, dict) else None
    return "" if values is None else values
