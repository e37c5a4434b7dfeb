"""Receipts of documents that only a person's mark ties to their export, where the mark is taken back."""

from __future__ import annotations

from threading import Thread

from services import claiming, marking
from services.store.states import ExportState, ReceiptState, RunState, Verdict
from tests.integration.features import papers
from tests.integration.features.ledger import put_in_xero
from tests.integration.office import Office, Shop
from tests.patience import until

BY_HAND = "by hand"


def marked(office: Office, shop: Shop) -> int:
    """Let an export with a receipt count as the bill that somebody entered in Xero by hand."""
    (export_id,) = office.exports(shop, 1)
    papers.bring(office, export_id, ".pdf")
    xero_id = put_in_xero(office, shop, export_id, "AUTHORISED", number=BY_HAND)
    with office.desk.store.begin() as session:
        link = f"https://go.xero.com/AccountsPayable/View.aspx?InvoiceID={xero_id}"
        marking.ask(session, office.agent, export_id, link, "Entered by hand.")
    office.work_off()
    assert office.states([export_id]) == [ExportState.DELIVERED]
    return export_id


def take_back(office: Office, export_id: int) -> None:
    with office.desk.store.begin() as session:
        marking.take_back(session, office.agent, export_id, "It was another report.")


def test_a_receipt_on_its_way_to_a_document_taken_back_does_not_count_as_attached(office: Office) -> None:
    shop = office.shop()
    export_id = marked(office, shop)
    plan_id = office.retry(shop)
    office.fault(shop, "PUT", papers.TO_BILLS, delay_seconds=1.0)
    worker = Thread(target=office.work_off)
    worker.start()
    until(lambda: not office.xero.control("GET", "/faults"))  # on its way
    take_back(office, export_id)
    worker.join()
    assert papers.states(office, [export_id]) == [ReceiptState.WAITING]
    assert office.verdicts(plan_id)[export_id] == (Verdict.CHANGED, claiming.OWED_AGAIN)
    assert office.run(plan_id).state is RunState.FINISHED
    assert office.states([export_id]) == [ExportState.WAITING]
    office.retry(shop)
    office.work_off()
    assert papers.states(office, [export_id]) == [ReceiptState.ATTACHED]
    assert papers.in_xero(office, shop)[office.export(export_id).number] == [".pdf"]


def test_a_plan_to_attach_receipts_sends_no_document_whose_mark_was_taken_back(office: Office) -> None:
    shop = office.shop()
    before, meanwhile = marked(office, shop), marked(office, shop)
    plan_id = office.plan(shop)
    take_back(office, before)
    office.start(plan_id)
    assert office.verdicts(plan_id)[before] == (Verdict.CHANGED, claiming.OWED_AGAIN)
    take_back(office, meanwhile)
    office.work_off()
    assert office.verdicts(plan_id)[meanwhile] == (Verdict.CHANGED, claiming.OWED_AGAIN)
    assert office.states([before, meanwhile]) == [ExportState.WAITING] * 2
    assert [each["number"] for each in office.ledger(shop)["documents"]] == [BY_HAND] * 2
    assert office.run(plan_id).state is RunState.FINISHED
