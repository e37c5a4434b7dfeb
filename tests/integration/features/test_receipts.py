"""Receipts as people see them: listed, counted, missing, and what a plan says about them."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from services import exports, planning, plans, receipts
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.states import ExportKind, ExportState, ReceiptState, Role, Verdict
from tests.integration.features import papers
from tests.integration.office import Office


def test_an_export_shows_its_receipts_and_what_became_of_each(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    papers.bring(office, export_id, "-1.pdf", "-2.heic")
    office.fault(shop, "PUT", papers.TO_BILLS, status=400, body='{"Message": "Not today"}')
    office.retry(shop)
    office.work_off()
    with office.desk.store.read() as session:
        first, second = receipts.of_export(session, office.admin, export_id)
    assert (first.name, first.content_type, first.size_bytes) == (
        f"{office.export(export_id).report_id}-1.pdf",
        "application/pdf",
        len(b"%PDF-1.7 a taxi"),
    )
    assert (first.state, first.message, first.attached_at) == (
        ReceiptState.FAILED,
        "Xero refused it: Not today",
        None,
    )
    assert first.tried_at
    assert (second.content_type, second.state, second.code) == ("image/heic", ReceiptState.ATTACHED, None)


def test_nobody_sees_the_receipts_of_somebody_elses_export(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    stranger = Member("sue@elsewhere.example", "Sue", Role.ADMIN)
    for unseen in (export_id, 999):
        with office.desk.store.read() as session, pytest.raises(exports.UnknownExport):
            receipts.of_export(session, stranger, unseen)


def test_documents_without_all_their_receipts_are_found(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    complete, lacking, waiting = office.exports(shop, 3)
    (foreign,) = office.exports(other, 1)
    papers.bring(office, complete, ".pdf")
    office.retry(shop, other)
    office.work_off()
    papers.bring(office, lacking, ".pdf")
    papers.bring(office, foreign, ".pdf")
    office.change(tables.Export, waiting, state=ExportState.WAITING)
    papers.bring(office, waiting, ".pdf")
    office.admin_leaves(other)
    for member, ids in ((office.admin, {lacking}), (office.agent, {lacking, foreign})):
        with office.desk.store.begin() as session:
            assert receipts.number_lacking(session, member) == len(ids)
            plan_id = planning.missing_receipts(session, member)
        assert set(office.verdicts(plan_id)) == ids


def test_a_plan_counts_one_call_a_receipt_beside_those_of_the_batches(office: Office) -> None:
    shop = office.shop()
    sent = office.exports(shop, 1, kind=ExportKind.BANK_TRANSACTION)
    office.retry(shop)
    office.work_off()
    bills = office.exports(shop, 2)
    papers.bring(office, sent[0], "-1.pdf", "-2.pdf")
    papers.bring(office, bills[0], "-1.pdf", "-2.pdf", "-3.pdf")
    plan_id = office.plan(shop)
    with office.desk.store.read() as session:
        view = plans.view(session, office.agent, plan_id)
    assert (view.goes, view.estimate.calls) == (3, 1 + 3 + 2)  # one batch, and the receipts
    assert {line.verdict: line.count for line in view.lines} == {Verdict.WILL_SEND: 2, Verdict.RECEIPTS: 1}


def test_a_plan_names_what_it_attaches_and_what_has_to_be_made_smaller(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    papers.bring(office, export_id, "-1.pdf", "-2.pdf")
    office.fault(shop, "PUT", papers.TO_BILLS, status=413)
    office.retry(shop)
    office.work_off()
    papers.bring(office, export_id, "-3.pdf")
    verdict, reason = office.verdicts(office.plan(shop))[export_id]
    name = f"{office.export(export_id).report_id}-1.pdf"
    assert verdict is Verdict.RECEIPTS
    assert reason == f"Its missing receipt will be attached. Too large for Xero: {name}. {receipts.SMALLER}"


def test_no_list_reads_the_content_of_a_file(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    papers.bring(office, export_id, ".pdf")
    said: list[str] = []
    event.listen(office.desk.store.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    with office.desk.store.read() as session:
        receipts.of_export(session, office.agent, export_id)
        receipts.number_lacking(session, office.agent)
        exports.search(session, office.agent, ExportFilter())
    office.plan(shop)
    assert said
    assert not [statement for statement in said if "receipt_files" in statement]
