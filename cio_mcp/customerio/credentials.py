"""Credentials: Basic for the Track API, Bearer for the App API, and the settings to fix if one is refused."""

from base64 import b64encode

from cio_mcp.customerio.operations import Api
from cio_mcp.errors import KeyRefused, SettingError
from cio_mcp.settings import WHERE, Settings

KEY_SETTINGS: dict[Api, str] = {"app": "CIO_APP_API_KEY", "track": "CIO_TRACK_API_KEY", "pipelines": "CIO_CDP_API_KEY"}


def authorization(settings: Settings, api: Api) -> str:
    """The `Authorization` header for an API.

    Raises:
        SettingError: the key for it is not set; names the setting and where it is found.
    """
    if api == "app":
        if settings.app_api_key is None:
            raise _missing("CIO_APP_API_KEY", "this needs the App API")
        return f"Bearer {settings.app_api_key.get_secret_value()}"
    if api == "pipelines":
        if settings.cdp_api_key is None:
            raise _missing("CIO_CDP_API_KEY", "this needs the Pipelines API")
        return _basic(settings.cdp_api_key.get_secret_value(), "")
    if not settings.site_id:
        raise _missing("CIO_SITE_ID", "this needs the Track API")
    if settings.track_api_key is None:
        raise _missing("CIO_TRACK_API_KEY", "this needs the Track API")
    return _basic(settings.site_id, settings.track_api_key.get_secret_value())


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def key_refused(settings: Settings, api: Api, region: str | None) -> KeyRefused:
    """The sentence for a 401: the settings to check, and where to find their values in Customer.io."""
    if api == "track":
        return KeyRefused(
            f"Customer.io refused the Track keys (401). Check CIO_SITE_ID ({WHERE['CIO_SITE_ID']}) and "
            f"CIO_TRACK_API_KEY ({WHERE['CIO_TRACK_API_KEY']}); an App API key does not work there. "
            f"{_elsewhere('CIO_TRACK_URL', settings.track_url, region)}"
        )
    if api == "pipelines":
        return KeyRefused(
            f"Customer.io refused the Pipelines API key (401). Check CIO_CDP_API_KEY ({WHERE['CIO_CDP_API_KEY']}); "
            f"the other keys do not work there. {_elsewhere('CIO_CDP_URL', settings.cdp_url, region)}"
        )
    return KeyRefused(
        f"Customer.io refused the App API key (401). Check CIO_APP_API_KEY ({WHERE['CIO_APP_API_KEY']}); "
        f"a Tracking API key does not work there. {_elsewhere('CIO_APP_URL', settings.app_url, region)}"
    )


def key_lacks_scope(api: Api) -> KeyRefused:
    """The sentence for a 403."""
    name = KEY_SETTINGS[api]
    return KeyRefused(
        f"Customer.io doesn't allow this for the key in {name} (403): its scope may be restricted, "
        f"an IP allowlist may be on, or the feature may be off for the account. It is {WHERE[name]}."
    )


def _missing(setting: str, need: str) -> SettingError:
    return SettingError(setting, f"is missing, and {need}; it is {WHERE[setting]}")


def _elsewhere(url_setting: str, url: str | None, region: str | None) -> str:
    if url is not None:
        return f"If the key belongs to another host, check {url_setting}."
    tried = f"the {region.upper()} region was tried" if region else "both regions were tried"
    return f"If the key belongs to another region, set CIO_REGION ({WHERE['CIO_REGION']}); {tried}."
