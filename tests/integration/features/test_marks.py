"""Marking an export as already in Xero: asked by a person, checked in Xero, and taken back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services import audit, closing, completeness, marking
from services.declined import Declined
from services.exports import UnknownExport
from services.members import NotAllowed, UnknownWorkspace
from services.store import tables
from services.store.states import (
    ExportKind,
    ExportState,
    IncidentState,
    MarkState,
    ReceiptState,
)
from services.xero import links
from tests.integration.features.marked import (
    CONFIRMED,
    SOMEWHERE,
    WHY,
    ask,
    back,
    by_hand,
    mark_of,
    outcome,
    sold,
)
from tests.integration.office import Office

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
