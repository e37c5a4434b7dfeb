"""Settings for tests, complete, with a sandbox for everything outside."""

from __future__ import annotations

from cryptography.fernet import Fernet

from services.settings import Settings
from tests.integration.sandbox.driver import CHAT, CLIENT


def settings(database_url: str, sandbox_url: str, key: str | None = None) -> Settings:
    """Return complete settings that point at a sandbox."""
    mailboxes = f"{sandbox_url.replace('http', 'json', 1)}/mail"
    return Settings(
        _env_file=None,
        database_url=database_url,
        encryption_keys=key or Fernet.generate_key().decode(),
        cookie_secret="a-cookie-secret-for-tests-of-40-letters-",
        oidc_metadata_url=f"{sandbox_url}/members/.well-known/openid-configuration",
        oidc_client_id="RELINK-MEMBERS",
        oidc_client_secret="sandbox-members-secret",
        xero_client_id=CLIENT[0],
        xero_client_secret=CLIENT[1],
        xero_authorize_url=f"{sandbox_url}/identity/connect/authorize",
        xero_token_url=f"{sandbox_url}/connect/token",
        xero_revoke_url=f"{sandbox_url}/connect/revocation",
        xero_api_url=sandbox_url,
        sandbox_url=sandbox_url,
        mail_url=f"{mailboxes}/{{to}}",
        notify_urls=f"{mailboxes}/{CHAT}",
    )
