"""`python -m services.worker`: take up what is due, until told to stop."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import structlog
from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from services import insights, logs
from services.desk import Desk, open_desk
from services.settings import SettingsError
from services.store.engine import utcnow
from services.worker import engine, roster
from services.worker.dispatch import Dispatcher
from services.worker.workflows import SCHEDULES

LOOK_SECONDS = 0.25

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
        roster.sign_on(desk)
    except (SettingsError, roster.NameTaken) as error:
        sys.exit(str(error))
    engine.configure(desk.settings)
    engine.launch()
    DBOS.apply_schedules(SCHEDULES)
    log.info("worker ready", worker=desk.settings.worker_id)
    _work(desk, stop)
    engine.stop()
    _sign_off(desk)


@dataclass(slots=True)
class _Turn:
    """Something to do again and again."""

    every_seconds: float
    act: Callable[[], None]
    next_at: float = 0.0


def _work(desk: Desk, stop: threading.Event) -> None:
    dispatcher = Dispatcher(desk)
    turns = [
        _Turn(LOOK_SECONDS, dispatcher.tell_what_is_due),
        _Turn(1.0, lambda: _beat(desk)),
        _Turn(5.0, dispatcher.queue_stranded_again),
        _Turn(10.0, lambda: _take_over_from_the_dead(desk)),
        _Turn(3600.0, engine.forget_old_work),
    ]
    while not stop.wait(LOOK_SECONDS):
        for turn in turns:
            if time.monotonic() >= turn.next_at:
                turn.next_at = time.monotonic() + turn.every_seconds
                _take(turn)


def _take(turn: _Turn) -> None:
    # One failed turn, e.g. while the database restarts, must not end the worker.
    try:
        turn.act()
    except Exception:
        log.exception("a turn of the worker failed, it comes again")


def _beat(desk: Desk) -> None:
    with desk.store.begin() as session:
        roster.beat(session, desk.settings.worker_id)
        insights.recount_stale(session)


def _sign_off(desk: Desk) -> None:
    try:
        roster.sign_off(desk)
    except SQLAlchemyError:
        log.exception("the worker could not be taken off the roster, it falls silent instead")


def _take_over_from_the_dead(desk: Desk) -> None:
    with desk.store.read() as session:
        names = roster.dead(session, now=utcnow())
    if names:
        engine.take_over(names)
        with desk.store.begin() as session:
            roster.strike_off(session, names)
        log.info("took over", workers=names)


if __name__ == "__main__":
    main()
