"""Locks on what has no row of its own, such as an e-mail address."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def lock_word(session: Session, word: str) -> None:
    """Let nobody else who locks the same word go on until this transaction has ended.

    Who locks several words locks them in alphabetical order. SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(word, 0))))
