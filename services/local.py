"""A safe set of settings for a local try-out, written once to `var/local.env`."""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from dotenv import dotenv_values

from services.settings import ENV_FILES

LOCAL_ENV, OWN_ENV = map(Path, ENV_FILES)


def secrets_of_this_checkout(path: Path = LOCAL_ENV) -> None:
    """Write fresh random secrets where there are none; those that exist are never touched."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(
        "# Made by `make run` for this checkout only. Your own settings go into .env and win.\n"
        f"RELINK_ENCRYPTION_KEYS={Fernet.generate_key().decode()}\n"
        f"RELINK_COOKIE_SECRET={secrets.token_urlsafe(48)}\n"
    )


def own_settings(path: Path = OWN_ENV) -> dict[str, str]:
    """Return Relink's settings in `.env`, none where there is no such file."""
    return {
        name.upper(): value
        for name, value in dotenv_values(path).items()
        if name.upper().startswith("RELINK_") and value is not None
    }


def demo_settings(*, port: int, sandbox_port: int) -> dict[str, str]:
    """Return the settings that point Relink at a sandbox on this machine; the secrets are no secrets."""
    sandbox = f"http://localhost:{sandbox_port}"
    return {
        "RELINK_PUBLIC_URL": f"http://localhost:{port}",
        "RELINK_PORT": str(port),
        "RELINK_SANDBOX_URL": sandbox,
        "RELINK_XERO_CLIENT_ID": "RELINKSANDBOXCLIENT",
        "RELINK_XERO_CLIENT_SECRET": "sandbox-client-secret",
        "RELINK_XERO_AUTHORIZE_URL": f"{sandbox}/identity/connect/authorize",
        "RELINK_XERO_TOKEN_URL": f"{sandbox}/connect/token",
        "RELINK_XERO_REVOKE_URL": f"{sandbox}/connect/revocation",
        "RELINK_XERO_API_URL": sandbox,
        "RELINK_OIDC_METADATA_URL": f"{sandbox}/members/.well-known/openid-configuration",
        "RELINK_OIDC_CLIENT_ID": "RELINK-MEMBERS",
        "RELINK_OIDC_CLIENT_SECRET": "sandbox-members-secret",
        "RELINK_MAIL_URL": f"json://localhost:{sandbox_port}/mail/{{to}}",
        "RELINK_NOTIFY_URLS": f"json://localhost:{sandbox_port}/mail/channel",
    }
