"""The check of the keys: one cheap read with each, so that a wrong one is reported before it is needed."""

from dataclasses import dataclass, field
from typing import Literal

import anyio

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.caller import Work, background_caller
from cio_mcp.customerio.client import Client
from cio_mcp.customerio.operations import Api
from cio_mcp.customerio.outcome import Answered
from cio_mcp.customerio.region import REGION_CALL, WORKSPACES_CALL
from cio_mcp.customerio.request import Request
from cio_mcp.errors import CioError, KeyRefused
from cio_mcp.settings import Settings

KeyState = Literal["accepted", "refused", "not checked"]

PRINCIPAL = "key check"
CHECK_SECONDS = 30.0
"""Seconds a check may take, retries included; no call waits for it."""
NAMES: dict[Api, str] = {"app": "App API key", "track": "Track API keys"}
SWAPPED = "Site ID and Tracking API key are also rejected if they are swapped."


@dataclass(slots=True)
class KeyReport:
    """Whether Customer.io accepts the keys that are set; empty until the check has run.

    `problems` has a sentence for each key that is refused or could not be checked.
    """

    states: dict[Api, KeyState] = field(default_factory=dict)
    problems: dict[Api, str] = field(default_factory=dict)

    async def fill(self, client: Client, settings: Settings) -> None:
        """Make one read with each key, through the limiter and after all other requests; raises nothing."""
        # The region is found out with the Track API keys, and where they are refused, the other key has no host.
        for call, is_set in ((REGION_CALL, settings.has_track), (WORKSPACES_CALL, settings.has_app)):
            if is_set:
                await self._check(client, call, region_by_track=settings.has_track and settings.region == "auto")

    async def _check(self, client: Client, call: Call, *, region_by_track: bool) -> None:
        work = Work(background_caller(PRINCIPAL), anyio.current_time() + CHECK_SECONDS, bulk=True)
        api = call.api
        try:
            outcome = (await client.exchange(Request.of(call), work)).outcome
        except KeyRefused as refused:
            if api == "app" and region_by_track:
                self._note(api, "not checked", "The region is unknown.")
            else:
                self._note(api, "refused", str(refused))
            return
        except CioError as failure:
            self._note(api, "not checked", str(failure))
            return
        match outcome:
            case Answered(status=401):
                self._note(api, "refused", str(client.refusal(call, outcome)))
            # A key that may not make this read is a key all the same.
            case Answered() if outcome.accepted or outcome.status == 403:  # noqa: PLR2004 - forbidden
                self.states[api] = "accepted"
            case _:
                self._note(api, "not checked", str(client.refusal(call, outcome)))

    def _note(self, api: Api, state: KeyState, problem: str) -> None:
        self.states[api] = state
        self.problems[api] = f"{problem} {SWAPPED}" if (api, state) == ("track", "refused") else problem

    def lines(self) -> dict[Api, str]:
        """A line for each key that was checked."""
        texts = {"accepted": "accepted by Customer.io.", "refused": "refused.", "not checked": "could not be checked."}
        return {
            api: " ".join(filter(None, [f"{NAMES[api]}: {texts[state]}", self.problems.get(api)]))
            for api, state in self.states.items()
        }
