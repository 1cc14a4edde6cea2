"""Reading the policy file: TOML to `Policy`; whatever is wrong in it is told with its line."""

import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cio_mcp.errors import SettingError
from cio_mcp.gate.policy import ADDRESS, LARGE_AUDIENCE, Policy, Recipients, Rule, Said, Where
from cio_mcp.gate.risk import RISKS, Risk
from cio_mcp.settings import Settings
from cio_mcp.text.sanitize import quoted

SETTING = "CIO_POLICY_FILE"
MAX_FILE_BYTES = 1_000_000
"""Bytes of a policy file; chosen, a real one has a few hundred."""
KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)


def _plain_address(text: str) -> str:
    if not (text.isascii() and ADDRESS.fullmatch(text.lower())):
        raise ValueError("expected one plain email address, such as qa@example.com")
    return text.lower()


def _plain_domain(text: str) -> str:
    if not (text.isascii() and ADDRESS.fullmatch(f"x@{text.lower()}")):
        raise ValueError("expected a domain without @ or *, such as test.example.com; subdomains are named one by one")
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
        SettingError: the file cannot be read or is wrong; names the file, the line and the reason.
    """
    if settings.policy_file is None:
        return Policy()
    path = settings.policy_file
    return _Reading(str(path), _text_of(path)).policy(tools)


def _text_of(path: Path) -> str:
    try:
        # A pipe or a device could be read for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise SettingError(SETTING, f"{path} is not a file. Expected the path of a TOML file")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise SettingError(SETTING, f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingError(SETTING, f"{path} is not UTF-8 text") from None
    if len(raw) > MAX_FILE_BYTES:
        raise SettingError(SETTING, f"{path} is larger than 1 MB")
    return text


class _Reading:
    """One reading of one text: knows on which line each key stands."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = text.split("\n")
        self._places = _places(self._lines)
        self._text = text

    def policy(self, tools: Mapping[str, Collection[Risk]] | None) -> Policy:
        """Read it.

        Raises:
            SettingError: it is wrong.
        """
        file = self._checked(self._parsed())
        named = file.recipients
        recipients = Recipients(
            frozenset(named.addresses), frozenset(named.domains), None if named.segment is None else str(named.segment)
        )
        classes = {risk: self._said(("class", risk), getattr(file.classes, risk)) for risk in RISKS}
        policy = Policy(
            classes={risk: said for risk, said in classes.items() if said != Said()},
            tools={name: self._said(("tool", name), entry) for name, entry in file.tool.items()},
            recipients=recipients,
            large_audience=file.large_audience,
            sends_an_hour=file.sends_an_hour,
            lines={key: self._line((key,)) for key in file.model_fields_set - {"classes", "tool"}},
        )
        if file.classes.send.rule == "allow" and not recipients:
            self._wrong(
                ("class", "send", "rule"), "a send is allowed only for those whom [recipients] names; name them"
            )
        if tools is not None:
            self._check_tools(file.tool, tools, recipients)
        return policy

    def _parsed(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            found = _SYNTAX.match(str(error))
            line = int(found["line"] or len(self._lines)) if found else len(self._lines)
            what = found["what"] if found else "it is not TOML"
            raise self._error(line, f"{what[0].lower()}{what[1:]}") from None

    def _checked(self, told: dict[str, Any]) -> _File:
        try:
            return _File.model_validate(told)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            path, kind = first["loc"], first["type"]
            if kind == "extra_forbidden":
                self._wrong(path, f"is not known here; what is: {_known(path[:-1])}")
            if kind in ("model_type", "dict_type"):
                self._wrong(path, f"expected a table: [{'.'.join(map(str, path))}]")
            said = first["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
            self._wrong(path, said, first["input"])

    def _said(self, path: tuple[str, ...], entry: _Entry) -> Said:
        return Said(
            rule=entry.rule and (entry.rule, self._line((*path, "rule"))),
            approval=entry.approval and (entry.approval, self._line((*path, "approval"))),
        )

    def _check_tools(
        self, entries: Mapping[str, _Entry], tools: Mapping[str, Collection[Risk]], recipients: Recipients
    ) -> None:
        for name, entry in entries.items():
            if name not in tools:
                self._wrong(("tool", name), "there is no such tool; `cio-mcp tools` lists those there are")
            if not tools[name] and (entry.approval or entry.rule not in (None, "hide")):
                key = "approval" if entry.approval else "rule"
                self._wrong(("tool", name, key), f"{name} only reads, so nobody is asked; it can only be hidden")
            if entry.rule == "allow" and set(tools[name]) == {"send"} and not recipients:
                self._wrong(
                    ("tool", name, "rule"), "a send is allowed only for those whom [recipients] names; name them"
                )

    def _line(self, path: KeyPath) -> int:
        """The line of a key; where it stands inside a value, that value's; the first where it cannot be told."""
        names = [part for part in path if isinstance(part, str)]
        while names and tuple(names) not in self._places:
            names.pop()
        return self._places.get(tuple(names), 1)

    def _wrong(self, path: KeyPath, problem: str, value: object = None) -> NoReturn:
        line = self._line(path)
        if isinstance(path[-1], int):  # an item of a list, perhaps on a line of its own
            own = (n for n, text in enumerate(self._lines[line - 1 :], line) if str(value) in text)
            line = next(own, line)
        names = [quoted(part, 40) if not re.fullmatch(r"[\w-]{1,40}", part) else part for part in map(str, path)]
        raise self._error(line, f"{'.'.join(names)}: {problem}")

    def _error(self, line: int, problem: str) -> SettingError:
        return SettingError(SETTING, f"{self._name}, line {line}: {problem}")


def _known(path: KeyPath) -> str:
    models: dict[KeyPath, type[BaseModel]] = {(): _File, ("class",): _Classes, ("recipients",): _Recipients}
    return ", ".join(field.alias or name for name, field in models.get(path, _Entry).model_fields.items())


def _places(lines: list[str]) -> dict[tuple[str, ...], int]:
    """The line (from 1) on which each table and key begins."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines, start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            for length in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
