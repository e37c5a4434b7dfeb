"""A worker in a process of its own, to be killed with SIGKILL at a chosen moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.process import BaseProcess

from sqlalchemy import Connection, event

from services.desk import set_up
from services.settings import Settings
from tests.integration.work import work_off

# The server has imported everything, so that each worker is there in no time.
_workers = multiprocessing.get_context("forkserver")
_workers.set_forkserver_preload(["tests.integration.crash"])


def start(settings: Settings, *, dies_at_commit: int = 0) -> BaseProcess:
    """Start a worker that does what is due; it dies just before that commit, counted from 1."""
    worker = _workers.Process(target=_work, args=(settings, dies_at_commit))
    worker.start()
    return worker


def _work(settings: Settings, dies_at_commit: int) -> None:
    desk = set_up(settings)
    commits = 0

    def count(_connection: Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == dies_at_commit:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(desk.store.engine, "commit", count)
    work_off(desk)
