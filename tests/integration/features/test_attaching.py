"""Attaching receipts: each arrives once, whatever goes wrong, and a bad one stops no other."""

from __future__ import annotations

import signal
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from services import planning, run_work, runs
from services.declined import Declined
from services.run_work import BATCHES_A_SLICE
from services.store import tables
from services.store.states import (
    ExportKind,
    ExportState,
    Health,
    IncidentState,
    ReceiptState,
    RunState,
    Verdict,
)
from tests.integration import crash
from tests.integration.features import papers
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office
from tests.patience import until

FOREVER = timedelta(hours=30)
WAITING, ATTACHED, FAILED = ReceiptState.WAITING, ReceiptState.ATTACHED, ReceiptState.FAILED

#: The commits of a lane with one bill and one receipt, as they come.
TAKEN_UP, CLAIMED, DELIVERED, STORED = 1, 2, 3, 4


def turn(office: Office, act: str, plan_id: str) -> None:
    with office.desk.store.begin() as session:
        getattr(runs, act)(session, office.agent, plan_id)


@pytest.mark.parametrize("kind", list(ExportKind))
def test_receipts_follow_their_documents_into_xero(office: Office, kind: ExportKind) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2, kind=kind)
    papers.bring(office, ids[0], ".pdf", "-2 [taxi].jpg")
    plan_id = office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    numbers = [office.export(export_id).number for export_id in ids]
    assert papers.in_xero(office, shop) == {numbers[0]: ["-2 [taxi].jpg", ".pdf"], numbers[1]: []}
    for receipt in papers.stored(office, ids[0]):
        assert (receipt.state, receipt.message) == (ATTACHED, None)
        assert receipt.attached_at
        assert receipt.correlation_id
    assert {text for _, text in office.results(plan_id).values()} == {"In Xero.", "In Xero, with 2 receipts."}
    assert office.run(plan_id).state is RunState.FINISHED


@pytest.mark.parametrize("dies_at", [TAKEN_UP, CLAIMED, DELIVERED, STORED])
def test_a_worker_killed_at_any_moment_leaves_one_file_in_xero(office: Office, dies_at: int) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    papers.bring(office, ids[0], ".pdf")
    plan_id = office.retry(shop)
    died = crash.start(office.desk.settings, dies_at_commit=dies_at)
    died.join()
    assert died.exitcode == -signal.SIGKILL
    # Killed between Xero's answer and our commit, the file is there and our store does not know it.
    assert [*papers.in_xero(office, shop).values()] == [[[".pdf"]], [[]], []][
        0 if dies_at == STORED else 1 if dies_at >= DELIVERED else 2
    ]
    assert papers.states(office, ids) == [WAITING]
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    assert papers.in_xero(office, shop) == {office.export(ids[0]).number: [".pdf"]}
    assert papers.states(office, ids) == [ATTACHED]
    assert office.results(plan_id)[ids[0]] == (ExportState.DELIVERED, "In Xero, with 1 receipt.")


@pytest.mark.parametrize("refusal", [{"status": 400, "body": papers.TOO_LARGE}, {"status": 413}])
def test_a_receipt_too_large_for_xero_fails_alone_until_a_smaller_one_comes_in(
    office: Office, refusal: dict[str, Any]
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    papers.bring(office, ids[0], "-1.pdf", "-2.pdf")
    papers.bring(office, ids[1], ".pdf")
    office.fault(shop, "PUT", papers.TO_BILLS, **refusal)
    plan_id = office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    assert papers.states(office, ids) == [FAILED, ATTACHED, ATTACHED]
    bad = papers.stored(office, ids[0])[0]
    assert bad.code == "XERO08"
    result, text = office.results(plan_id)[ids[0]]
    assert (result, office.run(plan_id).receipts_missing) == (ExportState.DELIVERED, 1)
    assert f"In Xero, 1 receipt could not be attached: {bad.file_name}: It is too large." in (text or "")
    again = office.plan(shop)
    verdict, reason = office.verdicts(again)[ids[0]]
    assert verdict is Verdict.FIX_FIRST
    assert reason.startswith(f"XERO08: Too large for Xero: {bad.file_name}. Make it smaller")
    papers.bring(office, ids[0], "-1.pdf", content=b"%PDF-1.7 smaller")
    assert papers.calls(office, shop) == 3
    office.retry(shop)
    office.work_off()
    assert papers.states(office, ids) == [ATTACHED] * 3
    assert papers.calls(office, shop) == 4


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            {"status": 400, "body": '{"Message": "No more than 10 attachments"}'},
            "No more than 10 attachments",
        ),
        ({"status": 404}, "no longer has the document"),
    ],
)
def test_a_refused_receipt_is_retried_by_a_plan_of_its_export_alone(
    office: Office, fault: dict[str, Any], says: str
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    papers.bring(office, ids[0], "-1.pdf", "-2.pdf")
    office.fault(shop, "PUT", papers.TO_BILLS, **fault)
    first = office.retry(shop)
    office.work_off()
    assert papers.states(office, ids) == [FAILED, ATTACHED]
    refused = papers.stored(office, ids[0])[0]
    assert refused.code is None
    assert says in (refused.message or "")
    with office.desk.store.begin() as session:
        again = planning.leftovers(session, office.agent, first)
    assert office.verdicts(again) == {ids[0]: (Verdict.RECEIPTS, "Its missing receipt will be attached.")}
    office.start(again)
    assert (office.run(again).done, office.run(again).total) == (0, 1)
    office.work_off()
    assert papers.states(office, ids) == [ATTACHED, ATTACHED]
    assert office.results(again) == {ids[0]: (ExportState.DELIVERED, "In Xero, with 2 receipts.")}
    assert_each_once(office, shop, ids)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"reset": "before"}, id="cut before the work"),
        pytest.param({"reset": "after"}, id="cut after the work"),
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 200, "body": "<html>"}, id="not JSON"),
        pytest.param({"status": 503}, id="503"),
        pytest.param(
            {"status": 429, "headers": {"X-Rate-Limit-Problem": "minute", "Retry-After": "0"}}, id="429"
        ),
    ],
)
def test_a_call_without_a_result_is_waited_out_and_the_file_is_there_once(
    office: Office, fault: dict[str, Any]
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    papers.bring(office, ids[0], ".pdf")
    office.fault(shop, "PUT", papers.TO_BILLS, **fault)
    plan_id = office.retry(shop)
    office.work_off()
    (lane,) = office.run(plan_id).lanes
    assert (lane.state, lane.done, lane.total) == (RunState.QUEUED, 1, 1)
    assert "Waiting for Xero" in (lane.waiting_for or "")
    assert papers.states(office, ids) == [WAITING]
    office.work_off(ahead=FOREVER)
    assert papers.in_xero(office, shop) == {office.export(ids[0]).number: [".pdf"]}
    assert papers.states(office, ids) == [ATTACHED]
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_receipt_that_xero_never_answers_lets_the_others_pass_and_the_run_end(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    for export_id in ids:
        papers.bring(office, export_id, ".pdf")
    bad = f"Invoices/.*/Attachments/{office.export(ids[0]).report_id}.pdf"
    office.fault(shop, "PUT", bad, status=500, times=9)
    plan_id = office.retry(shop)
    office.work_off()
    with office.desk.store.read() as session:
        slice_ = session.get_one(tables.Lane, (plan_id, shop.workspace_id)).slice
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, slice_)
    assert papers.states(office, ids) == [WAITING, ATTACHED]
    office.work_off(ahead=FOREVER)
    assert papers.states(office, ids) == [FAILED, ATTACHED]
    assert papers.calls(office, shop) == 6
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_connection_that_breaks_leaves_the_receipts_to_the_retry_after_the_repair(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    papers.bring(office, ids[1], "-1.pdf", "-2.pdf")
    office.fault(shop, "PUT", papers.TO_BILLS, status=403, body='{"Detail": "AuthenticationUnsuccessful"}')
    plan_id = office.retry(shop)
    office.work_off()
    assert office.connection(shop).health is not Health.HEALTHY
    assert papers.states(office, ids) == [WAITING, WAITING]
    results = office.results(plan_id)
    assert results[ids[0]] == (ExportState.DELIVERED, "In Xero.")
    assert (results[ids[1]][1] or "").startswith("In Xero, 2 receipts not attached yet. Not sent: the con")
    assert office.verdicts(office.plan(shop))[ids[1]][0] is Verdict.DISCONNECTED
    office.repair(shop)
    again = office.retry(shop)
    office.work_off()
    assert papers.states(office, ids) == [ATTACHED, ATTACHED]
    assert office.run(again).state is RunState.FINISHED
    assert_each_once(office, shop, ids)


def test_an_incident_does_not_wait_for_receipts_that_must_wait_for_another_day(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    papers.bring(office, export_id, ".pdf")
    office.fault(shop, "PUT", "Invoices", status=403, body='{"Detail": "AuthenticationUnsuccessful"}')
    office.retry(shop)
    office.work_off()
    office.repair(shop)
    day = {"Retry-After": "70000", "X-Rate-Limit-Problem": "day"}
    office.fault(shop, "PUT", papers.TO_BILLS, status=429, headers=day)
    plan_id = office.retry(shop)
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 0)
    assert papers.states(office, [export_id]) == [WAITING]
    assert office.run(plan_id).state is RunState.RUNNING
    with office.desk.store.read() as session:
        incident = session.query(tables.Incident).filter_by(workspace_id=shop.workspace_id).one()
        assert incident.state is IncidentState.CLOSED


@pytest.mark.parametrize("goes_on", [True, False], ids=["paused", "cancelled"])
def test_a_run_stops_between_receipts(office: Office, goes_on: bool) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    for export_id in ids:
        papers.bring(office, export_id, *(f"-{number}.pdf" for number in range(1, 11)))
    plan_id = office.retry(shop)
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 0)
    attached = BATCHES_A_SLICE - 1  # the first turn sent the bills
    assert papers.states(office, ids).count(ATTACHED) == papers.calls(office, shop) == attached
    told = [office.results(plan_id)[export_id][1] for export_id in ids[:2]]
    assert told == ["In Xero, with 10 receipts.", "In Xero."]  # of the second one is still missing
    turn(office, "pause" if goes_on else "cancel", plan_id)
    office.work_off(ahead=FOREVER)
    assert papers.states(office, ids).count(ATTACHED) == attached
    if goes_on:
        turn(office, "resume", plan_id)
    else:
        plan_id = office.retry(shop)
    office.work_off()
    assert papers.states(office, ids) == [ATTACHED] * 30
    assert papers.calls(office, shop) == 30
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_file_that_comes_in_while_its_forerunner_is_on_its_way_is_attached_after_it(
    office: Office,
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    papers.bring(office, ids[0], ".pdf", content=b"%PDF-1.7 the blurred one")
    office.fault(shop, "PUT", papers.TO_BILLS, delay_seconds=1)
    office.retry(shop)
    worker = Thread(target=office.work_off)
    worker.start()
    until(lambda: not office.xero.control("GET", "/faults"))  # on its way
    papers.bring(office, ids[0], ".pdf", content=b"%PDF-1.7 the sharp one")
    worker.join()
    assert papers.calls(office, shop) == 2
    (receipt,) = papers.stored(office, ids[0])
    assert (receipt.state, receipt.size_bytes) == (ATTACHED, len(b"%PDF-1.7 the sharp one"))


def test_receipts_never_go_to_another_organisation_than_their_documents(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    ids = office.exports(shop, 1)
    office.retry(shop)
    office.work_off()
    papers.bring(office, ids[0], ".pdf")
    plan_id, late_plan_id = office.plan(shop), office.plan(shop)
    office.start(plan_id)
    stolen = office.connection(other)
    office.disown(other)
    changes = {"organisation_id": stolen.organisation_id, "grant_id": stolen.grant_id}
    office.change(tables.Connection, shop.workspace_id, **changes)
    office.work_off()
    assert papers.calls(office, shop) == papers.calls(office, other) == 0
    result, text = office.results(plan_id)[ids[0]]
    assert result is ExportState.DELIVERED
    assert "another organisation" in (text or "")
    with pytest.raises(Declined, match="left to be sent"):
        office.start(late_plan_id)


def test_receipts_that_a_run_is_still_to_attach_are_taken_up_by_no_other(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    papers.bring(office, export_id, ".pdf")
    over = {"X-Rate-Limit-Problem": "day", "Retry-After": "5000"}
    office.fault(shop, "PUT", papers.TO_BILLS, status=429, headers=over)
    plan_id = office.retry(shop)
    office.work_off()
    assert office.states([export_id]) == [ExportState.DELIVERED]
    verdict, reason = office.verdicts(office.plan(shop))[export_id]
    assert (verdict, office.agent.email in reason) == (Verdict.UNDER_WAY, True)
    turn(office, "cancel", plan_id)
    assert office.verdicts(office.plan(shop))[export_id][0] is Verdict.RECEIPTS
