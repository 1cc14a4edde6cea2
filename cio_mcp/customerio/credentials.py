"""Who we are to Customer.io: Basic for Track, Bearer for the App API; and what to mend when it refuses."""

from base64 import b64encode

from cio_mcp.customerio.operations import Api
from cio_mcp.errors import KeyRefused, SettingError
from cio_mcp.settings import WHERE, Settings


def authorization(settings: Settings, api: Api) -> str:
    """The `Authorization` header for an API.

    Raises:
        SettingError: the key for it is not set; names the setting and where it is found.
    """
    if api == "app":
        if settings.app_api_key is None:
            raise _missing("CIO_APP_API_KEY", "this needs the App API")
        return f"Bearer {settings.app_api_key.get_secret_value()}"
    if not settings.site_id:
        raise _missing("CIO_SITE_ID", "this needs the Track API")
    if settings.track_api_key is None:
        raise _missing("CIO_TRACK_API_KEY", "this needs the Track API")
    pair = f"{settings.site_id}:{settings.track_api_key.get_secret_value()}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def key_refused(settings: Settings, api: Api, region: str | None) -> KeyRefused:
    """The sentence for a 401: which settings to mend, and where in Customer.io they are found."""
    if api == "track":
        return KeyRefused(
            f"Customer.io refused the Track keys (401). Mend CIO_SITE_ID ({WHERE['CIO_SITE_ID']}) and "
            f"CIO_TRACK_API_KEY ({WHERE['CIO_TRACK_API_KEY']}); an App API key does not work there. "
            f"{_elsewhere('CIO_TRACK_URL', settings.track_url, region)}"
        )
    return KeyRefused(
        f"Customer.io refused the App API key (401). Mend CIO_APP_API_KEY ({WHERE['CIO_APP_API_KEY']}); "
        f"a Tracking API key does not work there. {_elsewhere('CIO_APP_URL', settings.app_url, region)}"
    )


def key_lacks_scope(api: Api) -> KeyRefused:
    """The sentence for a 403."""
    name = "CIO_APP_API_KEY" if api == "app" else "CIO_TRACK_API_KEY"
    return KeyRefused(
        f"Customer.io forbids this to the key in {name} (403): its scope may be restricted, "
        f"an IP allowlist may be on, or the feature is off for the account. It is {WHERE[name]}."
    )


def _missing(setting: str, need: str) -> SettingError:
    return SettingError(setting, f"is missing, and {need}; it is {WHERE[setting]}")


def _elsewhere(url_setting: str, url: str | None, region: str | None) -> str:
    if url is not None:
        return f"Or mend {url_setting}, if that is not the host the key belongs to."
    tried = f"the {region.upper()} region was asked" if region else "both regions were asked"
    return (
        f"Or mend CIO_REGION ({WHERE['CIO_REGION']}): "
        f"a key of the other region is refused just as a wrong one is; {tried}."
    )
