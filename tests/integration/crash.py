"""A process of its own that works or takes in a return, killed with SIGKILL at a chosen moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess

from sqlalchemy import Connection, event

from services import reconnects
from services.desk import set_up
from services.members import Member
from services.settings import Settings
from tests.integration.work import work_off

# The server has imported everything, so that each worker is there in no time.
_workers = multiprocessing.get_context("forkserver")
_workers.set_forkserver_preload(["tests.integration.crash"])


def start(settings: Settings, *, dies_at_commit: int = 0) -> BaseProcess:
    """Start a worker that does what is due; it dies just before that commit, counted from 1."""
    return _start(settings, dies_at_commit, work_off)


def start_return(
    settings: Settings, member: Member, browser: str, query: Mapping[str, str], *, dies_at_commit: int
) -> BaseProcess:
    """Start a process that takes in a return from Xero; it dies just before that commit, counted from 1."""
    return _start(settings, dies_at_commit, reconnects.come_back, member, browser, dict(query))


def _start(
    settings: Settings, dies_at_commit: int, act: Callable[..., object], *given: object
) -> BaseProcess:
    process = _workers.Process(target=_act, args=(settings, dies_at_commit, act, given))
    process.start()
    return process


def _act(
    settings: Settings, dies_at_commit: int, act: Callable[..., object], given: tuple[object, ...]
) -> None:
    desk = set_up(settings)
    commits = 0

    def count(_connection: Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == dies_at_commit:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(desk.store.engine, "commit", count)
    act(desk, *given)
