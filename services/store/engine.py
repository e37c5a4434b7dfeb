"""The store: one model on SQLite or PostgreSQL, in short transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.orm import Session

#: A worker's lanes, its own turns and a page's visitors each take a connection for a moment.
POOL = {"pool_size": 10, "max_overflow": 40}
#: How a row is locked that many others refer to. A plain FOR UPDATE would keep waiting, and lead into a
#: circle, everybody who only writes such another one: a plan of it, an attempt, a line of history.
LOCK: dict[str, Any] = {"key_share": True}
#: Of each pooled connection: with SQLite's usual 2 MB a large store fills dozens of them, and the system
#: has the same pages in its own cache.
CACHE_KILOBYTES = 512
BUSY_TIMEOUT_MS = 10_000  # how long SQLite waits for another writer before "database is locked"


def utcnow() -> datetime:
    """Return this moment, UTC-aware."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a fresh random id of 32 hex characters."""
    return uuid4().hex


class Turn:
    """The writers' turn in one process.

    SQLite has one writer at a time and lets those who wait poll, with no queue: of a worker's many
    lanes some would poll in vain until the busy timeout ends them. Here they stand in line.
    """

    def __init__(self, wait_seconds: float) -> None:
        self._lock, self._wait_seconds = RLock(), wait_seconds

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._wait_seconds):
            raise exc.TimeoutError("another writer of this process did not end in time")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@dataclass(frozen=True, slots=True)
class Store:
    """Where everything is kept; a call to Xero is never made inside one of its transactions."""

    engine: Engine
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)  #: held while writing

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a session that writes: commits at the end, rolls back on an error."""
        with self.turn, self.engine.connect().execution_options(relink_writes=True) as connection:
            with Session(connection, expire_on_commit=False) as session, session.begin():
                yield session
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads; anything changed in it is dropped."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy URL; a SQLite file's folder is made where missing."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return Store(
            create_engine(
                parsed.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True, **POOL
            )
        )
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, hide_parameters=True, **POOL, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Store(engine, Turn(BUSY_TIMEOUT_MS / 1000))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions on its own, and always as readers.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"cache_size=-{CACHE_KILOBYTES}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer half-way fails at once when somebody else wrote meanwhile.
    writes = connection.get_execution_options().get("relink_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
