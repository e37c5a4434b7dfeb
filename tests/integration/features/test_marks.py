"""Marking an export as already in Xero: asked by a person, checked in Xero, and taken back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest

from services import audit, closing, completeness, mark_work, marking, marks
from services.declined import Declined
from services.due import Kind, due
from services.exports import UnknownExport
from services.marks import MarkView
from services.members import Member, NotAllowed, UnknownWorkspace
from services.store import tables
from services.store.engine import utcnow
from services.store.states import (
    ExportKind,
    ExportState,
    Health,
    IncidentState,
    MarkState,
    ReceiptState,
    Verdict,
)
from services.xero import links
from tests.integration import crash
from tests.integration.office import Office, Shop
from tests.integration.stores import until_blocked

WHY = "Entered by hand while it was broken."
SOMEWHERE = "7cb5e5a4-9f93-4b2c-8d51-0a1b2c3d4e5f"
LATER = timedelta(hours=1)


def by_hand(office: Office, shop: Shop, *, kind: str = "invoice", **changes: Any) -> str:
    """Enter a document in Xero itself, and return its id."""
    document = {
        "organisation": shop.organisation_id,
        "kind": kind,
        "number": "by hand",
        "contact": "Acme",
        "date": "2026-10-01",
        "total": "12.50",
        "currency": "GBP",
    }
    made = office.xero.http.post("/sandbox/documents", json=[document | changes])
    assert made.is_success, made.text
    return str(made.json()[0]["id"])


def sold(office: Office, shop: Shop) -> str:
    """Enter a sales invoice in Xero, over its API, and return its id."""
    token, _ = office.desk.vault.open(office.grant(shop).tokens)
    line = {"Description": "Work", "Quantity": 1, "UnitAmount": 12.5, "AccountCode": "200"}
    invoice = {"Type": "ACCREC", "Contact": {"Name": "Acme"}, "Date": "2026-10-01", "LineItems": [line]}
    answer = office.xero.http.put(
        "/api.xro/2.0/Invoices",
        json={"Invoices": [invoice]},
        headers={
            "Authorization": f"Bearer {token}",
            "xero-tenant-id": shop.organisation_id,
            "Accept": "application/json",
        },
    )
    assert answer.is_success, answer.text
    return str(answer.json()["Invoices"][0]["InvoiceID"])


def ask(
    office: Office, export_id: int, link: str, *, reason: str = WHY, member: Member | None = None
) -> None:
    with office.desk.store.begin() as session:
        marking.ask(session, member or office.agent, export_id, link, reason)


def back(office: Office, export_id: int, reason: str = "It was another one.") -> None:
    with office.desk.store.begin() as session:
        marking.take_back(session, office.agent, export_id, reason)


def mark_of(office: Office, export_id: int) -> MarkView:
    with office.desk.store.read() as session:
        return marks.of_export(session, export_id)[0]


def outcome(office: Office, export_id: int) -> tuple[MarkState, ExportState]:
    return mark_of(office, export_id).state, office.export(export_id).state


CONFIRMED = (MarkState.CONFIRMED, ExportState.DELIVERED)

# Confirmed


@pytest.mark.parametrize(
    ("kind", "entered"), [(ExportKind.BILL, "invoice"), (ExportKind.BANK_TRANSACTION, "bank_transaction")]
)
def test_what_xero_has_counts_as_delivered_and_says_who_when_why(
    office: Office, kind: ExportKind, entered: str
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO27", kind=kind)
    document = by_hand(office, shop, kind=entered)
    ask(office, export_id, document)
    assert outcome(office, export_id) == (MarkState.ASKED, ExportState.FAILED)
    office.work_off()
    export = office.export(export_id)
    assert (outcome(office, export_id), export.xero_id) == (CONFIRMED, document)
    assert export.delivered_at is not None
    assert document in (mark_of(office, export_id).link or "")
    with office.desk.store.read() as session:
        told = audit.history(session, shop.workspace_id, export_id=export_id)
    assert [(entry.action, entry.actor, entry.reason) for entry in told] == [
        ("marked as already in Xero", office.agent.email, WHY),
        ("mark asked for", office.agent.email, WHY),
    ]
    assert office.ledger(shop)["count"] == 1


def test_the_incident_closes_when_the_marked_export_was_its_last_and_is_traced(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    office.break_login(shop)
    office.repair(shop)
    ask(office, export_id, by_hand(office, shop))
    office.work_off()
    incident = office.incident(shop)
    assert incident is not None
    assert incident.state is IncidentState.CLOSED
    with office.desk.store.read() as session:
        proof = completeness.proof(session, office.agent, incident.id)
    assert (proof.total, proof.delivered, proof.untraced) == (1, 1, 0)


# Declined at once


def test_what_cannot_be_asked_is_declined_with_a_sentence(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    [bill] = office.exports(shop, 1)
    taken = by_hand(office, shop)
    office.change(tables.Export, office.exports(shop, 1, state=ExportState.DELIVERED)[0], xero_id=taken)
    elsewhere = links.bill_link(other.organisation["short_code"], SOMEWHERE)
    spent = links.bank_transaction_link(shop.organisation["short_code"], SOMEWHERE)
    for link, reason, sentence in (
        (SOMEWHERE, "  ", "Say how it came into Xero"),
        ("EXP-1", WHY, "That is no link to a document in Xero"),
        (elsewhere, WHY, f"leads to another organisation in Xero .* belongs to {shop.organisation['name']}"),
        (spent, WHY, "is the link of a bank transaction, and .* is a bill"),
        (taken, WHY, "is the document of EXP-.* already"),
    ):
        with pytest.raises(Declined, match=sentence):
            ask(office, bill, link, reason=reason)
    with pytest.raises(NotAllowed):
        ask(office, bill, SOMEWHERE, member=office.manager)
    with pytest.raises(UnknownExport):
        ask(office, 987654, SOMEWHERE)
    office.admin_leaves(shop)
    with pytest.raises(UnknownWorkspace):
        ask(office, bill, SOMEWHERE, member=office.admin)
    ask(office, bill, SOMEWHERE)
    with pytest.raises(Declined, match=f"{office.agent.email} has marked it already"):
        ask(office, bill, taken)


def test_only_what_is_neither_in_xero_nor_on_its_way_nor_closed_can_be_marked(office: Office) -> None:
    shop = office.shop()
    for state in ExportState:
        [export_id] = office.exports(shop, 1, state=state)
        if state in marking.MARKABLE:
            ask(office, export_id, SOMEWHERE)
        else:
            with pytest.raises(Declined, match=office.export(export_id).number):
                ask(office, export_id, SOMEWHERE)


def test_an_export_of_an_organisation_that_the_workspace_left_cannot_be_marked(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    [export_id] = office.exports(shop, 1)
    office.change(tables.Export, export_id, organisation_id=other.organisation_id)
    with pytest.raises(Declined, match="not connected to the organisation that this export belongs to"):
        ask(office, export_id, SOMEWHERE)


# Declined by what Xero has


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"total": "120.00"}, "In Xero it is GBP 120.00 for Acme, the export is GBP 12.50."),
        ({"total": "12.51"}, "In Xero it is GBP 12.51 for Acme, the export is GBP 12.50."),
        ({"currency": "USD"}, "In Xero it is USD 12.50 for Acme, the export is GBP 12.50."),
        ({"status": "VOIDED"}, "In Xero it is voided, so it does not count any more."),
        ({"status": "DELETED"}, "In Xero it is deleted, so it does not count any more."),
    ],
)
def test_another_document_than_the_export_is_declined_with_both_sides(
    office: Office, changes: dict[str, str], sentence: str
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, by_hand(office, shop, **changes))
    office.work_off()
    assert outcome(office, export_id) == (MarkState.DECLINED, ExportState.WAITING)
    assert mark_of(office, export_id).detail == sentence
    with office.desk.store.read() as session:
        newest = audit.history(session, shop.workspace_id, limit=1)[0]
    assert (newest.action, newest.actor) == ("mark declined", audit.SYSTEM)
    assert sentence in newest.summary


def test_what_the_organisation_does_not_have_is_declined(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    for document in (SOMEWHERE, by_hand(office, other), by_hand(office, shop, kind="bank_transaction")):
        [export_id] = office.exports(shop, 1)
        ask(office, export_id, document)
        office.work_off()
        assert outcome(office, export_id) == (MarkState.DECLINED, ExportState.WAITING)
        name = shop.organisation["name"]
        assert mark_of(office, export_id).detail == f"{name} has no bill with that id in Xero."


def test_a_sales_invoice_is_no_bill(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, sold(office, shop))
    office.work_off()
    assert outcome(office, export_id) == (MarkState.DECLINED, ExportState.WAITING)
    assert mark_of(office, export_id).detail == "In Xero it is a sales invoice, the export is a bill."


def test_of_two_exports_marked_as_the_same_document_one_is_declined(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    document = by_hand(office, shop)
    for export_id in ids:
        ask(office, export_id, document)
    office.work_off()
    assert [outcome(office, export_id) for export_id in ids] == [
        CONFIRMED,
        (MarkState.DECLINED, ExportState.WAITING),
    ]
    assert f"the document of {office.export(ids[0]).number} already" in (mark_of(office, ids[1]).detail or "")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (ExportState.DELIVERED, "A retry has brought it into Xero meanwhile."),
        (ExportState.SENDING, "It is being sent to Xero at this moment."),
        (ExportState.IN_DOUBT, "It was sent to Xero meanwhile, and Xero's answer is still to come."),
        (ExportState.SET_ASIDE, "It was set aside meanwhile."),
    ],
)
def test_an_export_that_has_become_something_else_is_left_as_it_is(
    office: Office, state: ExportState, sentence: str
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, by_hand(office, shop))
    office.change(tables.Export, export_id, state=state)
    office.work_off()
    assert outcome(office, export_id) == (MarkState.DECLINED, state)
    assert mark_of(office, export_id).detail == sentence


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
    office.fault(shop, "GET", f"Invoices/{document}", status=status)
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


# Stopped, and taken back


def test_a_mark_that_was_stopped_is_not_looked_up(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, by_hand(office, shop))
    with office.desk.store.begin() as session:
        marking.stop(session, office.agent, export_id)
    assert office.work_off() == 0
    assert outcome(office, export_id) == (MarkState.TAKEN_BACK, ExportState.WAITING)
    with office.desk.store.begin() as session, pytest.raises(Declined, match="answered already"):
        marking.stop(session, office.agent, export_id)


@pytest.mark.parametrize(
    ("state", "code"), [(ExportState.WAITING, None), (ExportState.FAILED, "XERO27"), (ExportState.HELD, None)]
)
def test_a_mark_taken_back_leaves_the_export_as_it_was(
    office: Office, state: ExportState, code: str | None
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1, state=state, code=code)
    ask(office, export_id, by_hand(office, shop))
    office.work_off()
    back(office, export_id)
    export = office.export(export_id)
    owed = ExportState.WAITING if state is ExportState.HELD else state  # the connection works
    assert outcome(office, export_id) == (MarkState.TAKEN_BACK, owed)
    assert (export.code, export.xero_id, export.delivered_at) == (code, None, None)
    with pytest.raises(Declined, match="there is no mark to take back"):
        back(office, export_id)


def test_a_mark_taken_back_after_the_incident_closed_opens_it_again(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    office.break_login(shop)
    office.repair(shop)
    ask(office, export_id, by_hand(office, shop))
    office.work_off()
    back(office, export_id)
    incident = office.incident(shop)
    assert incident is not None
    assert (incident.state, incident.closed_at) == (IncidentState.RECONNECTED, None)
    with office.desk.store.read() as session:
        assert completeness.proof(session, office.agent, incident.id).left == 1
    office.retry(shop)
    office.work_off()
    incident = office.incident(shop)
    assert incident is not None
    assert incident.state is IncidentState.CLOSED
    assert office.ledger(shop)["count"] == 2  # the one by hand stays, and is nobody's


def test_what_relink_sent_is_no_mark_to_take_back(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    office.retry(shop)
    office.work_off()
    with pytest.raises(Declined, match="there is no mark to take back"):
        back(office, export_id)


def test_a_document_to_which_receipts_were_attached_stays_with_its_export(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    ask(office, export_id, by_hand(office, shop))
    office.work_off()
    with office.desk.store.begin() as session:
        session.add(
            tables.Receipt(
                export_id=export_id,
                file_name="taxi.pdf",
                content_type="application/pdf",
                size_bytes=1,
                sha256="0" * 64,
                state=ReceiptState.ATTACHED,
            )
        )
    with pytest.raises(Declined, match="has attached receipts"):
        back(office, export_id)


def test_an_export_set_aside_and_taken_back_can_be_marked(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1, amount=Decimal("99.00"))
    with office.desk.store.begin() as session:
        closing.set_aside(session, office.agent, export_id, "Not ours.")
        closing.take_back(session, office.agent, export_id, "It was ours.")
    ask(office, export_id, by_hand(office, shop, total="99.00"))
    office.work_off()
    assert outcome(office, export_id) == CONFIRMED
