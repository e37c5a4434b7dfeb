"""Migrations: bringing a store to the tables this version needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from services.store.engine import Store

MIGRATIONS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def migrate(store: Store) -> None:
    """Bring the store up to date; a store that is so already is left alone."""
    config = _config()
    with store.engine.connect().execution_options(relink_writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def is_current(engine: Engine) -> bool:
    """Say whether the store has every migration of this version."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


def head() -> str | None:
    """Return the newest migration's id."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def write_migration(store: Store, message: str) -> None:
    """Write the migration from the newest one to what `services.store.tables` says now."""
    config = _config()
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=f"{int(head() or 0) + 1:04}")
