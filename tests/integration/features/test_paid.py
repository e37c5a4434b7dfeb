"""Bills that are paid in Xero: a sync marks their exports, each once, with as few calls as it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services import paid, syncs
from services.exports import ExportFilter, ExportRow, search
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, Health, SyncState, Verdict
from services.syncs import StageView
from tests.integration.office import Office, Shop

BILLS = "GET /api.xro/2.0/Invoices"
LISTED = "Invoices"


def deliver(office: Office, shop: Shop, number: int = 1, kind: ExportKind = ExportKind.BILL) -> list[int]:
    """Deliver reports, each as one document."""
    ids = office.exports(shop, number, kind=kind)
    office.retry(shop)
    office.work_off()
    assert office.states(ids) == [ExportState.DELIVERED] * number
    return ids


def pay(office: Office, export_id: int) -> None:
    """Have somebody pay the export's document in Xero."""
    office.xero.control("PATCH", f"/documents/{office.export(export_id).xero_id}", status="PAID")


def sync(office: Office, shop: Shop) -> StageView:
    """Sync, and return the stage that looks for paid bills."""
    office.sync(shop)
    [stage] = [stage for stage in office.last_sync(shop).stages if stage.label == syncs.REIMBURSED]
    return stage


def looks(office: Office, shop: Shop) -> int:
    """Count the calls that listed bills, and begin to count anew."""
    number: int = office.calls(shop)["by_path"].get(BILLS, 0)
    office.xero.control("DELETE", "/calls")
    return number


def row(office: Office, export_id: int) -> ExportRow:
    with office.desk.store.read() as session:
        found = search(session, office.agent, ExportFilter(text=office.export(export_id).number))
    return found.rows[0]


def test_a_sync_marks_the_delivered_bills_that_are_paid_and_counts_them(office: Office) -> None:
    shop = office.shop()
    first, second, third = deliver(office, shop, 3)
    pay(office, first)
    pay(office, third)
    assert sync(office, shop).count == 2
    today = {datetime.now(UTC).date(), datetime.now(UTC).date() - timedelta(days=1)}
    assert {row(office, each).paid_at.date() for each in (first, third)} <= today  # type: ignore[union-attr]
    assert row(office, second).paid_at is None
    assert office.states([first, second, third]) == [ExportState.DELIVERED] * 3


def test_a_bill_is_marked_once_and_keeps_its_day(office: Office) -> None:
    shop = office.shop()
    export_id, _ = deliver(office, shop, 2)
    pay(office, export_id)
    sync(office, shop)
    long_ago = datetime(2026, 1, 5, tzinfo=UTC)
    office.change(tables.Export, export_id, paid_at=long_ago)
    assert sync(office, shop).count == 0
    assert office.export(export_id).paid_at == long_ago


def test_a_plan_says_that_the_bill_of_a_delivered_report_is_paid(office: Office) -> None:
    shop = office.shop()
    [export_id] = deliver(office, shop)
    pay(office, export_id)
    sync(office, shop)
    assert office.verdicts(office.plan(shop)) == {
        export_id: (Verdict.ALREADY_IN_XERO, "It was delivered and is paid in Xero.")
    }


def test_without_an_unpaid_delivered_bill_xero_is_not_asked(office: Office) -> None:
    shop = office.shop()
    deliver(office, shop, kind=ExportKind.BANK_TRANSACTION)
    office.exports(shop, 1)
    looks(office, shop)
    assert sync(office, shop).count == 0
    assert looks(office, shop) == 0


def test_looking_again_is_one_call_for_what_has_changed_since(office: Office) -> None:
    shop = office.shop()
    deliver(office, shop)
    looks(office, shop)
    before = utcnow()
    sync(office, shop)
    assert looks(office, shop) == 1
    with office.desk.store.read() as session:
        question = paid.question(session, shop.workspace_id)
    assert question is not None
    assert question.since is not None
    assert before <= question.since + paid.OVERLAP <= utcnow()


def test_what_was_paid_before_a_look_but_found_in_xero_after_it_is_not_missed(office: Office) -> None:
    shop = office.shop()
    _, late = deliver(office, shop, 2)
    pay(office, late)
    two_days = timedelta(days=2)
    xero_id = office.export(late).xero_id
    office.change(tables.Export, late, state=ExportState.IN_DOUBT, xero_id=None, delivered_at=None)
    with office.desk.store.begin() as session:
        for attempt in session.query(tables.Attempt).filter_by(export_id=late):
            attempt.sent_at = utcnow() - two_days
    assert sync(office, shop).count == 0
    office.change(tables.Export, late, state=ExportState.DELIVERED, xero_id=xero_id, delivered_at=utcnow())
    with office.desk.store.read() as session:
        question = paid.question(session, shop.workspace_id)
    assert question is not None
    assert question.since is not None
    assert question.since < utcnow() - two_days
    assert sync(office, shop).count == 1


def test_after_a_new_connection_every_paid_bill_is_asked_for_again(office: Office) -> None:
    shop = office.shop()
    deliver(office, shop)
    sync(office, shop)
    office.change(tables.Connection, shop.workspace_id, connected_at=utcnow())
    with office.desk.store.read() as session:
        assert paid.question(session, shop.workspace_id) == paid.Question(None)


def test_a_look_of_a_sync_that_failed_does_not_count(office: Office) -> None:
    shop = office.shop()
    deliver(office, shop)
    office.fault(shop, "GET", LISTED, status=503)
    office.sync(shop)
    assert office.last_sync(shop).state is SyncState.FAILED
    with office.desk.store.read() as session:
        assert paid.question(session, shop.workspace_id) is not None
        assert paid.question(session, shop.workspace_id) != paid.Question(None), "the first sync looked"


def test_the_same_number_paid_elsewhere_marks_nothing_here(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    [export_id], [foreign] = deliver(office, shop), deliver(office, other)
    pay(office, foreign)
    assert sync(office, shop).count == 0
    assert office.export(export_id).paid_at is None


@pytest.mark.parametrize(
    ("answer", "health"),
    [
        ({"status": 503}, Health.UNAVAILABLE),
        ({"status": 401, "body": '{"Detail": "AuthorizationUnsuccessful"}'}, Health.MISSING_SCOPE),
        ({"status": 403}, Health.WRONG_ROLE),
    ],
    ids=["unavailable", "scope", "role"],
)
def test_a_failed_look_says_of_the_connection_what_any_failed_call_says(
    office: Office, answer: dict[str, object], health: Health
) -> None:
    shop = office.shop()
    deliver(office, shop)
    office.fault(shop, "GET", LISTED, **answer)
    office.sync(shop)
    assert office.connection(shop).health is health


@pytest.mark.parametrize("status", [400, 404, 501])
def test_a_refused_look_is_left_out_asked_again_and_breaks_nothing(office: Office, status: int) -> None:
    shop = office.shop()
    [export_id] = deliver(office, shop)
    pay(office, export_id)
    office.fault(shop, "GET", LISTED, status=status)
    refused = sync(office, shop)
    assert (refused.count, bool(refused.left_out)) == (None, True)
    assert office.connection(shop).health is Health.HEALTHY
    assert sync(office, shop).count == 1
