"""Sending: each export arrives exactly once, whatever goes wrong around a call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from services.declined import Declined
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, Health, IncidentState, RunState
from tests.integration.features.ledger import assert_each_once, wait_for_calls
from tests.integration.features.odd_reports import send_contacts
from tests.integration.office import Office, Shop

FOREVER = timedelta(hours=30)
BILLS, CARDS = "Invoices", "BankTransactions"
HUNG_UP_SECONDS, LATE_SECONDS = 0.2, 0.7


def hang_up_early(office: Office) -> None:
    """Let the product wait for an answer only so long."""
    app = replace(office.desk.app, api_timeout_seconds=HUNG_UP_SECONDS)
    office.desk = replace(office.desk, app=app)


def keys(office: Office, export_id: int) -> list[str]:
    with office.desk.store.read() as session:
        attempts = session.scalars(
            select(tables.Attempt).where(tables.Attempt.export_id == export_id).order_by(tables.Attempt.id)
        )
        return [attempt.batch for attempt in attempts]


def test_a_call_that_arrives_after_we_hung_up_makes_no_second_bill(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    hang_up_early(office)
    office.fault(shop, "PUT", BILLS, delay_seconds=LATE_SECONDS)
    office.retry(shop)
    office.work_off(ahead=FOREVER)
    wait_for_calls(office, shop, "PUT /api.xro/2.0/Invoices", 2)
    assert_each_once(office, shop, ids)


@pytest.mark.parametrize("status", [502, 503])
def test_a_refused_second_call_does_not_make_us_forget_the_first(office: Office, status: int) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    hang_up_early(office)
    office.fault(shop, "PUT", BILLS, delay_seconds=LATE_SECONDS)
    office.fault(shop, "PUT", BILLS, status=status, headers={"Retry-After": "0"})
    office.retry(shop)
    office.work_off(ahead=FOREVER)
    wait_for_calls(office, shop, "PUT /api.xro/2.0/Invoices", 3)
    assert_each_once(office, shop, ids)


def test_a_batch_not_found_in_xero_keeps_its_key_for_five_minutes_and_gets_a_new_one_after_six(
    office: Office,
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    for _ in range(2):
        office.fault(shop, "PUT", BILLS, reset="before")
    plan_id = office.retry(shop)
    office.work_off()
    first = utcnow()
    with time_machine.travel(first + timedelta(minutes=4)):
        office.work_off()
        assert len(set(keys(office, export_id))) == 1
    with time_machine.travel(first + timedelta(minutes=5, seconds=30)):
        office.work_off()
        assert office.export(export_id).state is ExportState.IN_DOUBT
        (lane,) = office.run(plan_id).lanes
        assert "surely" in (lane.waiting_for or "")
    with time_machine.travel(first + timedelta(minutes=6, seconds=1)):
        office.work_off()
    assert len(set(keys(office, export_id))) == 2
    assert_each_once(office, shop, [export_id])


@pytest.mark.parametrize(("status", "sent_with_keys"), [(500, 2), (502, 1), (504, 1)])
def test_a_gateway_that_gave_up_waiting_is_not_taken_for_xeros_answer(
    office: Office, status: int, sent_with_keys: int
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    office.fault(shop, "PUT", BILLS, status=status)
    office.retry(shop)
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, [export_id])
    assert len(set(keys(office, export_id))) == sent_with_keys


def test_one_bad_element_fails_alone_with_its_code_and_xeros_own_words(office: Office) -> None:
    shop = office.shop()
    good = office.exports(shop, 3)
    (bad,) = office.exports(shop, 1)
    path = f"/organisations/{shop.organisation_id}/accounts/429"
    with office.desk.store.begin() as session:
        line = session.scalars(select(tables.ReportLine).where(tables.ReportLine.export_id == bad)).one()
        line.account_code = "429"
    office.xero.control("POST", path, status="ARCHIVED")
    plan_id = office.retry(shop)
    office.work_off()
    failed = office.export(bad)
    assert (failed.state, failed.code) == (ExportState.FAILED, "XERO27")
    assert "Xero said: Account code '429'" in (failed.message or "")
    assert_each_once(office, shop, good)
    run = office.run(plan_id)
    assert (run.delivered, run.failed, run.state) == (3, 1, RunState.FINISHED)


def test_a_refusal_no_code_fits_shows_xeros_own_words(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    send_contacts(office, shop, "POST", [{"Name": "Amelia Ward", "ContactStatus": "ARCHIVED"}])
    office.retry(shop)
    office.work_off()
    failed = office.export(export_id)
    assert (failed.state, failed.code) == (ExportState.FAILED, "XERO01")
    assert "has been archived" in (failed.message or "")


def test_a_call_refused_as_a_whole_is_taken_apart_so_that_one_bad_bill_stops_no_other(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 4)
    refusal = '{"ErrorNumber": 17, "Type": "PostDataInvalidException", "Message": "An invalid character"}'
    for _ in range(2):  # the batch, and then the first of its bills alone
        office.fault(shop, "PUT", BILLS, status=400, body=refusal)
    plan_id = office.retry(shop)
    office.work_off()
    failed = office.export(ids[0])
    assert (failed.state, failed.code) == (ExportState.FAILED, "XERO83")
    assert_each_once(office, shop, ids[1:])
    assert office.run(plan_id).state is RunState.FINISHED


@pytest.mark.parametrize(
    ("listing", "cause"),
    [
        pytest.param(None, Health.WRONG_ROLE, id="still listed: the login lost its role"),
        pytest.param({"status": 200, "body": "[]"}, Health.DISCONNECTED, id="not listed any more"),
        pytest.param({"status": 503}, Health.DISCONNECTED, id="Xero does not say"),
    ],
)
def test_a_connection_that_breaks_on_the_way_holds_the_rest_and_opens_an_incident_that_says_why(
    office: Office, listing: dict[str, Any] | None, cause: Health
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)
    office.fault(shop, "PUT", BILLS)  # the first batch passes
    office.fault(shop, "PUT", BILLS, status=403, body='{"Detail": "AuthenticationUnsuccessful"}')
    if listing is not None:
        office.xero.control("POST", "/faults", method="GET", path="/connections", **listing)
    plan_id = office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids[:50])
    assert set(office.states(ids[50:])) == {ExportState.HELD}
    run = office.run(plan_id)
    assert (run.state, run.delivered, run.held) == (RunState.FINISHED, 50, 10)
    incident = office.incident(shop)
    assert incident is not None
    assert (incident.state, incident.cause) == (IncidentState.OPEN, cause)
    assert {office.export(export_id).incident_id for export_id in ids[50:]} == {incident.id}


def test_what_is_in_doubt_when_the_connection_breaks_stays_in_doubt(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.fault(shop, "PUT", BILLS, reset="after")
    plan_id = office.retry(shop)
    office.work_off()
    office.break_login(shop)
    office.work_off(ahead=FOREVER)
    assert office.states(ids) == [ExportState.IN_DOUBT] * 2
    assert {result for result, _ in office.results(plan_id).values()} == {ExportState.IN_DOUBT}
    assert office.run(plan_id).in_doubt == 2


def test_fifty_bills_go_in_one_call(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 101)
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    assert office.calls(shop)["by_path"]["PUT /api.xro/2.0/Invoices"] == 3


@pytest.mark.parametrize("cut", ["before", "after"])
def test_card_expenses_arrive_once_as_bank_transactions(office: Office, cut: str) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3, kind=ExportKind.BANK_TRANSACTION)
    office.fault(shop, "PUT", CARDS, reset=cut)
    office.retry(shop)
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    assert {document["kind"] for document in office.ledger(shop)["documents"]} == {"bank_transaction"}


def test_an_export_never_goes_to_another_organisation_than_its_own(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    waiting = office.exports(shop, 1)
    doubtful = office.exports(shop, 1, state=ExportState.FAILED, code="XERO46")
    plan_id, late_plan_id = office.plan(shop), office.plan(shop)
    office.start(plan_id)
    move(office, shop, other)
    office.work_off()
    assert office.ledger(shop)["count"] == office.ledger(other)["count"] == 0
    assert office.connection(shop).health is Health.HEALTHY
    assert office.run(plan_id).state is RunState.FINISHED
    texts = {text for _, text in office.results(plan_id).values()}
    assert texts == {"Not sent: the workspace is connected to another organisation now."}
    assert len(office.verdicts(plan_id)) == len(waiting + doubtful)
    with pytest.raises(Declined, match="left to be sent"):
        office.start(late_plan_id)


def move(office: Office, shop: Shop, other: Shop) -> None:
    """Connect a workspace to the organisation of another one, which loses it."""
    with office.desk.store.begin() as session:
        taken = session.get_one(tables.Connection, other.workspace_id)
        grant_id, taken.organisation_id, taken.grant_id = taken.grant_id, None, None
        session.flush()
        moved = session.get_one(tables.Connection, shop.workspace_id)
        moved.organisation_id, moved.grant_id = other.organisation_id, grant_id
