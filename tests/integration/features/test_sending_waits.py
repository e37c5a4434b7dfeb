"""Sending while Xero is down or refuses our own app, and what is kept of every attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from services import run_work
from services.store import tables
from services.store.engine import utcnow
from services.store.states import AttemptState, ExportState, Health, RunState
from tests.integration import crash
from tests.integration.features.ledger import assert_each_once, attempts
from tests.integration.office import Office, Shop

DONE = 0
DAY_IS_OVER = {"X-Rate-Limit-Problem": "day", "Retry-After": "5000"}
FOREVER = timedelta(hours=30)
BILLS = "Invoices"
A_MOMENT = timedelta(seconds=60)


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


def lane_of(office: Office, plan_id: str, shop: Shop) -> tables.Lane:
    with office.desk.store.read() as session:
        return session.get_one(tables.Lane, (plan_id, shop.workspace_id))


def wake(office: Office, plan_id: str, shop: Shop) -> None:
    """Let a worker that has just started take up the lane at once."""
    with office.desk.store.begin() as session:
        session.get_one(tables.Lane, (plan_id, shop.workspace_id)).due_at = utcnow()
    worker = crash.start(office.desk.settings)
    worker.join()
    assert worker.exitcode == DONE


def test_a_day_that_is_used_up_parks_the_lane_until_xero_said_over_a_restart_and_no_call_is_spent(
    office: Office,
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.fault(shop, "PUT", BILLS, status=429, headers=DAY_IS_OVER)
    plan_id = office.retry(shop)
    begun = utcnow()
    office.work_off()
    over = timedelta(seconds=5000)
    lane = lane_of(office, plan_id, shop)
    assert begun + over <= lane.due_at < begun + over + A_MOMENT
    says = "Waiting for Xero: Xero's day limit is used up."
    assert lane.waiting_for == says
    with office.desk.store.read() as session:
        returns_at = session.get_one(tables.Allowance, shop.organisation_id).day_returns_at
    assert returns_at is not None
    assert begun + over <= returns_at < begun + over + A_MOMENT
    office.xero.control("DELETE", "/calls")
    wake(office, plan_id, shop)
    lane = lane_of(office, plan_id, shop)
    assert (lane.state, lane.slice) == (RunState.QUEUED, 2)
    assert "day limit is used up." in (lane.waiting_for or "")
    assert abs(lane.due_at - returns_at) < A_MOMENT
    assert office.states(ids) == [ExportState.WAITING] * 2
    assert office.calls(shop)["total"] == 0
    office.change(tables.Allowance, shop.organisation_id, day_returns_at=utcnow())
    wake(office, plan_id, shop)
    assert_each_once(office, shop, ids)
    assert office.run(plan_id).state is RunState.FINISHED
    with office.desk.store.read() as session:
        assert session.get_one(tables.Allowance, shop.organisation_id).day_returns_at is None


def test_a_lane_woken_too_early_claims_nothing_that_the_limits_do_not_let_out(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    office.fault(shop, "PUT", BILLS, status=429, headers=DAY_IS_OVER)
    plan_id = office.retry(shop)
    office.work_off()
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 1)
    assert office.states(ids) == [ExportState.WAITING]
    assert [each.state for each in attempts(office, *ids)] == [AttemptState.NOT_SENT]  # the one Xero refused
    assert office.calls(shop)["by_path"]["PUT /api.xro/2.0/Invoices"] == 1


def test_too_many_calls_at_once_are_a_matter_of_a_moment(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    office.fault(shop, "PUT", BILLS, status=429, headers={"X-Rate-Limit-Problem": "concurrent"})
    plan_id = office.retry(shop)
    office.work_off()
    assert lane_of(office, plan_id, shop).due_at < utcnow() + timedelta(seconds=3)
