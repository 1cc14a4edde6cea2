from base64 import b64decode

import pytest

from cio_mcp.customerio.credentials import authorization, key_lacks_scope, key_refused
from cio_mcp.customerio.operations import Api
from cio_mcp.errors import SettingError
from cio_mcp.settings import WHERE, Settings

FULL = Settings(site_id="a-site", track_api_key="track-secret", app_api_key="app-secret", cdp_api_key="source-secret")


def test_track_takes_site_id_and_key_as_basic() -> None:
    scheme, _, pair = authorization(FULL, "track").partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"a-site:track-secret")


def test_the_app_api_takes_its_key_as_bearer() -> None:
    assert authorization(FULL, "app") == "Bearer app-secret"


def test_pipelines_take_their_key_as_a_user_without_a_password() -> None:
    scheme, _, pair = authorization(FULL, "pipelines").partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"source-secret:")


@pytest.mark.parametrize(
    ("settings", "api", "named"),
    [
        (Settings(), "app", "CIO_APP_API_KEY"),
        (Settings(), "track", "CIO_SITE_ID"),
        (Settings(site_id="a-site"), "track", "CIO_TRACK_API_KEY"),
        (Settings(app_api_key="app-secret"), "pipelines", "CIO_CDP_API_KEY"),
    ],
)
def test_a_missing_key_is_named_with_where_it_is_found(settings: Settings, api: Api, named: str) -> None:
    with pytest.raises(SettingError) as caught:
        authorization(settings, api)
    assert caught.value.setting == named
    assert WHERE[named] in str(caught.value)


@pytest.mark.parametrize(
    ("api", "region", "named"),
    [
        ("app", "us", ["CIO_APP_API_KEY", WHERE["CIO_APP_API_KEY"], "CIO_REGION", "the US region was tried"]),
        ("app", None, ["CIO_APP_API_KEY", "CIO_REGION", "both regions were tried"]),
        ("pipelines", "us", ["CIO_CDP_API_KEY", WHERE["CIO_CDP_API_KEY"], "the other keys do not work there"]),
        ("track", "eu", ["CIO_SITE_ID", "CIO_TRACK_API_KEY", "CIO_REGION", "an App API key does not work there"]),
    ],
)
def test_a_refused_key_says_what_may_be_wrong_and_where_to_look(api: Api, region: str | None, named: list[str]) -> None:
    text = str(key_refused(FULL, api, region))
    assert all(part in text for part in named)
    assert "secret" not in text


def test_a_refused_key_on_a_host_of_ones_own_names_that_host() -> None:
    settings = Settings(app_api_key="app-secret", app_url="http://127.0.0.1:8900")
    assert "CIO_APP_URL" in str(key_refused(settings, "app", None))
    assert "CIO_REGION" not in str(key_refused(settings, "app", None))


def test_a_forbidden_read_speaks_of_scope_and_allowlist() -> None:
    assert "scope" in str(key_lacks_scope("app"))
    assert "IP allowlist" in str(key_lacks_scope("app"))
