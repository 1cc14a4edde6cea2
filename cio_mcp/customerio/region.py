"""The hosts of both regions, and the detection of the account's region."""

from collections.abc import Awaitable, Callable
from typing import Literal

import anyio

from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.credentials import key_refused
from cio_mcp.customerio.operations import Api
from cio_mcp.customerio.outcome import Answered, Outcome, Unsent
from cio_mcp.customerio.responses import json_object, problem
from cio_mcp.errors import Unavailable
from cio_mcp.settings import Settings

Place = Literal["us", "eu"]

HOSTS: dict[Api, dict[Place, str]] = {
    "app": {"us": "https://api.customer.io", "eu": "https://api-eu.customer.io"},
    "track": {"us": "https://track.customer.io", "eu": "https://track-eu.customer.io"},
    "pipelines": {"us": "https://cdp.customer.io", "eu": "https://cdp-eu.customer.io"},
}

REGION_CALL = read("get_region")
"""Answers with the region on either Track host."""
WORKSPACES_CALL = read("list_workspaces")
"""The smallest read of the App API, which answers 401 to a key of the other region."""

UNKNOWN_KEY_STATUS = 401
RATE_LIMITED_STATUS = 429

Probe = Callable[[Call, str], Awaitable[Outcome]]
"""Makes a call at a base URL."""


class Regions:
    """Base URLs by API: settings first, else the region's, which `auto` finds out once a process."""

    def __init__(self, settings: Settings, probe: Probe) -> None:
        self._settings = settings
        self._probe = probe
        self._finding = anyio.Lock()
        self._region: Place | None = None if settings.region == "auto" else settings.region
        self._urls: dict[Api, str | None] = {
            "app": settings.app_url,
            "track": settings.track_url,
            "pipelines": settings.cdp_url,
        }

    @property
    def region(self) -> Place | None:
        """The region, once it is known."""
        return self._region

    async def base(self, api: Api, *, within: float) -> str:
        """The base URL of an API, in at most `within` seconds.

        Raises:
            KeyRefused: no region knows the key.
            SettingError: a proxy or certificate setting keeps Customer.io from being reached.
            Unavailable: Customer.io could not be asked; the next caller asks again.
        """
        if url := self._urls[api]:
            return url
        if self._region is None:
            with anyio.move_on_after(within):
                return HOSTS[api][await self._find()]
            raise _could_not_ask()
        return HOSTS[api][self._region]

    async def _find(self) -> Place:
        async with self._finding:
            if self._region is None:
                self._region = await (self._by_track() if self._settings.has_track else self._by_app())
            return self._region

    async def _by_track(self) -> Place:
        own = self._urls["track"]
        for base in [own] if own else HOSTS["track"].values():
            answer = await self._ask(REGION_CALL, base)
            if answer.refused:
                raise key_refused(self._settings, "track", None)
            if not answer.redirects:
                match json_object(answer).get("region"):
                    case "us":
                        return "us"
                    case "eu":
                        return "eu"
                    case _:
                        break
        raise _could_not_ask()

    async def _by_app(self) -> Place:
        places: tuple[Place, ...] = ("us", "eu")
        answers: list[Answered] = []
        for place in places:
            answers.append(await self._ask(WORKSPACES_CALL, HOSTS["app"][place]))
            if answers[-1].status != UNKNOWN_KEY_STATUS and not answers[-1].redirects:
                return place  # any other answer knows the key
        raise (
            _could_not_ask()
            if all(answer.redirects for answer in answers)
            else key_refused(self._settings, "app", None)
        )

    async def _ask(self, call: Call, base: str) -> Answered:
        """An answer that says something about the key or the region."""
        outcome = await self._probe(call, base)
        if isinstance(outcome, Unsent):
            raise problem(call, outcome)
        if not isinstance(outcome, Answered) or outcome.status == RATE_LIMITED_STATUS:  # which any key is answered
            raise _could_not_ask()
        if not (outcome.accepted or outcome.refused or outcome.redirects):
            raise _could_not_ask()
        return outcome


def _could_not_ask() -> Unavailable:
    return Unavailable(
        "The region of the account could not be determined. Try again in a few seconds, or set CIO_REGION to us or eu."
    )
