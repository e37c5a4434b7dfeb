"""What a worker does, without waiting for the clock."""

from __future__ import annotations

from datetime import timedelta

from services import disconnects, runs, sync_work
from services.desk import Desk
from services.due import Kind, due
from services.store.engine import utcnow


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
            if piece.kind is Kind.SYNC:
                sync_work.run(desk, *piece.arguments)  # type: ignore[arg-type]
            elif piece.kind is Kind.DISCONNECT:
                disconnects.run(desk, *piece.arguments)  # type: ignore[arg-type]
            else:
                runs.work_lane(desk, *piece.arguments)  # type: ignore[arg-type]
            done += 1
