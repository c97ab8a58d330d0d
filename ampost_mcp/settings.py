"""Settings: environment variables, `.env`, and `NAME_FILE` for values in files. The only reader of the environment."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ampost_mcp.services.addresses import allowed
from brokers.oauth import Client

PLATFORMS = ("facebook", "instagram", "linkedin", "threads", "tiktok", "twitter", "youtube")
#: Settings whose variables have no prefix.
PLAIN = ("linkedin_api_version", "linkedin_enable_organization_posting", "youtube_force_private_uploads")
CREDENTIALS = ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI")
#: Every variable that is read, but for those that begin with `AMPOST_`.
UNPREFIXED = frozenset({
    *(name.upper() for name in PLAIN), *(f"{platform.upper()}_{name}" for platform in PLATFORMS for name in CREDENTIALS),
    "TIKTOK_CLIENT_KEY",
})  # fmt: skip
SECRET_LENGTH = 32


class Settings(BaseSettings):
    """Frozen. Field names are the variables' names in lower case without `AMPOST_`; platform credentials live in
    `clients`."""

    model_config = SettingsConfigDict(env_prefix="AMPOST_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Path("ampost-data")
    database_url: str = ""
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    secret_keys: str = Field(default="", repr=False)
    platforms_url: str = ""
    platform_timeout: float = Field(default=30, gt=0)
    processing_poll: float | None = Field(default=None, gt=0)
    publish_wait: float = Field(default=20, ge=0)
    late_grace: float = Field(default=86400, ge=0)
    media_allow: str = ""
    scheduling: Literal["launch", "all"] = "launch"
    rate_limit_storage: str = "memory://"
    supabase_url: str = ""
    supabase_jwt_secret: str = Field(default="", repr=False)
    log_format: Literal["", "console", "json"] = ""
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    stateless: bool = False
    metrics: bool = True
    sandbox: bool = False
    with_worker: bool = True
    clients: dict[str, Client] = Field(default_factory=dict, repr=False)
    linkedin_api_version: str = "202605"
    linkedin_enable_organization_posting: bool = False
    youtube_force_private_uploads: bool = False

    @field_validator("platforms_url", "public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not (urlsplit(value).scheme in ("http", "https") and urlsplit(value).hostname):
            raise ValueError("give the whole address, such as https://ampost.example.com")
        return value.rstrip("/")

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("secret_keys")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if any(len(secret) < SECRET_LENGTH for secret in split(value)):
            raise ValueError(f"each key needs {SECRET_LENGTH} characters or more")
        return value

    @field_validator("media_allow")
    @classmethod
    def _readable(cls, value: str) -> str:
        allowed(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        return init_settings, env_settings, dotenv_settings

    @property
    def address(self) -> str:
        """How the outside reaches the server."""
        return self.public_url or self._at(self.host)

    @property
    def near(self) -> str:
        """How this machine reaches the server."""
        return self._at({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))

    def _at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'ampost.db').absolute()}"

    @property
    def media_dir(self) -> Path:
        return self.data_dir / "media"

    def secrets(self) -> list[str]:
        """The encryption secrets: from the setting, or the data folder's key file, which is made when absent."""
        return split(self.secret_keys) or split(own_secret(self.data_dir / "secret.key"))


def split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def own_secret(path: Path) -> str:
    """The content of a key file that only its owner may read; made on first use, by one of the processes that want it."""
    if not path.exists() or not path.stat().st_size:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not file.read().strip():
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
    return path.read_text().strip()


def load(**overrides: Any) -> Settings:
    """Settings from the environment with `overrides` (command-line flags) on top. Raises pydantic's ValidationError."""
    env = _environment()
    given = {name.removeprefix("AMPOST_").lower(): value for name, value in env.items() if name.startswith("AMPOST_")}
    extra = {name: env.get(name.upper()) for name in PLAIN}
    values: dict[str, Any] = {name: value for name, value in given.items() if name in Settings.model_fields and value != ""}
    values |= {name: value for name, value in extra.items() if value}
    values |= {name: value for name, value in overrides.items() if value is not None}
    settings = Settings(**values)
    return settings.model_copy(update={"clients": _clients(env, settings.address)})


def _environment() -> dict[str, str]:
    """The environment over `.env`, with each `NAME_FILE` read into `NAME`."""
    from dotenv import dotenv_values

    env = {name: value for name, value in dotenv_values(".env").items() if value is not None} | dict(os.environ)
    for name, path in [(name, path) for name, path in env.items() if name.endswith("_FILE") and path]:
        value = name.removesuffix("_FILE")
        if (value.startswith("AMPOST_") or value in UNPREFIXED) and not env.get(value):
            env[value] = Path(path).read_text().strip()
    return env


def traces_are_wanted() -> bool:
    """Whether OpenTelemetry's own variables name a place for spans. (They are not read from `.env`.)"""
    exporter, off = os.environ.get("OTEL_TRACES_EXPORTER", ""), os.environ.get("OTEL_SDK_DISABLED", "")
    named = exporter or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return bool(named) and exporter != "none" and off.lower() != "true"


def _clients(env: dict[str, str], address: str) -> dict[str, Client]:
    clients = {}
    for platform in PLATFORMS:
        name = platform.upper()
        client_id = env.get(f"{name}_CLIENT_ID") or (env.get("TIKTOK_CLIENT_KEY") if platform == "tiktok" else None)
        if client_id:
            redirect = env.get(f"{name}_REDIRECT_URI") or f"{address}/api/platforms/{platform}/callback"
            clients[platform] = Client(client_id, env.get(f"{name}_CLIENT_SECRET", ""), redirect)
    return clients
