"""What the environment may hold, and what is said about what it may not."""

import pytest

from cio_mcp.errors import SettingError
from cio_mcp.settings import load_settings

WRONG = {
    "CIO_REGION": ("mars", "expected 'us', 'eu' or 'auto'; it is us, eu or auto, as under Settings > Privacy"),
    "CIO_HEADROOM": ("lots", "expected a number"),
    "CIO_MAX_WAIT": ("0", "expected at least 1"),
    "CIO_READ_ONLY": ("perhaps", "expected true or false"),
    "CIO_APPROVAL": ("never", "expected 'ask' or 'outside'"),
    "CIO_TOOLSETS": (" , ", "expected at least one toolset"),
    "CIO_APP_URL": ("https://", "expected the URL of a host"),
    "CIO_TRACK_URL": ("track.customer.io", "expected the URL of a host"),
    "CIO_DATABASE_URL": ("postgresql://ada:secret@host/db", "expected sqlite:/// and the path of a file"),
    "CIO_STATE_KEYS": ("x" * 32 + ",short", "expected keys of at least 32 characters"),
    "CIO_APP_API_KEY": ("schl\u00fcssel", "holds a character that none has; copy it anew; it is an App API key under"),
    "CIO_SITE_ID": ("two words", "holds a character that none has"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_one_sentence_that_names_the_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, said = WRONG[name]
    monkeypatch.setenv("CIO_APP_API_KEY", "key")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: {said}")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_key_pasted_with_a_line_break_is_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_APP_API_KEY", " sandbox-app-key\n")
    key = load_settings().app_api_key
    assert key is not None
    assert key.get_secret_value() == "sandbox-app-key"


def test_nothing_but_blanks_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_APP_API_KEY", "  ")
    with pytest.raises(SettingError, match="CIO_APP_API_KEY: is missing"):
        load_settings()
