"""Claiming a batch while somebody else changes it at that very moment."""

from __future__ import annotations

import time
from threading import Thread

from sqlalchemy import text

from services import exports
from services.store.states import ExportState
from tests.integration.office import Office

PATIENCE_SECONDS = 20.0


def test_an_export_set_aside_during_the_claim_is_not_sent(office: Office) -> None:
    shop = office.shop()
    aside, sent = office.exports(shop, 2)
    office.start(office.plan(shop))
    worker = Thread(target=office.work_off)
    with office.desk.store.begin() as session:
        exports.set_aside(session, office.agent, aside, "entered by hand")
        session.flush()
        worker.start()
        until_somebody_waits(office, worker)
    worker.join()
    assert office.states([aside, sent]) == [ExportState.SET_ASIDE, ExportState.DELIVERED]
    assert office.ledger(shop)["count"] == 1


def until_somebody_waits(office: Office, worker: Thread) -> None:
    """Wait until the worker stands before our lock; SQLite has one lock for all writers, so it does."""
    if office.desk.store.engine.dialect.name == "sqlite":
        return
    waiting = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with office.desk.store.read() as session:
            if session.scalar(waiting):
                return
        assert worker.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
