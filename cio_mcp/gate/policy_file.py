"""Reads the policy file, from TOML to `Policy`; errors name the key."""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cio_mcp.errors import SettingError
from cio_mcp.gate.policy import LARGE_AUDIENCE, PLAIN_ADDRESS, Entry, Policy, Recipients, Rule, SyncRule, Where
from cio_mcp.gate.risk import RISKS, Risk
from cio_mcp.settings import Settings, read_setting_file
from cio_mcp.text.toml_model import WrongKey, read_toml

SETTING = "CIO_POLICY_FILE"
MAX_FILE_BYTES = 1_000_000
"""Bytes of a policy file. Chosen: a real one has a few hundred."""
NO_RECIPIENTS = "needs [recipients]: a send is allowed only to people named there"


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


class _Sync(_Strict):
    rule: Rule
    max_changed: Annotated[int, Field(ge=1)] | None = None
    max_share: Annotated[float, Field(gt=0, le=1)] | None = None
    create: bool = False
    starts: bool = False


class _File(_Strict):
    large_audience: Annotated[int, Field(ge=1)] = LARGE_AUDIENCE
    sends_an_hour: Annotated[int, Field(ge=1)] | None = None
    classes: Annotated[_Classes, Field(alias="class")] = _Classes()
    tool: dict[str, _Entry] = {}
    sync: dict[str, _Sync] = {}
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
        return _policy(read_toml(text, _File), tools)
    except WrongKey as wrong:
        raise SettingError(SETTING, f"{path}: {wrong}") from None


def _policy(file: _File, tools: Mapping[str, Collection[Risk]] | None) -> Policy:
    recipients = Recipients(
        frozenset(file.recipients.addresses),
        frozenset(file.recipients.domains),
        None if file.recipients.segment is None else str(file.recipients.segment),
    )
    classes = {risk: _entry(getattr(file.classes, risk)) for risk in RISKS}
    if file.classes.send.rule == "allow" and not recipients:
        raise WrongKey(("class", "send", "rule"), NO_RECIPIENTS)
    if tools is not None:
        _check_tools(file.tool, tools, recipients)
    return Policy(
        classes={risk: entry for risk, entry in classes.items() if entry != Entry()},
        tools={name: _entry(entry) for name, entry in file.tool.items()},
        syncs={name: _sync_rule(name, sync) for name, sync in file.sync.items()},
        recipients=recipients,
        large_audience=file.large_audience,
        sends_an_hour=file.sends_an_hour,
        explicit_keys=frozenset(file.model_fields_set - {"classes", "tool"}),
    )


def _entry(entry: _Entry) -> Entry:
    return Entry(entry.rule, entry.approval)


def _sync_rule(name: str, sync: _Sync) -> SyncRule:
    for key, value in (("max_changed", sync.max_changed), ("max_share", sync.max_share)):
        if sync.rule == "allow" and value is None:
            raise WrongKey(("sync", name, key), "is required: a sync is allowed only up to a size")
    return SyncRule(sync.rule, sync.max_changed or 0, sync.max_share or 0.0, sync.create, sync.starts)


def _check_tools(entries: Mapping[str, _Entry], tools: Mapping[str, Collection[Risk]], recipients: Recipients) -> None:
    for name, entry in entries.items():
        if name not in tools:
            raise WrongKey(("tool", name), "unknown tool; `cio-mcp tools` lists all tools")
        if not tools[name] and (entry.approval or entry.rule not in (None, "hide")):
            key = "approval" if entry.approval else "rule"
            raise WrongKey(("tool", name, key), f"{name} only reads, so it needs no approval; it can only be hidden")
        if entry.rule == "allow" and set(tools[name]) == {"send"} and not recipients:
            raise WrongKey(("tool", name, "rule"), NO_RECIPIENTS)
