"""Is Relink itself well: the store with its migrations, and a worker that lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.migrate import is_current

WORKER_SILENT_AFTER = timedelta(seconds=10)  # ten missed heartbeats


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether pages can be served, and what is missing in one sentence."""

    store: bool
    worker: bool
    detail: str


def ready(desk: Desk) -> Readiness:
    """Look at the store and at the worker's heartbeat; never raises."""
    try:
        if not is_current(desk.store.engine):
            return Readiness(False, False, "The store lacks migrations: run `python -m services migrate`.")
        with desk.store.read() as session:
            beat = session.scalar(select(func.max(tables.Worker.beat_at)))
    except SQLAlchemyError as error:
        return Readiness(False, False, f"The store does not answer ({type(error).__name__}).")
    if beat is None or utcnow() - beat > WORKER_SILENT_AFTER:
        return Readiness(True, False, "No worker is running: syncs and exports wait until one is started.")
    return Readiness(True, True, "Ready.")
