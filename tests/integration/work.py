"""What a worker does, without waiting for the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from services import disconnects, judging, mark_work, messages, run_work, sync_work
from services.desk import Desk
from services.due import Kind, due
from services.store.engine import utcnow

_WORK: Mapping[Kind, Callable[..., None]] = {
    Kind.SYNC: sync_work.run,
    Kind.PLAN: judging.run,
    Kind.LANE: run_work.work_lane,
    Kind.DISCONNECT: disconnects.run,
    Kind.MESSAGE: messages.send,
    Kind.MARK: mark_work.check,
}


def work_off(desk: Desk, *, ahead: timedelta = timedelta(0)) -> int:
    """Do what is due, as a worker would, until nothing is; return how many pieces that were.

    `ahead` makes due what a limit or a pause has parked for later.
    """
    done = 0
    while True:
        with desk.store.read() as session:
            work = due(session, now=utcnow() + ahead)
        if not work:
            return done
        for piece in work:
            _WORK[piece.kind](desk, *piece.arguments)
            done += 1
