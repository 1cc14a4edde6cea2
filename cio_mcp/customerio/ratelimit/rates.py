"""Customer.io's published limits as data, each with its source."""

from dataclasses import dataclass

from cio_mcp.customerio.operations import Lane as LaneName


@dataclass(frozen=True, slots=True)
class Lane:
    """A budget that all processes of a workspace share: `requests` in any `window` seconds.

    `paced` lanes space their grants while requests queue; `shares` names the lane whose budget is drawn on.
    """

    requests: int
    window: float
    source: str
    paced: bool = True
    shares: LaneName | None = None


APP_DOCS = "https://docs.customer.io/integrations/api/app/"
TRACK_DOCS = "https://docs.customer.io/integrations/api/track/"
CDP_DOCS = "https://docs.customer.io/integrations/api/cdp/"

LANES: dict[LaneName, Lane] = {
    "app": Lane(10, 1.0, f"10 requests a second, one budget per workspace: {APP_DOCS}"),
    "track": Lane(3000, 3.0, f"3000 requests per 3 s, soft, shared with sends: {TRACK_DOCS}", paced=False),
    "transactional": Lane(3000, 3.0, f"shares the Track budget: {APP_DOCS}", paced=False, shares="track"),
    "pipelines": Lane(
        3000, 3.0, f"3000 requests per 3 s, drawn on the Track budget: {CDP_DOCS}", paced=False, shares="track"
    ),
    "broadcast": Lane(1, 10.0, f"1 trigger per 10 s, unclear whether per broadcast: {APP_DOCS}"),
    "archived_message": Lane(100, 86_400.0, f"100 archived messages a day: {APP_DOCS}", paced=False),
}
