"""What the sandbox remembers: its database and its movable clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Engine, TypeDecorator, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool


class UtcDateTime(TypeDecorator[datetime]):
    """A UTC-aware time; SQLite itself forgets the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Every table of the sandbox; times are UTC-aware, columns of type `dict` and `list` are JSON."""

    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class Setting(Base):
    """One value the control API can change: clock offset, limits, signing key."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The state behind every route; handlers are `async` and run on one thread, so no lock is needed."""

    engine: Engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session that commits at the end and rolls back on an error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session


def open_sandbox(path: str | None = None) -> Sandbox:
    """Open the sandbox kept in the file `path`, or a fresh one in memory."""
    if path is None:
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _write_ahead)
    Base.metadata.create_all(engine)
    return Sandbox(engine)


def _write_ahead(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def read_setting(session: Session, key: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return the stored setting, or `default` where it was never set."""
    found = session.get(Setting, key)
    return default if found is None else found.value


def write_setting(session: Session, key: str, value: dict[str, Any]) -> None:
    """Store a setting, replacing what was there."""
    session.merge(Setting(key=key, value=value))


def now(session: Session) -> datetime:
    """Return the sandbox's own time, UTC-aware; the control API moves it."""
    offset_seconds = read_setting(session, "clock", {"offset_seconds": 0})["offset_seconds"]
    return datetime.now(UTC) + timedelta(seconds=offset_seconds)
