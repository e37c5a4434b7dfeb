"""What every act needs at hand: the store, the vault, our Xero app and the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from services.settings import Settings, load_settings
from services.store.engine import Store, open_store
from services.store.vault import Vault
from services.xero.oauth import XeroApp
from services.xero.pace import Limits


@dataclass(frozen=True, slots=True)
class Desk:
    """The equipment of one process."""

    store: Store
    vault: Vault
    app: XeroApp
    settings: Settings
    limits: Limits = field(default_factory=Limits)  #: what Xero allows; shorter windows in tests


def set_up(settings: Settings) -> Desk:
    """Return the equipment that these settings describe."""
    return Desk(
        store=open_store(settings.database_url),
        vault=Vault([key.get_secret_value() for key in settings.encryption_keys]),
        app=XeroApp(
            client_id=settings.xero_client_id,
            client_secret=settings.xero_client_secret.get_secret_value(),
            authorize_url=settings.xero_authorize_url,
            token_url=settings.xero_token_url,
            revoke_url=settings.xero_revoke_url,
            api_url=settings.xero_api_url,
            redirect_uri=settings.xero_redirect_uri,
            scopes=tuple(settings.xero_scopes.split()),
        ),
        settings=settings,
    )


@cache
def open_desk() -> Desk:
    """Return this process's equipment, set up once from the environment."""
    return set_up(load_settings())
