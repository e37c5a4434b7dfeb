"""From our tables to the engine: what is due is told, and what the engine gave up on is queued again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from services import disconnects, judging, mark_work, messages, run_work, sync_work
from services.desk import Desk
from services.due import Due, Kind, due
from services.store.engine import utcnow
from services.worker import engine

STRANDED_AFTER_SECONDS = 5.0

_QUEUE_AGAIN: Mapping[Kind, Callable[..., Any]] = {
    Kind.SYNC: sync_work.queue_stranded_again,
    Kind.PLAN: judging.queue_stranded_again,
    Kind.LANE: run_work.queue_stranded_again,
    Kind.MESSAGE: messages.queue_stranded_again,
    Kind.DISCONNECT: disconnects.queue_stranded_again,
    Kind.MARK: mark_work.queue_stranded_again,
}

log = structlog.get_logger()


class Dispatcher:
    """Remembers what the engine was told, so that a look costs one query."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told: dict[Due, float] = {}

    def tell_what_is_due(self) -> None:
        """Hand everything that is due to the engine; what it knows already is left alone."""
        with self._desk.store.read() as session:
            found = due(session, now=utcnow())
        for work in found:
            if work not in self._told:
                engine.dispatch(work)
        self._told = {work: self._told.get(work, time.monotonic()) for work in found}

    def queue_stranded_again(self) -> None:
        """Queue again what is still due although the engine is done with it: it failed on our own fault."""
        long_ago = time.monotonic() - STRANDED_AFTER_SECONDS
        waiting = {work.id: work for work, told_at in self._told.items() if told_at < long_ago}
        ended = engine.ended(list(waiting))
        for work_id in self._still_due(ended) if ended else []:
            work = waiting[work_id]
            log.warning("work was stranded, queued again", id=work_id)
            _QUEUE_AGAIN[work.kind](self._desk, *work.arguments)

    def _still_due(self, ids: list[str]) -> list[str]:
        """Return those that are due at this moment: what the engine is done with mostly is done."""
        with self._desk.store.read() as session:
            due_now = {work.id for work in due(session, now=utcnow())}
        return [work_id for work_id in ids if work_id in due_now]
