"""Which workers there are, and that each name is carried by one process only."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.desk import Desk
from services.health import WORKER_SILENT_AFTER
from services.store import tables
from services.store.engine import utcnow

#: A worker silent for so long is dead, and others take over what it had in hand.
DEAD_AFTER = timedelta(seconds=30)
LOOK_SECONDS = 0.5


class NameTaken(Exception):
    """Another process works under this name; the text is a sentence for the operator."""


def sign_on(desk: Desk) -> None:
    """Put this process on the roster. Raises `NameTaken` while another process carries its name.

    Work is recovered by the worker's name, so two processes of one name would take each other's. A
    namesake on another machine may be this worker's dead predecessor: it is given time to fall silent.
    """
    name = desk.settings.worker_id
    while (namesake := _fresh_namesake(desk, name)) is not None:
        if namesake.host == socket.gethostname() and _is_alive(namesake.pid):
            raise NameTaken(
                f"A worker called {name} is running already, as process {namesake.pid} on this machine. "
                "Give this one a name of its own in RELINK_WORKER_ID, and keep it over restarts."
            )
        if namesake.host == socket.gethostname():
            break
        time.sleep(LOOK_SECONDS)
    with desk.store.begin() as session:
        now = utcnow()
        session.merge(
            tables.Worker(id=name, host=socket.gethostname(), pid=os.getpid(), started_at=now, beat_at=now)
        )


def _fresh_namesake(desk: Desk, name: str) -> tables.Worker | None:
    with desk.store.read() as session:
        found = session.get(tables.Worker, name)
    return found if found is not None and utcnow() - found.beat_at < WORKER_SILENT_AFTER else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def sign_off(desk: Desk) -> None:
    """Say that this process has stopped: its name is free at once, and nobody counts on it any more.

    Its line stays, as that of a dead worker: others take over what it could not finish.
    """
    with desk.store.begin() as session:
        worker = session.get(tables.Worker, desk.settings.worker_id)
        if worker is not None and (worker.host, worker.pid) == (socket.gethostname(), os.getpid()):
            worker.beat_at = utcnow() - DEAD_AFTER


def beat(session: Session, name: str) -> None:
    """Say that this worker lives."""
    worker = session.get(tables.Worker, name)
    if worker is not None:
        worker.beat_at = utcnow()


def dead(session: Session, *, now: datetime) -> list[str]:
    """Return the names of workers that fell silent long ago."""
    return list(session.scalars(select(tables.Worker.id).where(tables.Worker.beat_at < now - DEAD_AFTER)))


def strike_off(session: Session, names: list[str]) -> None:
    """Take dead workers off the roster."""
    for name in names:
        session.delete(session.get_one(tables.Worker, name))
