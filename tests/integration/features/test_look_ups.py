"""Look-ups: what Xero says of a number, and what that makes of an export in doubt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from services import closing, planning, runs
from services.store import tables
from services.store.engine import utcnow
from services.store.states import AttemptState, ExportKind, ExportState, RunState, Verdict
from tests.integration.features.ledger import assert_each_once, attempts, put_in_xero
from tests.integration.office import Office, Shop
from tests.patience import until

FOREVER = timedelta(hours=30)
BILLS, CARDS = "Invoices", "BankTransactions"
MUCH_LATER = timedelta(minutes=7)  # all keys are forgotten by then
FOUND = "Already in Xero: found by its number."
KINDS = pytest.mark.parametrize("kind", list(ExportKind))


def told(office: Office, plan_id: str, export_id: int) -> tuple[ExportState | None, str]:
    result, text = office.results(plan_id)[export_id]
    return result, text or ""


def in_doubt(office: Office, shop: Shop, number: int, kind: ExportKind = ExportKind.BILL) -> list[int]:
    """Send exports of which Xero never hears, and whose answer is lost."""
    ids = office.exports(shop, number, kind=kind)
    office.fault(shop, "PUT", BILLS if kind is ExportKind.BILL else CARDS, reset="before")
    office.retry(shop)
    office.work_off()
    assert office.states(ids) == [ExportState.IN_DOUBT] * number
    return ids


@pytest.mark.parametrize("code", ["XERO01", "XERO31", "XERO46"])
def test_after_an_ambiguous_failure_a_bill_found_in_xero_counts_as_delivered(
    office: Office, code: str
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2, state=ExportState.FAILED, code=code)
    xero_id = put_in_xero(office, shop, ids[0], "PAID")
    plan_id = office.retry(shop)
    office.work_off()
    assert office.export(ids[0]).xero_id == xero_id
    assert told(office, plan_id, ids[0]) == (ExportState.DELIVERED, FOUND)
    # Whoever sent it, it leads to an attempt here.
    assert [(each.state, each.message) for each in attempts(office, ids[0])] == [
        (AttemptState.DELIVERED, FOUND)
    ]
    assert told(office, plan_id, ids[1]) == (ExportState.DELIVERED, "In Xero.")
    assert_each_once(office, shop, ids)


def test_an_attempt_whose_document_is_found_is_closed_as_delivered(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.fault(shop, "PUT", BILLS, reset="after")
    plan_id = office.retry(shop)
    office.work_off(ahead=FOREVER)
    assert {told(office, plan_id, export_id)[1] for export_id in ids} == {FOUND}
    for attempt in attempts(office, *ids):
        assert (attempt.state, attempt.status) == (AttemptState.DELIVERED, None)
        assert attempt.answered_at is not None
        assert (attempt.message or "").endswith(FOUND)


@KINDS
@pytest.mark.parametrize("status", ["VOIDED", "DELETED"])
def test_what_a_person_voided_or_deleted_in_xero_is_never_made_again_by_a_machine(
    office: Office, status: str, kind: ExportKind
) -> None:
    shop = office.shop()
    (export_id,) = in_doubt(office, shop, 1, kind)
    put_in_xero(office, shop, export_id, status)
    office.work_off(ahead=FOREVER)
    export = office.export(export_id)
    assert (export.state, export.code, export.xero_id) == (ExportState.FAILED, "XERO76", None)
    assert f"{export.number} is {status.lower()}." in (export.message or "")
    assert [each.state for each in attempts(office, export_id)] == [AttemptState.DELIVERED]
    plan_id = office.plan(shop)
    assert office.verdicts(plan_id)[export_id][0] is Verdict.NEVER
    assert [each["status"] for each in office.ledger(shop)["documents"]] == [status]


def test_a_bill_made_anew_in_xero_after_one_was_voided_is_the_one_that_counts(office: Office) -> None:
    shop = office.shop()
    (export_id,) = in_doubt(office, shop, 1)
    put_in_xero(office, shop, export_id, "VOIDED")
    anew = put_in_xero(office, shop, export_id, "AUTHORISED")
    office.work_off(ahead=FOREVER)
    assert (office.export(export_id).state, office.export(export_id).xero_id) == (
        ExportState.DELIVERED,
        anew,
    )


@KINDS
def test_of_several_with_its_number_ours_is_taken_and_the_duplicate_is_named(
    office: Office, kind: ExportKind
) -> None:
    shop = office.shop()
    (export_id,) = in_doubt(office, shop, 1, kind)
    put_in_xero(office, shop, export_id, "AUTHORISED", total="99.00")
    put_in_xero(office, shop, export_id, "AUTHORISED", contact="Jonas Berg")
    ours = put_in_xero(office, shop, export_id, "AUTHORISED")
    put_in_xero(office, shop, export_id, "VOIDED")
    office.work_off(ahead=FOREVER)
    export = office.export(export_id)
    assert (export.state, export.xero_id) == (ExportState.DELIVERED, ours)
    with office.desk.store.read() as session:
        [item] = session.query(tables.PlanItem).filter_by(export_id=export_id)
    assert item.result_text == (
        f"{FOUND} There is a duplicate: 3 documents have this number. Void what is too many in Xero."
    )
    assert office.ledger(shop)["count"] == 4


def test_a_bill_that_was_changed_in_xero_is_not_sent_again_and_its_total_there_is_said(
    office: Office,
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1, state=ExportState.FAILED, code="XERO46")
    put_in_xero(office, shop, export_id, "AUTHORISED", total="1099.00")
    plan_id = office.retry(shop)
    office.work_off()
    assert told(office, plan_id, export_id)[1] == f"{FOUND} There it comes to 1,099.00 GBP."
    assert office.ledger(shop)["count"] == 1


def test_what_never_arrived_says_so_before_it_is_sent_anew(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    office.fault(shop, "PUT", BILLS, status=500)
    office.retry(shop)
    office.work_off(ahead=FOREVER)
    lost, sent = attempts(office, export_id)
    assert (lost.state, lost.status) == (AttemptState.NOT_SENT, 500)
    assert (lost.message or "").endswith("Xero was asked by number: it did not arrive.")
    assert (sent.state, sent.status) == (AttemptState.DELIVERED, 200)
    assert lost.batch != sent.batch
    assert lost.correlation_id != sent.correlation_id


@KINDS
@pytest.mark.parametrize("status", [400, 404])
def test_a_number_that_xero_takes_no_question_about_stops_no_other(
    office: Office, status: int, kind: ExportKind
) -> None:
    shop = office.shop()
    ids = in_doubt(office, shop, 5, kind)
    # All five, the first two, and then the first alone.
    path = BILLS if kind is ExportKind.BILL else CARDS
    refusal = '{"ErrorNumber": 16, "Type": "QueryParseException", "Message": "No such number."}'
    office.fault(shop, "GET", path, status=status, body=refusal, times=3)
    with time_machine.travel(utcnow() + MUCH_LATER):
        office.work_off(ahead=FOREVER)
        assert office.states(ids) == [ExportState.IN_DOUBT, *[ExportState.DELIVERED] * 4]
        doubted = office.export(ids[0])
        assert (doubted.message or "").startswith(f"Xero refuses to look up {doubted.number}: ")
        with office.desk.store.read() as session:
            [run] = session.query(tables.RetryRun)
        assert told(office, run.plan_id, ids[0]) == (ExportState.IN_DOUBT, doubted.message)
        assert office.run(run.plan_id).state is RunState.FINISHED
        office.retry(shop)
        office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)


def test_a_batch_of_which_a_part_is_there_is_not_sent_again_as_a_whole(office: Office) -> None:
    shop = office.shop()
    ids = in_doubt(office, shop, 3)
    first_sent = utcnow()
    put_in_xero(office, shop, ids[0], "AUTHORISED")
    office.work_off(ahead=timedelta(minutes=1))
    assert office.states(ids) == [ExportState.DELIVERED, *[ExportState.IN_DOUBT] * 2]
    with time_machine.travel(first_sent + MUCH_LATER):
        office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)


def test_a_batch_of_which_a_part_was_voided_is_not_sent_again_as_a_whole(office: Office) -> None:
    shop = office.shop()
    voided, missing = in_doubt(office, shop, 2)
    first_sent = utcnow()
    put_in_xero(office, shop, voided, "VOIDED")
    office.work_off(ahead=timedelta(minutes=1))
    assert office.states([voided, missing]) == [ExportState.FAILED, ExportState.IN_DOUBT]
    with time_machine.travel(first_sent + MUCH_LATER):
        office.work_off(ahead=FOREVER)
    assert office.states([voided, missing]) == [ExportState.FAILED, ExportState.DELIVERED]
    assert office.export(voided).code == "XERO76"
    assert sorted(each["status"] for each in office.ledger(shop)["documents"]) == ["AUTHORISED", "VOIDED"]


def test_one_of_a_batch_in_doubt_takes_none_of_the_others_along_into_xero(office: Office) -> None:
    shop = office.shop()
    wanted, *others = in_doubt(office, shop, 3)
    first_sent = utcnow()
    with office.desk.store.begin() as session:
        [run] = session.query(tables.RetryRun)
        runs.cancel(session, office.agent, run.plan_id)
        plan_id = planning.plan(session, office.agent, export_ids=[wanted])
    office.start(plan_id)
    office.work_off(ahead=timedelta(minutes=1))
    assert office.ledger(shop)["count"] == 0
    with time_machine.travel(first_sent + MUCH_LATER):
        office.work_off(ahead=FOREVER)
        assert office.run(plan_id).state is RunState.FINISHED
    assert_each_once(office, shop, [wanted])
    assert office.states(others) == [ExportState.IN_DOUBT] * 2


@pytest.mark.parametrize("there", [False, True], ids=["not in Xero", "in Xero"])
def test_what_a_person_sets_aside_while_xero_is_asked_stays_set_aside(office: Office, there: bool) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1, state=ExportState.FAILED, code="XERO46")
    if there:
        put_in_xero(office, shop, export_id, "VOIDED")
    office.fault(shop, "GET", BILLS, delay_seconds=1.0)
    plan_id = office.retry(shop)
    with ThreadPoolExecutor() as pool:
        working = pool.submit(office.work_off)
        until(lambda: not office.xero.control("GET", "/faults"))  # Xero is being asked
        with office.desk.store.begin() as session:
            closing.set_aside(session, office.agent, export_id, "paid by hand")
        working.result()
    assert office.export(export_id).state is ExportState.SET_ASIDE
    assert told(office, plan_id, export_id) == (ExportState.SET_ASIDE, "Set aside meanwhile.")
    assert office.calls(shop)["by_path"].get("PUT /api.xro/2.0/Invoices") is None
