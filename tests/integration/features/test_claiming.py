"""Claiming a batch while somebody else changes it at that very moment."""

from __future__ import annotations

from threading import Thread

from services import closing
from services.store.states import ExportState
from tests.integration.office import Office
from tests.integration.stores import until_blocked


def test_an_export_set_aside_during_the_claim_is_not_sent(office: Office) -> None:
    shop = office.shop()
    aside, sent = office.exports(shop, 2)
    office.start(office.plan(shop))
    worker = Thread(target=office.work_off)
    with office.desk.store.begin() as session:
        closing.set_aside(session, office.agent, aside, "entered by hand")
        session.flush()
        worker.start()
        until_blocked(office.desk.store)
    worker.join()
    assert office.states([aside, sent]) == [ExportState.SET_ASIDE, ExportState.DELIVERED]
    assert office.ledger(shop)["count"] == 1
