"""The question a person decides on: a pure function of the plan that shows every value its requests would send.

Order: what; options that are not defaults; values that decide who is reached; recipients; what it may trigger;
warnings; the message; the rest. Each sentence ends in a full stop and each value stands in quotes, so that the text
also reads well where a client joins its lines.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import JsonValue

from cio_mcp.customerio.api.tracking import ProfileWrite, profile_writes
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.redaction import body_without_secrets
from cio_mcp.gate.field_labels import LABELS, NONE, Labels, Names
from cio_mcp.gate.plan import Before, Plan
from cio_mcp.gate.values import texts_in
from cio_mcp.text.bidi import isolate
from cio_mcp.text.names import mixes_scripts, normalized_name
from cio_mcp.text.sanitize import cut
from cio_mcp.text.timestamps import from_unix_if_readable, moment
from cio_mcp.text.visible import hides, visible, visible_name, visible_value

MAX_CHARACTERS = 4_000
MAX_LINES = 60
"""The longest question that is asked in a client; anything larger is decided outside (design, section 5)."""
MAX_VALUE_CHARACTERS = 500
"""The longest value that is shown whole."""

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

REACHING = frozenset({
    "to", "recipients", "ids", "emails", "per_user_data", "data_file_url", "identifiers", "primary", "secondary",
    "id", "email", "phone", "cio_id", "unsubscribed", "cio_subscription_preferences", "cio_relationships",
})  # fmt: skip
"""Fields that decide who is reached."""

MAX_SHORT_FIELDS = 20
"""Values listed where a question is too large; the full requests are shown beside it."""

MAX_LOOKALIKES = 3
"""Texts that the warning about mixed scripts names; each stands below, too."""

_PROFILE = LABELS["identify_customer"]

Group = Literal["option", "reach", "rest"]


@dataclass(frozen=True, slots=True)
class Question:
    """The text of a question, and whether it shows everything; only one that does may be asked in a client."""

    text: str
    fits: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a request: its group, its line, and whether the line shows it whole."""

    group: Group
    line: str
    whole: bool


def question_about(plan: Plan, change: str) -> Question:
    """Render the question about a plan; rendered once and stored, so that an answer is to exactly these words."""
    fields = list(_fields(plan))
    text = isolate("\n\n".join(_paragraphs(plan, fields, change)))
    fits = all(field.whole for field in fields) and len(text) <= MAX_CHARACTERS and text.count("\n") < MAX_LINES
    if fits:
        return Question(text, fits=True)
    short = "\n\n".join(_paragraphs(plan, fields[:MAX_SHORT_FIELDS], change, left_out=len(fields) - MAX_SHORT_FIELDS))
    return Question(_cut_isolated(short), fits=False)


def _cut_isolated(text: str) -> str:
    excerpt = isolate(cut(text, MAX_CHARACTERS))
    return excerpt if len(excerpt) <= MAX_CHARACTERS else isolate(cut(text, 2 * MAX_CHARACTERS - len(excerpt)))


def _paragraphs(plan: Plan, fields: list[Field], change: str, left_out: int | None = None) -> Iterator[str]:
    yield _list(plan.summary, plan.notes)
    if left_out is not None:
        more = f" {left_out} more values are not listed here." if left_out > 0 else ""
        yield f"This change is too large to show here.{more} Read the full requests before you decide."
    yield from _section("Options:", _lines(fields, "option"))
    yield from _section("Values that affect who is reached:", _lines(fields, "reach"))
    if plan.affected != 0:
        yield _list(f"Recipients: {_count(plan.affected)}.", plan.examples)
    if plan.starts is not None:
        yield _starts(plan.starts)
    if plan.why:
        yield plan.why
    yield from _section("Warnings:", (*plan.warnings, *_warnings(plan)))
    yield from _section("Message (approximate):", plan.preview)
    yield from _section("Values:", _lines(fields, "rest"))
    yield f"Requests: {'; '.join(call.endpoint for call in plan.calls)}."
    if plan.typed is not None:
        yield f"To approve, also type {visible(plan.typed)}."
    yield f"Change {change}. Nothing is sent unless you approve. Each approval applies once."


def _section(head: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    return (_list(head, lines),) if lines else ()


def _starts(starts: tuple[str, ...] | Literal["unknown"]) -> str:
    if starts == "unknown":
        return "May trigger: unknown."
    return _list("May trigger:", starts) if starts else "May trigger: no running campaign."


def _list(head: str, lines: Iterable[str]) -> str:
    return "\n".join([head, *(f"- {line if line.endswith(('.', '?', '!')) else f'{line}.'}" for line in lines)])


def _lines(fields: Iterable[Field], group: Group) -> tuple[str, ...]:
    return tuple(field.line for field in fields if field.group == group)


def _count(people: int | None) -> str:
    if people is None:
        return "an unknown number of people"
    return "1 person" if people == 1 else f"{people:,} people"


def _warnings(plan: Plan) -> Iterator[str]:
    sent = [text for call in plan.calls for text in texts_in([dict(call.path), dict(call.query), call.body])]
    if hides("\n".join(sent)) or any(map(hides, sent)):
        yield "Some values contain invisible characters. They are shown as \\u escapes."
    if alike := [text for text in sent if len(text) <= MAX_VALUE_CHARACTERS and _is_name(text) and mixes_scripts(text)]:
        examples = ", ".join(visible(text) for text in alike[:MAX_LOOKALIKES])
        yield f"Mixes scripts, so that letters may look like others: {examples}."


def _is_name(text: str) -> bool:
    """Whether a text may be an address, a URL, a domain, or the name of an attribute or event."""
    return not any(map(str.isspace, text.strip()))


def _fields(plan: Plan) -> Iterator[Field]:
    """Every value that the calls would send, except what was generated for them."""
    edits = {edit.name: edit for edit in plan.edits}
    for number, call in enumerate(plan.calls, start=1):
        if len(plan.calls) == 1 and (writes := profile_writes(call)):
            yield from _people_fields(writes, plan)
            continue
        prefix = f"{number}. " if len(plan.calls) > 1 else ""
        labels = LABELS.get(call.operation, NONE)
        for name, text in call.path.items():
            yield _field("reach", f"{prefix}{_path((name,), labels)}", text)
        for name, text in call.query.items():
            yield _field("rest", f"{prefix}{visible_name(name)}", text)
        for names, value in _body(call):
            yield from _body_fields(call, prefix, names, value, edits)


def _people_fields(writes: Sequence[ProfileWrite], plan: Plan) -> Iterator[Field]:
    """The people whom a batch updates, each with a number, then every value once with the numbers of its people."""
    known = {(person.kind, person.person): person for person in plan.people}
    shared: dict[str, dict[Field, list[int]]] = {}
    for number, write in enumerate(writes, start=1):
        person = known.get((write.person.kind, write.person.value))
        details = f": {person.details}" if person and person.details else ""
        new = " (created if new)" if write.create else ""
        value, whole = _shorten(visible(write.person.value))
        yield Field("reach", f"{number}. {write.person.kind} {value}{new}{details}", whole)
        edits = {edit.name: edit for edit in person.edits} if person else {}
        for name, value_ in write.attributes.items():
            for field in _value_fields(_group("track", name, value_), "", (name,), value_, edits, _PROFILE):
                shared.setdefault(name, {}).setdefault(field, []).append(number)
    for field, numbers in ((field, numbers) for fields in shared.values() for field, numbers in fields.items()):
        holders = "all" if len(numbers) == len(writes) else ", ".join(map(str, numbers))
        yield replace(field, line=f"{field.line} ({holders})" if len(writes) > 1 else field.line)


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


def _body_fields(
    call: Call, prefix: str, names: Names, value: JsonValue, edits: Mapping[str, Before]
) -> Iterator[Field]:
    labels, group = LABELS.get(call.operation, NONE), _group(call.lane, str(names[-1]), value)
    if names == (call.row.time,) and type(value) is int and (at := from_unix_if_readable(value)):
        yield Field(group, f"{prefix}{_path(names, labels)}: {moment(at)}", whole=True)
        return
    yield from _value_fields(group, prefix, names, value, edits, labels)


def _value_fields(
    group: Group, prefix: str, names: Names, value: JsonValue, edits: Mapping[str, Before], labels: Labels
) -> Iterator[Field]:
    name, path = str(names[-1]), f"{prefix}{_path(names, labels)}"
    if (edit := edits.get(name)) is not None:
        if not isinstance(value, dict | list) or not value:
            new, whole = _shorten(visible_value(value))
            yield Field(group, f"{path}: {_old(edit)} → {new}", whole)
            return
        yield Field(group, f"{path}: {_old(edit)} → the following values", whole=True)
    for inner, leaf in _leaves(names, value):
        yield _field(group, f"{prefix}{_path(inner, labels)}", leaf)


def _old(edit: Before) -> str:
    if not edit.known:
        return "(unknown)"
    return "(not set)" if edit.before in (None, "") else _shorten(visible_value(edit.before))[0]


def _group(lane: str, name: str, value: JsonValue) -> Group:
    if name in OPTIONS and (lane in {"transactional", "broadcast"} or name == "_update"):
        return "rest" if value == OPTIONS[name] else "option"
    return "reach" if normalized_name(name) in REACHING else "rest"


def _field(group: Group, path: str, value: JsonValue) -> Field:
    text, whole = _shorten(visible_value(value))
    return Field(group, f"{path}: {text}", whole)


def _path(names: Names, labels: Labels) -> str:
    """A path such as `Event data.items[1].name`: the longest label, then keys; one that is no plain word in quotes."""
    labelled = next((end for end in range(len(names), 0, -1) if names[:end] in labels), 0)
    steps = (f"[{name}]" if isinstance(name, int) else f".{visible_name(name)}" for name in names[labelled:])
    return f"{labels.get(names[:labelled], '')}{''.join(steps)}".removeprefix(".")


def _shorten(text: str) -> tuple[str, bool]:
    """A value as shown, and whether that is all of it; of a long one, beginning and end."""
    if len(text) <= MAX_VALUE_CHARACTERS:
        return text, True
    head, tail = text[: MAX_VALUE_CHARACTERS - 100], text[-50:]
    return f"{head} … {len(text) - len(head) - len(tail):,} more characters … {tail}", False


def _leaves(names: Names, value: JsonValue) -> Iterator[tuple[Names, JsonValue]]:
    """The parts of a value, each with its path: scalars, lists of scalars, and empty objects."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves((*names, key), inner)
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for index, inner in enumerate(value, start=1):
            yield from _leaves((*names, index), inner)
    else:
        yield names, value
