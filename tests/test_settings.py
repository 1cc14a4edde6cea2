"""What the environment may contain, and the sentence for what it may not."""

import logging
from pathlib import Path

import pytest

from cio_mcp.environment import check_names, has_variable
from cio_mcp.errors import SettingError
from cio_mcp.server.app import build_server
from cio_mcp.server.errors import sentence
from cio_mcp.settings import Settings, load_settings

WRONG = {
    "CIO_REGION": ("mars", "expected 'us', 'eu' or 'auto'. Customer.io shows the region under Settings > Privacy"),
    "CIO_HEADROOM": ("lots", "expected a number."),
    "CIO_MAX_WAIT": ("0", "expected at least 1, in seconds."),
    "CIO_READ_ONLY": ("perhaps", "expected true or false."),
    "CIO_APPROVAL": ("never", "expected 'ask' or 'outside'."),
    "CIO_TOOLSETS": (" , ", "expected at least one toolset"),
    "CIO_APP_URL": ("https://", "expected the URL of a host"),
    "CIO_TRACK_URL": ("track.customer.io", "expected the URL of a host"),
    "CIO_DATABASE_URL": ("postgresql://ada:secret@host/db", "expected sqlite:/// and the path of a file"),
    "CIO_STATE_KEYS": ("x" * 32 + ",short", "expected keys of at least 32 characters"),
    "CIO_APP_API_KEY": (
        "schl\u00fcssel",
        "contains an invalid character; copy the key again. Customer.io shows an App API key under",
    ),
    "CIO_SITE_ID": ("two words", "contains an invalid character"),
    "CIO_WEBHOOK_SIGNING_KEYS": ("one,tw\u200bo", "contains an invalid character"),
    "CIO_FILES_DIRS": ("/,/nowhere/at/all", "/nowhere/at/all is not a directory"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_one_sentence_that_names_the_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, message = WRONG[name]
    monkeypatch.setenv("CIO_APP_API_KEY", "key")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: {message}")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CIO_MAX_WAIT", "20s", "expected a number, in seconds."),
        ("CIO_MAX_WAIT", "601", "expected at most 600, in seconds."),
        ("CIO_MAX_WAIT", "${WAIT}", "still contains a variable"),
        ("CIO_EVENT_DAYS", "4 weeks", "expected a whole number, in days."),
    ],
)
def test_a_wrong_number_of_a_setting_is_refused_with_its_unit(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIO_APP_API_KEY", "key")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: {message}")
    assert ("in seconds" in str(caught.value)) == ("in seconds" in message)


@pytest.mark.parametrize(
    "value", ["http://host:port", "http://ada:secret@host", "https://host?key=secret", "https://ho st", "https://h\n.b"]
)
def test_a_url_that_cannot_be_a_base_is_refused_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_APP_API_KEY", "key")
    monkeypatch.setenv("CIO_APP_URL", value)
    with pytest.raises(SettingError, match="CIO_APP_URL: expected the URL of a host") as caught:
        load_settings()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CIO_REGION", " EU\n", "eu"),
        ("CIO_APPROVAL", "Outside", "outside"),
        ("CIO_TOOLSETS", " Core ", ("core",)),
        ("CIO_READ_ONLY", " TRUE ", True),
        ("CIO_MAX_WAIT", " 30\n", 30.0),
        ("CIO_APP_URL", "http://127.0.0.1:8917/\n", "http://127.0.0.1:8917"),
        ("CIO_WORKSPACE", " acme ", "acme"),
        ("CIO_WORKSPACE", "  ", None),
        ("CIO_EVENT_DAYS", "  ", 30),
        ("CIO_DATA_DIR", "~/cio-x", Path("/home/ada/cio-x")),
        ("CIO_POLICY_FILE", " ~/policy.toml", Path("/home/ada/policy.toml")),
        ("CIO_PROMPTS_DIR", " ~/prompts", Path("/home/ada/prompts")),
        ("CIO_FILES_DIRS", " / , /usr ", (Path("/"), Path("/usr"))),
        ("CIO_FILES_DIRS", "", ()),
    ],
)
def test_a_value_is_read_as_a_person_means_it(
    name: str, value: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("CIO_APP_API_KEY", "key")
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), name.removeprefix("CIO_").lower()) == expected


def test_a_database_in_the_home_directory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    settings = load_settings(keys_needed=False, database_url="sqlite:///~/journal.db")
    assert settings.storage_url == "sqlite:////home/ada/journal.db"
    assert settings.database_file == Path("/home/ada/journal.db")


def test_a_home_directory_that_does_not_exist_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_DATA_DIR", "~nobody-of-this-name/x")
    with pytest.raises(SettingError, match="CIO_DATA_DIR: starts with a home directory that does not exist"):
        load_settings(keys_needed=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CIO_APP_API_KEY", "${input:cio-app}"),
        ("CIO_APP_API_KEY", "$SECRET_KEY"),
        ("CIO_APP_API_KEY", "%SECRET_KEY%"),
        ("CIO_WEBHOOK_SIGNING_KEYS", "${CIO_WEBHOOK_SIGNING_KEYS}"),
        ("CIO_WEBHOOK_SIGNING_KEYS", "abc, $SECRET"),
        ("CIO_DATA_DIR", "$HOME/secret"),
        ("CIO_DATA_DIR", "/home/${USER}"),
        ("CIO_MAX_WAIT", "${env:SECRET}"),
        ("CIO_REGION", "${REGION}"),
        ("CIO_TOOLSETS", "${TOOLSETS}"),
    ],
)
def test_a_variable_that_the_client_did_not_fill_in_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings(keys_needed=False)
    assert str(caught.value).startswith(f"{name}: still contains a variable that the client did not expand.")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("value", ["pa$$word", "$2b$12$abc", "a$B", "50%", "{x}"])
def test_a_dollar_sign_alone_is_not_a_variable(value: str) -> None:
    assert not has_variable(value)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CIO_READONLY", "CIO_READ_ONLY"),
        ("CIO_APP_KEY", "CIO_APP_API_KEY"),
        ("CIO_TOOLSET", "CIO_TOOLSETS"),
        ("CIO_WEBHOOK_SIGNING_KEY", "CIO_WEBHOOK_SIGNING_KEYS"),
        ("cio_datadir", "CIO_DATA_DIR"),
    ],
)
def test_a_misspelled_setting_ends_the_start(variable: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "secret")
    with pytest.raises(SettingError) as caught:
        load_settings(keys_needed=False)
    assert str(caught.value) == f"{variable}: is not a setting. Did you mean {meant}?"


def test_another_unknown_name_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    environment = {"CIO_COMPANY_MOTTO": "secret", "CIO_EMPTY_THING": " ", "OTHER": "x", "CIO_REGION": "eu"}
    for _ in range(2):
        check_names(environment, ["REGION"])
    assert caplog.record_tuples == [
        (
            "cio_mcp.environment",
            logging.WARNING,
            "CIO_COMPANY_MOTTO is not a setting of cio-mcp. It is ignored.",
        )
    ]


def test_no_setting_is_taken_for_a_misspelling_of_another() -> None:
    names = [name.upper() for name in Settings.model_fields]
    check_names({f"CIO_{name}": "x" for name in names}, names)


def test_a_key_pasted_into_the_wrong_setting_is_not_shown(settings: Settings) -> None:
    wrong = settings.model_copy(update={"toolsets": ("core", "0123456789abcdef")})
    with pytest.raises(SettingError) as caught:
        build_server(wrong)
    assert str(caught.value).startswith("CIO_TOOLSETS: contains an unknown toolset. Expected all, or some of ")
    assert "0123456789abcdef" not in str(caught.value)


def test_a_key_pasted_with_a_line_break_is_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_APP_API_KEY", " sandbox-app-key\n")
    key = load_settings().app_api_key
    assert key is not None
    assert key.get_secret_value() == "sandbox-app-key"


def test_a_blank_key_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIO_APP_API_KEY", "  ")
    with pytest.raises(SettingError, match="CIO_APP_API_KEY: is missing"):
        load_settings()


def test_advice_follows_a_setting_error_as_a_sentence_of_its_own() -> None:
    assert "is missing. " in sentence("find_customers", SettingError("CIO_SITE_ID", "is missing"))
