"""Sending while Xero is down or refuses our own app, and what is kept of every attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from services.store import tables
from services.store.states import AttemptState, Health, RunState
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office

FOREVER = timedelta(hours=30)
BILLS, CARDS = "Invoices", "BankTransactions"
HUNG_UP_SECONDS, LATE_SECONDS = 0.2, 0.7


def test_while_xero_is_down_a_run_waits_and_then_goes_on_by_itself(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.xero.control("PUT", "/maintenance", mode="maintenance")
    office.sync(shop)
    assert office.connection(shop).health is Health.UNAVAILABLE
    plan_id = office.retry(shop)
    office.work_off()
    (lane,) = office.run(plan_id).lanes
    assert (lane.waiting_for or "").startswith("Waiting for Xero")
    office.xero.control("PUT", "/maintenance", mode="none")
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)


def test_a_fault_of_our_own_app_parks_the_run_and_blames_no_workspace(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.fault(shop, "PUT", BILLS, status=401, body='{"Detail": "TokenExpired: token expired"}')
    right = office.desk
    office.desk = replace(right, app=replace(right.app, client_secret="wrong"))
    plan_id = office.retry(shop)
    office.work_off()
    assert office.run(plan_id).state is RunState.RUNNING
    assert office.incident(shop) is None
    assert office.connection(shop).health is Health.HEALTHY
    office.desk = right
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)


def test_every_attempt_is_kept_with_what_xero_answered(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    office.fault(shop, "PUT", BILLS, status=503, body="The Organisation is offline")
    office.retry(shop)
    office.work_off(ahead=FOREVER)
    with office.desk.store.read() as session:
        attempts = session.scalars(select(tables.Attempt).order_by(tables.Attempt.id)).all()
    assert [(a.export_id, a.state, a.status) for a in attempts] == [
        (export_id, AttemptState.NOT_SENT, 503),
        (export_id, AttemptState.DELIVERED, 200),
    ]
    assert attempts[0].message == "Xero says that this organisation is offline."
    assert all(isinstance(a.answered_at, datetime) for a in attempts)
