"""What comes in: exports, their state, and the history of the workspace."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import select

from services import documents
from services.store import tables
from services.store.states import ExportKind, ExportState, Health
from tests.integration.intake.desk import (
    AGENT,
    BROKEN,
    HEALTHY,
    INCIDENT,
    Desk,
    card,
    expense,
)


def test_an_out_of_pocket_report_becomes_one_bill_with_all_its_expenses(desk: Desk) -> None:
    intake = desk.bring_rows(expense(), expense(merchant="Station Hotel", amount="142"))

    bill = desk.exports()["EXP-R1"]
    assert (intake.accepted, intake.unchanged, intake.rejected) == (1, 0, ())
    assert (bill.kind, bill.amount, bill.currency) == (ExportKind.BILL, Decimal("160.40"), "GBP")
    assert (bill.state, bill.incident_id) == (ExportState.WAITING, None)
    assert (bill.workspace_id, bill.organisation_id) == (HEALTHY, f"org-{HEALTHY}")
    assert bill.approved_at == datetime(2026, 9, 30, 12, 5, tzinfo=UTC)
    assert desk.merchants("EXP-R1") == ["Parkway Cabs", "Station Hotel"]


def test_every_company_card_expense_becomes_a_bank_transaction_of_its_own(desk: Desk) -> None:
    desk.bring_rows(card(), card(merchant="Fern Cloud", amount="20.00"))

    found = desk.exports()
    assert sorted(found) == ["EXP-R1-1", "EXP-R1-2"]
    assert {export.kind for export in found.values()} == {ExportKind.BANK_TRANSACTION}
    assert found["EXP-R1-2"].amount == Decimal("20.00")
    assert desk.merchants("EXP-R1-2") == ["Fern Cloud"]


def test_a_report_paid_both_ways_becomes_a_bill_and_bank_transactions(desk: Desk) -> None:
    desk.bring_rows(expense(), card(merchant="Fern Cloud"), expense(merchant="Station Hotel"))

    assert sorted(desk.exports()) == ["EXP-R1", "EXP-R1-2"]
    assert desk.merchants("EXP-R1") == ["Parkway Cabs", "Station Hotel"]


def test_what_came_in_is_what_a_document_is_made_from(desk: Desk) -> None:
    desk.bring_rows(expense(tag_category="", tag="", tax_type=""), expense(date="2026-09-26"))

    with desk.store.read() as session:
        (draft,) = documents.drafts(session, list(session.scalars(select(tables.Export))))
    first, second = draft.lines
    assert (first.tax_type, first.tracking_category, first.tracking_option) == (None, None, None)
    assert (second.tax_type, second.tracking_category, second.tracking_option) == (
        "INPUT2",
        "Region",
        "North",
    )
    assert (draft.dated, second.account_code) == (date(2026, 9, 26), "493")
    assert draft.report.submitter_name == "Amelia Ward"


def test_an_export_for_a_broken_connection_is_held_for_its_incident(desk: Desk) -> None:
    desk.bring_rows(expense(workspace_id=BROKEN))

    held = desk.exports()["EXP-R1"]
    assert (held.state, held.incident_id) == (ExportState.HELD, INCIDENT)


def test_an_export_waits_while_xero_is_only_down(desk: Desk) -> None:
    desk.set_health(HEALTHY, Health.UNAVAILABLE)
    desk.bring_rows(expense())

    assert desk.exports()["EXP-R1"].state is ExportState.WAITING


def test_an_export_is_held_without_an_incident_where_the_connection_was_ended_on_purpose(desk: Desk) -> None:
    desk.set_health(HEALTHY, Health.NOT_CONNECTED)
    desk.bring_rows(expense())

    held = desk.exports()["EXP-R1"]
    assert (held.state, held.incident_id) == (ExportState.HELD, None)


def test_each_workspace_has_the_import_in_its_history(desk: Desk) -> None:
    desk.bring_rows(expense(), expense(report_id="R2"), expense(report_id="R3", workspace_id=BROKEN))
    desk.bring_rows(expense(merchant="Other Cabs"))

    assert [(entry.workspace_id, entry.actor, entry.summary) for entry in desk.audit()] == [
        (HEALTHY, AGENT.email, "Reports came in from a file: 2 new, 0 changed."),
        (BROKEN, AGENT.email, "Reports came in from a file: 1 new, 0 changed."),
        (HEALTHY, AGENT.email, "Reports came in from a file: 0 new, 1 changed."),
    ]
    assert desk.audit()[-1].data == {"changed": ["R1"]}


def test_the_rows_of_a_report_need_not_stand_together(desk: Desk) -> None:
    intake = desk.bring_rows(expense(), expense(report_id="R2"), expense(merchant="Station Hotel"))

    assert intake.accepted == 2
    assert desk.merchants("EXP-R1") == ["Parkway Cabs", "Station Hotel"]
