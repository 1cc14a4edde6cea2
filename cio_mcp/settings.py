"""The settings: read from the environment (prefix `CIO_`) once, at start, and frozen."""

import getpass
import hashlib
import os
import stat
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cio_mcp.environment import PREFIX, UNFILLED, check_names, has_variable, trim
from cio_mcp.errors import SettingError, expectation

Region = Literal["us", "eu", "auto"]
Approval = Literal["ask", "outside"]

WHERE = {
    "CIO_SITE_ID": "the Site ID under Settings > Workspace Settings > API and Webhook Credentials > Tracking",
    "CIO_TRACK_API_KEY": "the Tracking API key under Settings > Workspace Settings > API and Webhook Credentials",
    "CIO_APP_API_KEY": "an App API key under Settings > Account Settings > API Credentials > App API Keys",
    "CIO_CDP_API_KEY": "the API key of a source under Data & Integrations > Integrations > the source > Settings",
    "CIO_REGION": "the region under Settings > Privacy, Region & Data",
    "CIO_WEBHOOK_SIGNING_KEYS": "the signing key under Data & Integrations > Integrations > Reporting Webhooks",
}
UNITS = {"CIO_MAX_WAIT": "seconds", "CIO_EVENT_DAYS": "days"}
"""The units of numeric settings, for the sentence about a wrong value."""

NETWORK_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"})

STATE_KEY_LENGTH = 32
"""Characters that the SDK requires of a key that seals the state of a question."""
SQLITE_FILE = "sqlite:///"
ALL_TOOLSETS = "all"
"""Instead of their names: every toolset."""
WEBHOOK_PATH = "/webhooks/customerio"
"""Where the receiver accepts webhooks. No setting: the URL that is registered with Customer.io ends in it."""


class Settings(BaseSettings):
    """What an operator can set; a wrong value ends the start with one line that names it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    site_id: str | None = None
    track_api_key: SecretStr | None = None
    app_api_key: SecretStr | None = None
    cdp_api_key: SecretStr | None = None
    """The key of a source, for the Pipelines API."""
    region: Region = "auto"
    track_url: str | None = None
    app_url: str | None = None
    cdp_url: str | None = None
    workspace: str | None = None
    read_only: bool = False
    toolsets: Annotated[tuple[str, ...], NoDecode] = ("core",)
    approval: Approval | None = None
    """Where a person is asked: None means `ask` under stdio and `outside` over HTTP."""
    policy_file: Path | None = None
    """What needs a person, in TOML; None means that every write does."""
    sync_file: Path | None = None
    """The syncs that `cio-mcp sync` runs, in TOML."""
    prompts_dir: Path | None = None
    """A folder of prompt files in place of the shipped ones."""
    files_dirs: Annotated[tuple[Path, ...], NoDecode] = ()
    """The directories, comma-separated, below which files are read and written; none by default. Under stdio only."""
    headroom: float = Field(default=1.0, gt=0, le=1)
    """The share of every limit that this server may use; the rest is left to other systems."""
    max_wait: float = Field(default=20.0, ge=1, le=600)
    """Seconds one tool call may take: queueing, retries and waiting for an approval outside the client included."""
    mask_pii: bool = False
    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("cio-mcp")))
    database_url: SecretStr | None = None
    webhook_signing_keys: SecretStr | None = None
    """The signing key of the reporting webhook, or two, comma-separated, while it is being replaced."""
    event_days: int = Field(default=30, ge=1, le=3650)
    """Days that events are kept."""
    event_rows: int = Field(default=1_000_000, ge=1)
    """Events that are kept at most."""
    state_keys: SecretStr | None = None
    """Comma-separated keys of at least 32 characters that seal the state of a question; shared by replicas."""

    @model_validator(mode="before")
    @classmethod
    def _trimmed(cls, values: Any) -> Any:
        return trim(values) if isinstance(values, dict) else values

    # Among "before" validators the last one runs first, so those below still see the text.
    @field_validator("toolsets", "files_dirs", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _filled_in(cls, value: Any) -> Any:
        if isinstance(value, str) and has_variable(value):
            raise ValueError(UNFILLED)
        return value

    @field_validator("region", "approval", "toolsets", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("site_id", "track_api_key", "app_api_key", "cdp_api_key", "webhook_signing_keys", mode="before")
    @classmethod
    def _valid_key(cls, value: Any) -> Any:
        keys = [key.strip() for key in value.split(",")] if isinstance(value, str) else []
        if any(not (key.isascii() and key.isprintable()) or " " in key for key in keys):
            raise ValueError("contains an invalid character; copy the key again")
        return value

    @field_validator("data_dir", "policy_file", "sync_file", "prompts_dir")
    @classmethod
    def _at_home(cls, value: Path | None) -> Path | None:
        return value and _expand(value)

    @field_validator("files_dirs")
    @classmethod
    def _directories(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        paths = tuple(map(_expand, value))
        if missing := next((path for path in paths if not path.is_dir()), None):
            raise ValueError(f"{missing} is not a directory")
        return paths

    @field_validator("state_keys")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        keys = _parts(value)
        if value is not None and (not keys or min(map(len, keys)) < STATE_KEY_LENGTH):
            raise ValueError(f"expected keys of at least {STATE_KEY_LENGTH} characters each, comma-separated")
        return value

    @field_validator("toolsets")
    @classmethod
    def _at_least_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("expected at least one toolset, such as core, or all")
        return value

    @field_validator("track_url", "app_url", "cdp_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is not None and not _is_base_url(value):
            raise ValueError("expected the URL of a host, starting with https:// (or http:// for a sandbox)")
        return value.rstrip("/") if value else value

    @field_validator("database_url")
    @classmethod
    def _of_sqlite(cls, value: SecretStr | None) -> SecretStr | None:
        url = value.get_secret_value() if value else None
        if url is not None and not url.startswith("sqlite://"):
            raise ValueError("expected sqlite:/// and the path of a file. No other database is supported yet")
        if url and url.startswith(f"{SQLITE_FILE}~"):
            return SecretStr(f"{SQLITE_FILE}{_expand(Path(url.removeprefix(SQLITE_FILE)))}")
        return value

    @field_validator("webhook_signing_keys")
    @classmethod
    def _one_or_two(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(_parts(value)) not in (1, 2):
            raise ValueError("expected one signing key, or two, comma-separated")
        return value

    def offers_toolset(self, toolset: str) -> bool:
        """Whether the tools of a toolset are offered."""
        return ALL_TOOLSETS in self.toolsets or toolset in self.toolsets

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The keys that a reporting webhook may be signed with."""
        return tuple(key.encode() for key in _parts(self.webhook_signing_keys))

    @property
    def has_track(self) -> bool:
        """Whether both halves of the Track credentials are there."""
        return bool(self.site_id and self.track_api_key)

    @property
    def has_app(self) -> bool:
        """Whether the App API key is there."""
        return self.app_api_key is not None

    @property
    def has_pipelines(self) -> bool:
        """Whether the key of the Pipelines API is there."""
        return self.cdp_api_key is not None

    @property
    def workspace_key(self) -> str:
        """What names this workspace in storage: its name, else the Site ID, else a hash of the App key."""
        if named := self.workspace or self.site_id:
            return named
        key = self.app_api_key.get_secret_value() if self.app_api_key else ""
        return f"app-{hashlib.sha256(key.encode()).hexdigest()[:12]}"

    @property
    def storage_url(self) -> str:
        """The SQLAlchemy URL of the database: `DATABASE_URL`, else a file in the data directory."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"{SQLITE_FILE}{self.data_dir / 'cio-mcp.db'}"

    @property
    def database_file(self) -> Path | None:
        """Where the journal lies; None while it is in memory."""
        path = self.storage_url.removeprefix(SQLITE_FILE).partition("?")[0]
        return None if path in ("sqlite://", ":memory:", "") else Path(path)

    @property
    def has_chosen_storage(self) -> bool:
        """Whether the data directory or the database was set, rather than left to its default."""
        return not self.model_fields_set.isdisjoint(("data_dir", "database_url"))

    @cached_property  # asking the OS takes half a millisecond, and every call asks
    def local_principal(self) -> str:
        """Who acts under stdio: the OS user."""
        return f"local:{getpass.getuser()}"


def load_settings(*, keys_needed: bool = True, **overrides: Any) -> Settings:
    """Read the environment; an override that is None leaves the environment's value.

    Without `keys_needed` it may hold no key at all: enough for what touches only our own database.

    Raises:
        SettingError: a setting is missing or wrong; one sentence names it, what was expected and where to find it.
    """
    check_names(os.environ, [name.upper() for name in Settings.model_fields])
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        name = f"{PREFIX}{str(first['loc'][0]).upper()}" if first["loc"] else "settings"
        unit = f", in {UNITS[name]}" if name in UNITS and first["type"] != "value_error" else ""
        raise SettingError(name, f"{expectation(first)}{unit}.{_place_of(name)}") from None
    if keys_needed:
        _check_keys(settings)
    return settings


def is_shell_completion() -> bool:
    """Whether a shell starts the command line to have a word completed, which is not one of its arguments."""
    return "_CIO_MCP_COMPLETE" in os.environ


def network_variables() -> dict[str, str]:
    """The proxy and certificate variables of the environment; they have no prefix, since every program shares them."""
    return {name: value for name, value in os.environ.items() if name.lower() in NETWORK_VARIABLES}


def environment_variable(name: str) -> str | None:
    """The value of a variable that a file of the operator names, such as one with a secret."""
    return os.environ.get(name)


def read_setting_file(setting: str, path: Path, *, max_bytes: int, expected: str = "") -> str:
    """Read the text of a file that a setting names; `expected` ends the sentence about a path that is no file.

    Raises:
        SettingError: it is not a file, can't be read, is not UTF-8 text, or is larger than `max_bytes`.
    """
    try:
        # A pipe or a device could be read for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise SettingError(setting, f"{path} is not a file{expected}")
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
        text = raw.decode("utf-8-sig")  # some editors on Windows begin a file with a byte order mark
    except OSError as error:
        raise SettingError(setting, f"{path} can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingError(setting, f"{path} is not UTF-8 text") from None
    if len(raw) > max_bytes:
        raise SettingError(setting, f"{path} is larger than {max_bytes:,} bytes")
    return text


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ValueError: it is not valid; the text has the reason.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ValueError("Too many levels") from None
    except ValueError:  # of Python: a number has more digits than it reads
        raise ValueError("A number has too many digits") from None


def _check_keys(settings: Settings) -> None:
    if bool(settings.site_id) != bool(settings.track_api_key):
        missing = "CIO_TRACK_API_KEY" if settings.site_id else "CIO_SITE_ID"
        raise SettingError(missing, f"is missing. Site ID and Tracking API key work only together.{_place_of(missing)}")
    if not settings.has_track and not settings.has_app:
        raise SettingError(
            "CIO_APP_API_KEY",
            f"is missing, and so are the Track API keys.{_place_of('CIO_APP_API_KEY')} "
            "`cio-mcp serve --sandbox` and `cio-mcp approvals` need no key.",
        )


def _parts(secret: SecretStr | None) -> list[str]:
    value = secret.get_secret_value() if secret else ""
    return [part.strip() for part in value.split(",") if part.strip()]


def _place_of(name: str) -> str:
    return f" Customer.io shows {WHERE[name]}." if name in WHERE else ""


def _expand(path: Path) -> Path:
    """The full path, so that a message says which file it means wherever the process was started."""
    try:
        expanded = path.expanduser()
    except RuntimeError:
        raise ValueError("starts with a home directory that does not exist. Use the full path") from None
    return expanded if expanded.is_absolute() else expanded.resolve()


def _is_base_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    extra = parts.query or parts.fragment or "@" in parts.netloc
    return bool(valid and not extra and value.isprintable() and " " not in value)
