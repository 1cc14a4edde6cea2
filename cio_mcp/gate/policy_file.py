"""Reads the policy file, from TOML to `Policy`; errors name the key."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cio_mcp.errors import SettingError, expectation
from cio_mcp.gate.policy import LARGE_AUDIENCE, PLAIN_ADDRESS, Entry, Policy, Recipients, Rule, Where
from cio_mcp.gate.risk import RISKS, Risk
from cio_mcp.settings import Settings, parse_toml, read_setting_file
from cio_mcp.text.sanitize import quoted

SETTING = "CIO_POLICY_FILE"
MAX_FILE_BYTES = 1_000_000
"""Bytes of a policy file. Chosen: a real one has a few hundred."""
NO_RECIPIENTS = "needs [recipients]: a send is allowed only to people named there"
KeyPath = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[\w-]{1,40}")


def _plain_address(text: str) -> str:
    if not (text.isascii() and PLAIN_ADDRESS.fullmatch(text.lower())):
        raise ValueError("expected one plain email address, such as qa@example.com")
    return text.lower()


def _plain_domain(text: str) -> str:
    if not (text.isascii() and PLAIN_ADDRESS.fullmatch(f"x@{text.lower()}")):
        raise ValueError("expected a domain without @ or *, such as test.example.com; name each subdomain separately")
    return text.lower()


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Entry(_Strict):
    rule: Rule | None = None
    approval: Where | None = None


class _Classes(_Strict):
    data: _Entry = _Entry()
    send: _Entry = _Entry()
    destroy: _Entry = _Entry()


class _Recipients(_Strict):
    addresses: list[Annotated[str, AfterValidator(_plain_address)]] = []
    domains: list[Annotated[str, AfterValidator(_plain_domain)]] = []
    segment: Annotated[str, Field(min_length=1)] | int | None = None


class _File(_Strict):
    large_audience: Annotated[int, Field(ge=1)] = LARGE_AUDIENCE
    sends_an_hour: Annotated[int, Field(ge=1)] | None = None
    classes: Annotated[_Classes, Field(alias="class")] = _Classes()
    tool: dict[str, _Entry] = {}
    recipients: _Recipients = _Recipients()


def policy_of(settings: Settings, tools: Mapping[str, Collection[Risk]] | None = None) -> Policy:
    """The policy that the settings name, or the defaults; `tools` are the tools there are, with what each may do.

    Raises:
        SettingError: the file cannot be read or is wrong; names the file, the key and the reason.
    """
    if settings.policy_file is None:
        return Policy()
    path = settings.policy_file
    text = read_setting_file(SETTING, path, max_bytes=MAX_FILE_BYTES, expected=". Expected the path of a TOML file")
    try:
        return _policy(_read_toml(text), tools)
    except _Wrong as wrong:
        raise SettingError(SETTING, f"{path}: {wrong}") from None


class _Wrong(Exception):
    """A fault in the file."""

    def __init__(self, path: KeyPath, problem: str) -> None:
        keys = (part if _BARE_KEY.fullmatch(part) else quoted(part, 40) for part in map(str, path))
        super().__init__(f"{'.'.join(keys)}: {problem}" if path else problem)


def _read_toml(text: str) -> _File:
    try:
        read = parse_toml(text)
    except ValueError as error:
        raise _Wrong((), f"is not valid TOML: {error}") from None
    try:
        return _File.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = first["loc"]
        if first["type"] == "extra_forbidden":
            raise _Wrong(path, f"unknown key. Expected {_known(path[:-1])}") from None
        if first["type"] in ("model_type", "dict_type"):
            raise _Wrong(path, f"expected a table: [{'.'.join(map(str, path))}]") from None
        raise _Wrong(path, expectation(first)) from None


def _policy(file: _File, tools: Mapping[str, Collection[Risk]] | None) -> Policy:
    recipients = Recipients(
        frozenset(file.recipients.addresses),
        frozenset(file.recipients.domains),
        None if file.recipients.segment is None else str(file.recipients.segment),
    )
    classes = {risk: _entry(getattr(file.classes, risk)) for risk in RISKS}
    if file.classes.send.rule == "allow" and not recipients:
        raise _Wrong(("class", "send", "rule"), NO_RECIPIENTS)
    if tools is not None:
        _check_tools(file.tool, tools, recipients)
    return Policy(
        classes={risk: entry for risk, entry in classes.items() if entry != Entry()},
        tools={name: _entry(entry) for name, entry in file.tool.items()},
        recipients=recipients,
        large_audience=file.large_audience,
        sends_an_hour=file.sends_an_hour,
        explicit_keys=frozenset(file.model_fields_set - {"classes", "tool"}),
    )


def _entry(entry: _Entry) -> Entry:
    return Entry(entry.rule, entry.approval)


def _check_tools(entries: Mapping[str, _Entry], tools: Mapping[str, Collection[Risk]], recipients: Recipients) -> None:
    for name, entry in entries.items():
        if name not in tools:
            raise _Wrong(("tool", name), "unknown tool; `cio-mcp tools` lists all tools")
        if not tools[name] and (entry.approval or entry.rule not in (None, "hide")):
            key = "approval" if entry.approval else "rule"
            raise _Wrong(("tool", name, key), f"{name} only reads, so it needs no approval; it can only be hidden")
        if entry.rule == "allow" and set(tools[name]) == {"send"} and not recipients:
            raise _Wrong(("tool", name, "rule"), NO_RECIPIENTS)


def _known(path: KeyPath) -> str:
    models: dict[KeyPath, type[BaseModel]] = {(): _File, ("class",): _Classes, ("recipients",): _Recipients}
    return ", ".join(field.alias or name for name, field in models.get(path, _Entry).model_fields.items())
