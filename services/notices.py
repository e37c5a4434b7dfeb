"""Banners for everybody: troubles that belong to no workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.store import tables

APP_MISCONFIGURED = "app misconfigured"


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One banner: what is wrong, and since when."""

    key: str
    text: str
    since: datetime


def put(session: Session, key: str, text: str, *, now: datetime) -> None:
    """Raise a banner; one that is up already keeps its beginning."""
    known = session.get(tables.Notice, key)
    if known is not None:
        known.text = text
        return
    try:
        with session.begin_nested():
            session.add(tables.Notice(key=key, text=text, since=now))
    except IntegrityError:
        return  # somebody else raised it at the same moment


def clear(session: Session, key: str) -> None:
    """Take a banner down; nothing happens where none is up."""
    session.execute(delete(tables.Notice).where(tables.Notice.key == key))


def current(session: Session) -> list[NoticeView]:
    """Return the banners that are up, oldest first."""
    rows = session.scalars(select(tables.Notice).order_by(tables.Notice.since))
    return [NoticeView(row.key, row.text, row.since) for row in rows]
