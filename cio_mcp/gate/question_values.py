"""The values of a plan's requests as a question shows them, each rendered only when it is needed.

A plan may have thousands of values, of which a question has room for a few dozen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import ProfileWrite, profile_writes
from cio_mcp.customerio.call import Call, canonical
from cio_mcp.customerio.redaction import body_without_secrets
from cio_mcp.gate.field_labels import LABELS, NONE, Labels, Names
from cio_mcp.gate.plan import PersonEdit, Plan, ValueEdit, is_unchanged
from cio_mcp.gate.text_edits import describe_edit, has_difference
from cio_mcp.text.names import normalized_name
from cio_mcp.text.timestamps import from_unix_if_readable, moment
from cio_mcp.text.visible import MAX_VALUE_CHARACTERS, shorten, visible_name

OPTIONS: dict[str, JsonValue] = {
    "send_to_unsubscribed": False,
    "queue_draft": False,
    "disable_message_retention": False,
    "disable_css_preprocessing": False,
    "tracked": None,
    "language": None,
    "send_at": None,
    "_update": True,
    "email_add_duplicates": False,
    "email_ignore_missing": False,
    "id_ignore_missing": False,
}
"""Fields that change how a write behaves, with the value that goes without saying."""

REACHING_FIELDS = frozenset({
    "to", "recipients", "ids", "emails", "per_user_data", "data_file_url", "identifiers", "primary", "secondary",
    "id", "email", "phone", "cio_id", "unsubscribed", "cio_subscription_preferences", "cio_relationships",
})  # fmt: skip
"""Fields that decide the recipients."""

_PROFILE = LABELS["identify_customer"]
MAX_LABELLED = max(len(names) for labels in LABELS.values() for names in labels)
"""Steps of the longest path that has a label."""

Group = Literal["option", "reach", "rest", "unchanged"]


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a request: its group, its line, and whether the line shows it whole."""

    group: Group
    line: str
    whole: bool


Render = Callable[[], Field]


@dataclass(frozen=True, slots=True)
class Source:
    """The field of a request that a value is a part of."""

    lane: str
    name: str
    value: JsonValue
    labels: Labels
    prefix: str = ""

    @property
    def group(self) -> Group:
        """The part of the question in which it stands."""
        if self.name in OPTIONS and (self.lane in {"transactional", "broadcast"} or self.name == "_update"):
            return "rest" if self.value == OPTIONS[self.name] else "option"
        return "reach" if normalized_name(self.name) in REACHING_FIELDS else "rest"


@dataclass(frozen=True, slots=True)
class Value:
    """One value before it is rendered: its path, and what it replaces."""

    source: Source
    names: Names
    value: JsonValue
    edit: ValueEdit | None = None

    def render(self, holders: str = "") -> Field:
        """The field of the value; `holders` are the numbers of the people who get it, if there are several."""
        path, whole_path = _path(self.names, self.source.labels)
        if self.edit is not None and has_difference(self.edit):
            text, whole = describe_edit(self.edit)
            return Field(self.source.group, f"{self.source.prefix}{path}: {text}{holders}", whole and whole_path)
        text, whole = shorten(self.value)
        if self.edit is not None and is_unchanged(self.edit) and self.source.group == "rest":
            return Field("unchanged", f"{self.source.prefix}{path}: {text}{holders}", whole and whole_path)
        if self.edit is not None and is_unchanged(self.edit):
            text = f"{text} (unchanged)"
        elif self.edit is not None:
            if isinstance(self.value, dict | list) and self.value and not is_flat(self.value):
                text, whole = "the following values", True
            if self.value is None:
                text = "null (clears it)"
            text = f"{_old(self.edit)} → {text}"
        line = f"{self.source.prefix}{path}: {text}{holders}"
        return Field(self.source.group, line, whole and whole_path)

    @property
    def key(self) -> str:
        """Equal for values that render equally."""
        return canonical([self.names, self.value, self.edit and [self.edit.known, self.edit.before]])


def renders(plan: Plan) -> Iterator[Render]:
    """Every value that the calls would send, except what was generated for them."""
    edits = {edit.name: edit for edit in plan.edits}
    for number, call in enumerate(plan.calls, start=1):
        if len(plan.calls) == 1 and (writes := profile_writes(call)):
            yield from _people(writes, plan)
            continue
        prefix = f"{number}. " if len(plan.calls) > 1 else ""
        labels = LABELS.get(call.operation, NONE)
        for name, text in call.path.items():
            yield partial(_plain, "reach", f"{prefix}{_path((name,), labels)[0]}: ", text)
        for name, text in call.query.items():
            yield partial(_plain, "rest", f"{prefix}{visible_name(name)}: ", text)
        for names, value in _body(call):
            source = Source(call.lane, str(names[-1]), value, labels, prefix)
            if names == (call.row.time,) and type(value) is int and (at := from_unix_if_readable(value)):
                yield partial(Field, source.group, f"{prefix}{_path(names, labels)[0]}: {moment(at)}", whole=True)
                continue
            for each in _values(source, names, edits):
                yield each.render


def _people(writes: Sequence[ProfileWrite], plan: Plan) -> Iterator[Render]:
    """The people that a batch updates, each with a number, then every value once with the numbers of its people."""
    known = {(person.kind, person.person): person for person in plan.people}
    shared: dict[str, dict[str, tuple[Value, list[int]]]] = {}
    for number, write in enumerate(writes, start=1):
        person = known.get((write.person.kind, write.person.value))
        yield partial(_person, number, write, person)
        edits = {edit.name: edit for edit in person.edits} if person else {}
        for name, value in write.attributes.items():
            for each in _values(Source("track", name, value, _PROFILE), (name,), edits):
                shared.setdefault(name, {}).setdefault(each.key, (each, []))[1].append(number)
    for each, numbers in (pair for values in shared.values() for pair in values.values()):
        holders = "all" if len(numbers) == len(writes) else ", ".join(map(str, numbers))
        yield partial(each.render, f" ({holders})" if len(writes) > 1 else "")


def _person(number: int, write: ProfileWrite, person: PersonEdit | None) -> Field:
    details = f": {person.details}" if person and person.details else ""
    new = " (created if new)" if write.create else ""
    field = _plain("reach", f"{number}. {write.person.kind} ", write.person.value)
    return replace(field, line=f"{field.line}{new}{details}")


def _plain(group: Group, head: str, value: str) -> Field:
    text, whole = shorten(value)
    return Field(group, f"{head}{text}", whole)


def _body(call: Call) -> Iterator[tuple[Names, JsonValue]]:
    """The fields of a body; of a Track v2 operation, each attribute is one."""
    content = body_without_secrets(call)
    none: dict[str, JsonValue] = {} if content is None else {"body": content}
    body = content if isinstance(content, dict) else none
    for name, value in body.items():
        if name in call.generated:
            continue
        if name == "attributes" and "identifiers" in body and isinstance(value, dict) and value:
            yield from (((name, key), inner) for key, inner in value.items())
        else:
            yield (name,), value


def _values(source: Source, names: Names, edits: Mapping[str, ValueEdit]) -> Iterator[Value]:
    value = source.value
    if (edit := edits.get(source.name)) is not None:
        yield Value(source, names, value, edit)
        if is_flat(value) or has_difference(edit):
            return
    for inner, leaf in _leaves(names, value):
        yield Value(source, inner, leaf)


def is_flat(value: JsonValue) -> bool:
    """Whether one line shows a value: a scalar, a list of scalars, or nothing."""
    if isinstance(value, dict):
        return not value
    return not isinstance(value, list) or not any(isinstance(part, dict | list) for part in value)


def _old(edit: ValueEdit) -> str:
    if not edit.known:
        return "(unknown)"
    return "(not set)" if edit.before in (None, "") else shorten(edit.before)[0]


def _path(names: Names, labels: Labels) -> tuple[str, bool]:
    """A path such as `Event data.items[1].name`, and whether that is all of it: the longest label, then keys.

    A key that is not a plain word is quoted.
    """
    labelled = next((end for end in range(min(len(names), MAX_LABELLED), 0, -1) if names[:end] in labels), 0)
    steps, whole = [labels.get(names[:labelled], "")], True
    for name in names[labelled:]:
        if isinstance(name, int):
            steps.append(f"[{name}]")
            continue
        text, fits = (visible_name(name), True) if len(name) <= MAX_VALUE_CHARACTERS else shorten(name)
        steps.append(f".{text}")
        whole = whole and fits
    return "".join(steps).removeprefix("."), whole


def _leaves(names: Names, value: JsonValue) -> Iterator[tuple[Names, JsonValue]]:
    """The parts of a value, each with its path: scalars, lists of scalars, and empty objects."""
    pending = [(names, value)]
    while pending:
        path, inner = pending.pop()
        if isinstance(inner, dict) and inner:
            pending += reversed([((*path, key), part) for key, part in inner.items()])
        elif isinstance(inner, list) and not is_flat(inner):
            pending += reversed([((*path, index), part) for index, part in enumerate(inner, start=1)])
        else:
            yield path, inner
