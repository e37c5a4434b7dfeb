"""Settings from the environment or `.env`, checked at the start with errors that name the variable."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

#: `make run` writes the first one where nothing is set; `.env` is yours and wins.
ENV_FILES = ("var/local.env", ".env")

DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")

PLACEHOLDER = "{to}"  # in MAIL_URL: where the recipient's address goes
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_ADDRESS = re.compile(rf"{_SCHEME}\S+")

SCOPES = (
    "openid profile email offline_access accounting.settings.read accounting.contacts "
    "accounting.invoices accounting.banktransactions accounting.attachments"
)


class SettingsError(Exception):
    """A setting is missing or cannot be used; the text names each one."""


class Settings(BaseSettings):
    """Everything that can be configured; each field is the variable `RELINK_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RELINK_", env_file=ENV_FILES, extra="ignore")

    database_url: str = "sqlite:///var/relink.db"
    work_database_url: str = ""  #: the engine's own tables; empty: beside the store
    public_url: str = "http://localhost:8501"
    host: str = "127.0.0.1"
    port: int = 8501
    worker_id: str = "worker-1"  #: unique for each worker process that runs at the same time

    encryption_keys: Annotated[list[SecretStr], NoDecode]  #: newest first, separated by commas
    cookie_secret: SecretStr = Field(min_length=32)

    oidc_metadata_url: str
    oidc_client_id: str
    oidc_client_secret: SecretStr
    owner_emails: Annotated[list[str], NoDecode] = []

    xero_client_id: str
    xero_client_secret: SecretStr
    xero_authorize_url: str = "https://login.xero.com/identity/connect/authorize"
    xero_token_url: str = "https://identity.xero.com/connect/token"  # noqa: S105 - an address
    xero_revoke_url: str = "https://identity.xero.com/connect/revocation"
    xero_api_url: str = "https://api.xero.com"
    xero_scopes: str = SCOPES
    sandbox_url: str = ""  #: empty in production

    mail_url: SecretStr = SecretStr("")  #: Apprise URL with {to} for the recipient; empty: no e-mail
    notify_urls: Annotated[list[SecretStr], NoDecode] = []  #: Apprise URLs of chat channels

    @field_validator("encryption_keys", "owner_emails", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("notify_urls", mode="before")
    @classmethod
    def _split_addresses(cls, value: Any) -> Any:
        # A comma may stand inside an address; one that separates has the beginning of the next behind it.
        return (
            [url for url in re.split(rf"\s*,\s*(?={_SCHEME}|$)", value.strip()) if url]
            if isinstance(value, str)
            else value
        )

    @field_validator("notify_urls")
    @classmethod
    def _usable_channels(cls, urls: list[SecretStr]) -> list[SecretStr]:
        if not all(_ADDRESS.fullmatch(url.get_secret_value()) for url in urls):
            # The address itself may hold a password and is not repeated.
            raise ValueError("must be Apprise URLs such as slack://... separated by commas, without spaces")
        return urls

    @field_validator("mail_url")
    @classmethod
    def _usable_mail(cls, url: SecretStr) -> SecretStr:
        address = url.get_secret_value()
        if address and not (_ADDRESS.fullmatch(address) and PLACEHOLDER in address):
            raise ValueError(
                "must be one Apprise URL such as mailtos://user:password@smtp.example.com/?from=...&to={to}, "
                "with {to} where the recipient's address goes"
            )
        return url

    @field_validator("encryption_keys")
    @classmethod
    def _usable_keys(cls, keys: list[SecretStr]) -> list[SecretStr]:
        if not keys:
            raise ValueError("at least one key is needed")
        for key in keys:
            Fernet(key.get_secret_value())
        return keys

    @field_validator("database_url", "work_database_url")
    @classmethod
    def _usable_database(cls, url: str) -> str:
        if url and not url.startswith(DATABASES):
            # The address itself may hold a password and is not repeated.
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return url

    @field_validator("public_url", "xero_api_url", "sandbox_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @property
    def xero_redirect_uri(self) -> str:
        """Where Xero sends the browser back to; must be registered in the Xero app, byte for byte."""
        return f"{self.public_url}/connect/xero/callback"

    @property
    def engine_url(self) -> str:
        """The database of the durable engine: its own SQLite file, or the same PostgreSQL."""
        if self.work_database_url or not self.database_url.startswith("sqlite"):
            return self.work_database_url or self.database_url
        return f"{self.database_url.removesuffix('.db')}.work.db"


@cache
def load_settings() -> Settings:
    """Read the settings once. Raises `SettingsError` with one sentence a variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    # The rejected value itself may be a secret and is left out.
    lines = [
        f"  RELINK_{str(problem['loc'][0]).upper()}: {_reason(problem['type'], problem['msg'])}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "\n".join(
        [
            "Relink cannot start, these settings are missing or unusable:",
            *lines,
            "Set them in the environment or in .env; the README lists every setting. "
            "For a local try-out, `make run` makes a safe set.",
        ]
    )


def _reason(kind: str, message: str) -> str:
    return "is not set" if kind == "missing" else message.removeprefix("Value error, ")
