"""`python -m services.worker`: take up what is due, until told to stop."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType

import structlog
from dbos import DBOS
from sqlalchemy.exc import OperationalError

from services import insights, logs
from services.desk import Desk, open_desk
from services.due import due
from services.settings import SettingsError
from services.store import tables
from services.store.engine import utcnow
from services.worker import engine
from services.worker.workflows import SCHEDULES

LOOK_SECONDS = 0.25  # how often a look is taken for what is due
BEAT_SECONDS = 1.0

log = structlog.get_logger()


def main() -> None:
    """Run the worker until SIGTERM or Ctrl-C."""
    stop = threading.Event()

    def _stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    logs.write_json_lines()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        desk = open_desk()
    except SettingsError as error:
        sys.exit(str(error))
    engine.configure(desk.settings)
    engine.launch()
    DBOS.apply_schedules(SCHEDULES)
    log.info("worker ready", worker=desk.settings.worker_id)
    _work(desk, stop)
    engine.stop()


def _work(desk: Desk, stop: threading.Event) -> None:
    told: set[str] = set()
    beat_at = 0.0
    while not stop.wait(LOOK_SECONDS):
        try:
            told = _dispatch(desk, told)
            if time.monotonic() - beat_at >= BEAT_SECONDS:
                _beat(desk)
                beat_at = time.monotonic()
        except OperationalError:
            log.warning("the store did not answer, looking again", exc_info=True)


def _dispatch(desk: Desk, told: set[str]) -> set[str]:
    """Tell the engine what is due; return the ids that it knows and that are still due."""
    with desk.store.read() as session:
        found = due(session, now=utcnow())
    for work in found:
        if work.id not in told:
            engine.dispatch(work)
    return {work.id for work in found}


def _beat(desk: Desk) -> None:
    now = utcnow()
    with desk.store.begin() as session:
        known = session.get(tables.Worker, desk.settings.worker_id)
        if known is None:
            session.add(tables.Worker(id=desk.settings.worker_id, started_at=now, beat_at=now))
        else:
            known.beat_at = now
        insights.recount_stale(session)


if __name__ == "__main__":
    main()
