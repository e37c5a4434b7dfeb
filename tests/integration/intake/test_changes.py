"""A second import: what it may change, and what it leaves alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services import closing, insights
from services.store import tables
from services.store.engine import utcnow
from services.store.states import AttemptState, ExportState, Health
from tests.integration.intake.desk import (
    AGENT,
    BROKEN,
    HEALTHY,
    INCIDENT,
    Desk,
    card,
    csv_of,
    expense,
)


@pytest.mark.parametrize("state", list(ExportState))
def test_the_same_file_twice_changes_nothing(desk: Desk, state: ExportState) -> None:
    data = csv_of(expense(), expense(amount="7.5"), card(report_id="R2"), expense(report_id="R3"))
    desk.bring(data)
    for number in desk.exports():
        desk.set(number, state=state)

    intake = desk.bring(data)
    assert (intake.accepted, intake.unchanged, intake.rejected) == (0, 3, ())
    assert {export.state for export in desk.exports().values()} == {state}
    assert len(desk.audit()) == 1


@pytest.mark.parametrize("state", [ExportState.WAITING, ExportState.FAILED, ExportState.HELD])
def test_a_mended_report_replaces_its_expenses_and_waits_again(desk: Desk, state: ExportState) -> None:
    desk.bring_rows(expense(), expense(merchant="Station Hotel"))
    desk.fail("EXP-R1", "XERO27")
    desk.set("EXP-R1", state=state)
    before = desk.exports()["EXP-R1"]

    intake = desk.bring_rows(expense(category="494", amount="20"))
    after = desk.exports()["EXP-R1"]
    assert (intake.accepted, intake.unchanged, intake.rejected) == (1, 0, ())
    assert (after.id, after.state, after.amount) == (before.id, ExportState.WAITING, Decimal("20.00"))
    assert (after.code, after.message, after.failed_at) == (None, None, None)
    assert before.changed_at is None
    assert after.changed_at is not None
    assert desk.merchants("EXP-R1") == ["Parkway Cabs"]


def test_a_mended_report_no_longer_counts_as_failed(desk: Desk) -> None:
    desk.bring_rows(expense())
    desk.fail("EXP-R1", "XERO27")
    today = utcnow().date()
    with desk.store.begin() as session:
        insights.recount(session, today)
        assert len(insights.failures_by_code(session, days=1, today=today)) == 1

    desk.bring_rows(expense(category="494"))
    with desk.store.begin() as session:
        insights.recount_stale(session)
        assert len(insights.failures_by_code(session, days=1, today=today)) == 0


def test_a_mended_report_of_a_broken_connection_stays_held(desk: Desk) -> None:
    desk.bring_rows(expense(workspace_id=BROKEN), expense(workspace_id=BROKEN, report_id="R2"))
    desk.fail("EXP-R2", "XERO11")

    desk.bring_rows(
        expense(workspace_id=BROKEN, amount="20"), expense(workspace_id=BROKEN, report_id="R2", amount="20")
    )
    assert {(one.state, one.incident_id) for one in desk.exports().values()} == {(ExportState.HELD, INCIDENT)}


def test_a_mended_report_still_counts_to_the_incident_it_failed_in(desk: Desk) -> None:
    desk.bring_rows(expense(workspace_id=BROKEN))
    desk.set_health(BROKEN, Health.HEALTHY)

    desk.bring_rows(expense(workspace_id=BROKEN, amount="20"))
    waiting = desk.exports()["EXP-R1"]
    assert (waiting.state, waiting.incident_id) == (ExportState.WAITING, INCIDENT)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (ExportState.DELIVERED, "is in Xero"),
        (ExportState.SENDING, "may be in Xero"),
        (ExportState.IN_DOUBT, "may be in Xero"),
        (ExportState.SET_ASIDE, "was set aside by"),
    ],
)
@pytest.mark.parametrize(
    "change", [{"amount": "99"}, {"submitter_name": "Ben Okafor"}], ids=["expense", "report"]
)
def test_a_report_that_may_be_in_xero_is_not_changed(
    desk: Desk, state: ExportState, says: str, change: dict[str, str]
) -> None:
    desk.bring_rows(expense())
    desk.set("EXP-R1", state=state, set_aside_by=AGENT.email)

    (rejected,) = desk.bring_rows(expense(**change)).rejected
    assert says in rejected.reason
    assert (desk.exports()["EXP-R1"].state, desk.exports()["EXP-R1"].amount) == (state, Decimal("18.40"))


@pytest.mark.parametrize("code", ["XERO01", "XERO46"])
def test_a_failure_without_a_clear_no_of_xero_is_not_changed(desk: Desk, code: str) -> None:
    desk.bring_rows(expense())
    desk.fail("EXP-R1", code)

    (rejected,) = desk.bring_rows(expense(amount="99")).rejected
    assert "may be in Xero" in rejected.reason
    assert desk.exports()["EXP-R1"].state is ExportState.FAILED


def test_a_document_that_xero_refused_in_words_unknown_can_be_mended(desk: Desk) -> None:
    desk.bring_rows(expense())
    desk.fail("EXP-R1", "XERO01")
    with desk.store.begin() as session:
        for state in (AttemptState.UNKNOWN, AttemptState.REFUSED):
            session.add(
                tables.Attempt(
                    export_id=desk.exports()["EXP-R1"].id,
                    batch="b",
                    position=0,
                    sent_at=utcnow(),
                    state=state,
                )
            )

    assert desk.bring_rows(expense(amount="99")).accepted == 1
    assert desk.exports()["EXP-R1"].state is ExportState.WAITING


def test_a_voided_document_is_not_brought_back_under_its_number(desk: Desk) -> None:
    desk.bring_rows(expense())
    desk.fail("EXP-R1", "XERO76")

    (rejected,) = desk.bring_rows(expense(amount="99")).rejected
    assert "XERO76" in rejected.reason
    assert "new report" in rejected.reason


def test_one_card_expense_can_be_mended_beside_a_delivered_one(desk: Desk) -> None:
    desk.bring_rows(card(), card(merchant="Fern Cloud"))
    desk.set("EXP-R1-1", state=ExportState.DELIVERED)
    desk.fail("EXP-R1-2", "XERO27")

    intake = desk.bring_rows(card(), card(merchant="Fern Cloud", category="494"), card(merchant="Late Cabs"))
    assert intake.accepted == 1
    assert {number: export.state for number, export in desk.exports().items()} == {
        "EXP-R1-1": ExportState.DELIVERED,
        "EXP-R1-2": ExportState.WAITING,
        "EXP-R1-3": ExportState.WAITING,
    }


def test_an_export_never_vanishes_because_a_file_leaves_it_out(desk: Desk) -> None:
    desk.bring_rows(card(), card(merchant="Fern Cloud"))

    (rejected,) = desk.bring_rows(card()).rejected
    assert "EXP-R1-2 is no longer in the report" in rejected.reason

    with desk.store.begin() as session:
        closing.set_aside(session, AGENT, desk.exports()["EXP-R1-2"].id, "Entered twice")
    assert desk.bring_rows(card()).unchanged == 1
    assert desk.exports()["EXP-R1-2"].state is ExportState.SET_ASIDE


def test_a_set_aside_bill_keeps_its_expenses_when_they_come_again_as_card_expenses(desk: Desk) -> None:
    desk.bring_rows(expense())
    desk.set("EXP-R1", state=ExportState.SET_ASIDE, set_aside_by=AGENT.email)

    (rejected,) = desk.bring_rows(card()).rejected
    assert "another report id" in rejected.reason
    assert desk.merchants("EXP-R1") == ["Parkway Cabs"]


def test_two_reports_never_share_a_number_in_xero(desk: Desk) -> None:
    desk.bring_rows(card(report_id="R1"))

    stored = desk.bring_rows(expense(report_id="R1-1")).rejected
    same_file = desk.bring_rows(expense(report_id="R5-1"), card(report_id="R5"))
    assert "EXP-R1-1 is taken by report R1" in stored[0].reason
    assert "EXP-R5-1 is taken by report R5-1" in same_file.rejected[0].reason
    assert sorted(desk.exports()) == ["EXP-R1-1", "EXP-R5-1"]


def test_a_report_of_another_workspace_is_not_taken_over(desk: Desk) -> None:
    desk.bring_rows(expense())

    (rejected,) = desk.bring_rows(expense(workspace_id=BROKEN)).rejected
    assert "another workspace" in rejected.reason
    assert desk.exports()["EXP-R1"].workspace_id == HEALTHY
