"""Lenient parsing: a response becomes a JSON object, or an error sentence that quotes nothing of it."""

import re
from collections.abc import Iterator
from typing import Any

import pydantic_core
from pydantic import JsonValue

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import Api
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.errors import BadAnswer, CioError, NotFound, RateLimited, Rejected, SettingError, Unavailable

URL_SETTINGS: dict[Api, str] = {"app": "CIO_APP_URL", "track": "CIO_TRACK_URL", "pipelines": "CIO_CDP_URL"}
DEFAULT_RETRY_SECONDS = 5.0
"""Seconds suggested where Customer.io names none."""
_A_NAME = re.compile(r"[a-z_]{2,40}")
_QUOTED = re.compile(r"""['"`]([a-z_]{2,40})['"`]""")
_WORD = re.compile(r"[a-z_]+")
_GRAMMAR = frozenset(
    ("a", "an", "and", "be", "can", "for", "has", "in", "is", "no", "not", "of", "or", "the", "to", "value")
)
"""Words of an English sentence that name no field unless they are quoted."""


def json_object(answer: Answered, list_key: str = "") -> dict[str, Any]:
    """The body of a 2xx as a JSON object; with `list_key` a list counts as an object with only this key.

    Raises:
        BadAnswer: it is empty, too large, garbled, not JSON, or not an object.
    """
    if answer.flaw:
        raise _bad(answer.flaw)
    if not answer.body.strip():
        raise _bad("empty")
    try:
        value = pydantic_core.from_json(answer.body)
    except ValueError:
        raise _bad("not JSON (perhaps a web page)") from None
    if list_key and isinstance(value, list):
        return {list_key: value}
    if not isinstance(value, dict):
        raise _bad("JSON, but not an object")
    return value


def problem(call: Call, outcome: Outcome) -> CioError:
    """The error for an outcome that is not a 2xx; the client explains refused keys (401, 403)."""
    match outcome:
        case Unsent(why, setting) if setting:
            return SettingError(setting, f"Customer.io {why}; nothing was sent")
        case Unsent(why):
            return Unavailable(f"Customer.io {why}; nothing was sent. {_later(DEFAULT_RETRY_SECONDS)}")
        case Lost(why):
            return Unavailable(f"Customer.io {why}. {_later(DEFAULT_RETRY_SECONDS)}")
        case Answered():
            return _decline_error(call, outcome)


def _decline_error(call: Call, answer: Answered) -> CioError:
    match answer:
        case Answered(status=404):
            return NotFound(f"Not found in Customer.io (404, {call.route}).")
        case Answered(status=429):
            return RateLimited(answer.retry_after or LANES[call.lane].window, lane=call.lane)
        case Answered() if answer.passing:
            return Unavailable(
                f"Customer.io answered {answer.status}. {_later(answer.retry_after or DEFAULT_RETRY_SECONDS)}"
            )
        case Answered(status=status) if answer.redirects:
            return SettingError(
                URL_SETTINGS[call.api],
                f"that host redirects elsewhere ({status}). Set it, or CIO_REGION, to the API's own host",
            )
        case Answered(status=status):
            return Rejected(rejection(call, answer), status=status)


def rejection(call: Call, answer: Answered) -> str:
    """The sentence for a 4xx: of Customer.io's own words only the names of fields that we sent."""
    names = sorted(_blamed_fields(answer.body, _sent_fields(call)))
    about = f" It names {', '.join(f'`{name}`' for name in names)}." if names else ""
    match answer.status:
        case 409:
            return f"Customer.io reported a conflict with existing data (409).{about} Read it again before you retry."
        case 413:
            return f"Customer.io found the request too large (413).{about} Send less data."
        case status:
            return f"Customer.io did not accept the request ({status}).{about} Check the arguments."


def _blamed_fields(body: bytes, sent: set[str]) -> set[str]:
    """Those fields of `sent` that an error body names; none where errors look otherwise.

    The App API and Track v2 answer `errors[].field` or `errors[].source.pointer`, Track v1 `meta.error` or
    `meta.errors`, which are sentences.
    """
    try:
        answer = pydantic_core.from_json(body)
    except ValueError:
        return set()
    if not isinstance(answer, dict):
        return set()
    meta = answer.get("meta")
    listed = [*_as_list(answer.get("errors"))]
    if isinstance(meta, dict):
        listed += [*_as_list(meta.get("error")), *_as_list(meta.get("errors"))]
    return {word for error in listed for word in _explanation(error, sent)}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _explanation(error: Any, sent: set[str]) -> set[str]:
    """The fields that one error names: in a path any part, in a sentence the quoted words, or else any word."""
    match error:
        case str():
            return sent.intersection(_QUOTED.findall(error)) or sent.intersection(_WORD.findall(error)) - _GRAMMAR
        case dict():
            source = error.get("source")
            paths = error.get("field"), source.get("pointer") if isinstance(source, dict) else None
            return {part for path in paths if isinstance(path, str) for part in re.split(r"[/.]", path)} & sent
        case _:
            return set()


def _sent_fields(call: Call) -> set[str]:
    return {name for name in (*call.query, *call.path, *_keys(call.body)) if _A_NAME.fullmatch(name)}


def _keys(value: JsonValue) -> Iterator[str]:
    match value:
        case dict():
            yield from value
            for inner in value.values():
                yield from _keys(inner)
        case list():
            for inner in value:
                yield from _keys(inner)


def _later(seconds: float) -> str:
    return f"Try again in {max(1, round(seconds))} s."


def _bad(flaw: str) -> BadAnswer:
    return BadAnswer(
        f"Customer.io's response was {flaw}. Try again. If it persists, the server operator should check for a proxy "
        "or firewall in between."
    )
