"""Marks amid runs, workers that die, and a Xero that does not answer."""

from __future__ import annotations

from threading import Thread

import pytest

from services import mark_work, marking, marks
from services.declined import Declined
from services.due import Kind, due
from services.store import tables
from services.store.engine import utcnow
from services.store.states import (
    ExportState,
    Health,
    MarkState,
    Verdict,
)
from tests.integration import crash
from tests.integration.features.marked import (
    CONFIRMED,
    LATER,
    SOMEWHERE,
    WHY,
    ask,
    by_hand,
    mark_of,
    outcome,
)
from tests.integration.office import Office
from tests.integration.stores import until_blocked

# Against a run, and one another


def test_a_run_does_not_send_what_xero_is_being_asked_about(office: Office) -> None:
    shop = office.shop()
    marked, sent = office.exports(shop, 2)
    document = by_hand(office, shop)
    plan_id = office.plan(shop)
    office.change(tables.Connection, shop.workspace_id, grant_id=None)  # the check has to wait
    ask(office, marked, document)
    with office.desk.store.read() as session:
        assert not [work for work in due(session, now=utcnow() + LATER) if work.kind is Kind.MARK]
    office.change(tables.Connection, shop.workspace_id, grant_id=_only_grant(office))
    office.change(tables.XeroMark, _mark_id(office, marked), due_at=utcnow() + LATER)
    office.start(plan_id)
    office.work_off()
    assert office.states([marked, sent]) == [ExportState.WAITING, ExportState.DELIVERED]
    assert office.verdicts(plan_id)[marked] == (Verdict.CHANGED, marks.LEFT_OUT)
    office.work_off(ahead=2 * LATER)
    assert outcome(office, marked) == CONFIRMED
    assert office.ledger(shop)["count"] == 2  # by hand, and the other one


def _only_grant(office: Office) -> str:
    with office.desk.store.read() as session:
        return session.query(tables.Grant).one().id


def _mark_id(office: Office, export_id: int) -> str:
    with office.desk.store.read() as session:
        found = marks.with_state(session, export_id, MarkState.ASKED)
        assert found is not None
        return found.id


def test_an_export_marked_during_the_claim_is_not_sent(office: Office) -> None:
    shop = office.shop()
    marked, sent = office.exports(shop, 2)
    document = by_hand(office, shop)
    office.start(office.plan(shop))
    worker = Thread(target=office.work_off)
    with office.desk.store.begin() as session:
        marking.ask(session, office.agent, marked, document, WHY)
        session.flush()
        worker.start()
        until_blocked(office.desk.store)
    worker.join()
    office.work_off()
    assert outcome(office, marked) == CONFIRMED
    assert office.states([sent]) == [ExportState.DELIVERED]
    assert office.ledger(shop)["count"] == 2


def test_two_people_who_mark_at_once_ask_once(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    document, said = by_hand(office, shop), []

    def second() -> None:
        try:
            ask(office, export_id, document, member=office.admin)
        except Declined as why:
            said.append(str(why))

    other = Thread(target=second)
    with office.desk.store.begin() as session:
        marking.ask(session, office.agent, export_id, document, WHY)
        session.flush()
        other.start()
        until_blocked(office.desk.store)
    other.join()
    assert said == [f"{office.agent.email} has marked it already, and Xero is being asked."]


# Xero does not answer


@pytest.mark.parametrize("status", [500, 503, 429])
def test_while_xero_does_not_answer_it_is_asked_again_later(office: Office, status: int) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    document = by_hand(office, shop)
    ask(office, export_id, document)
    office.fault(shop, "GET", f"Invoices/{document}", status=status, headers={"Retry-After": "0"})
    office.work_off()
    waiting = mark_of(office, export_id)
    assert (waiting.state, bool(waiting.detail)) == (MarkState.ASKED, True)
    office.work_off(ahead=LATER)
    assert outcome(office, export_id) == CONFIRMED


def test_a_mark_waits_for_the_reconnect_and_its_export_with_it(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    document = by_hand(office, shop)
    office.xero.control("POST", f"/users/{shop.user['id']}/expire")
    ask(office, export_id, document)
    office.work_off()
    assert office.connection(shop).health is Health.EXPIRED  # found out by the check
    assert outcome(office, export_id) == (MarkState.ASKED, ExportState.HELD)
    assert office.work_off(ahead=LATER) == 0
    office.repair(shop)
    office.work_off(ahead=LATER)
    assert outcome(office, export_id) == CONFIRMED


def test_an_organisation_disconnected_in_xero_is_found_out_by_the_check(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    office.disconnect(shop)
    ask(office, export_id, SOMEWHERE)
    office.work_off()
    assert office.connection(shop).health is Health.DISCONNECTED
    assert outcome(office, export_id) == (MarkState.ASKED, ExportState.HELD)


def test_a_worker_that_dies_over_it_leaves_it_to_the_next(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, by_hand(office, shop))
    office.desk.store.close()
    worker = crash.start(office.desk.settings, dies_at_commit=1)
    worker.join()
    assert outcome(office, export_id)[0] is MarkState.ASKED
    office.work_off()
    assert outcome(office, export_id) == CONFIRMED


def test_a_stranded_mark_is_queued_once_more_and_an_old_slice_does_nothing(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, by_hand(office, shop))
    mark_id = _mark_id(office, export_id)
    mark_work.queue_stranded_again(office.desk, mark_id, 0)
    mark_work.queue_stranded_again(office.desk, mark_id, 0)
    mark_work.check(office.desk, mark_id, 0)
    waiting = mark_of(office, export_id)
    assert (waiting.state, waiting.detail) == (MarkState.ASKED, mark_work.OWN_FAULT)
    office.work_off(ahead=LATER)
    assert outcome(office, export_id) == CONFIRMED
