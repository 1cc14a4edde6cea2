"""Settings for the sandbox in this process, with all tools and all keys."""

from functools import cache
from pathlib import Path

from cio_mcp.settings import Settings


@cache
def _settings() -> Settings:
    return Settings(
        site_id="sandbox-site",
        track_api_key="sandbox-track-key",
        app_api_key="sandbox-app-key",
        track_url="http://sandbox.test",
        app_url="http://sandbox.test",
        cdp_api_key="sandbox-cdp-key",
        cdp_url="http://sandbox.test",
        workspace="sandbox",
        toolsets=("all",),
        max_wait=100.0,
    )


def sandbox_settings(directory: Path) -> Settings:
    """Settings with their data in a directory; reading the environment once saves milliseconds a test."""
    return _settings().model_copy(update={"data_dir": directory / "data"})
