"""Retries end to end: what is in the ledger, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from services import closing, planning, plans, run_work
from services.exports import ExportFilter
from services.store import tables
from services.store.states import ExportKind, ExportState, IncidentState, RunState, Verdict
from services.xero.pace import Limits
from tests.integration import crash
from tests.integration.features.ledger import assert_each_once, wait_for_calls
from tests.integration.office import Office

FOREVER = timedelta(hours=1)
KILLED = -9


def test_a_retry_delivers_each_export_exactly_once(office: Office) -> None:
    shop = office.shop()
    bills = office.exports(shop, 60, state=ExportState.FAILED, code="XERO11")
    cards = office.exports(shop, 3, kind=ExportKind.BANK_TRANSACTION)
    plan_id = office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, [*bills, *cards])
    run = office.run(plan_id)
    assert (run.state, run.delivered, run.done, run.total) == (RunState.FINISHED, 63, 63, 63)


@pytest.mark.parametrize("commit", range(1, 9))
def test_a_worker_killed_at_any_commit_loses_nothing_and_doubles_nothing(office: Office, commit: int) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2) + office.exports(shop, 1, kind=ExportKind.BANK_TRANSACTION)
    plan_id = office.retry(shop)
    worker = crash.start(office.desk.settings, dies_at_commit=commit)
    worker.join()
    assert worker.exitcode == KILLED
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    run = office.run(plan_id)
    assert (run.state, run.done, run.delivered) == (RunState.FINISHED, 3, 3)


def test_a_worker_killed_while_its_call_is_on_the_way_doubles_nothing(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.fault(shop, "PUT", "Invoices", delay_seconds=1.5)
    office.retry(shop)
    worker = crash.start(office.desk.settings)
    while office.xero.control("GET", "/faults"):
        assert worker.is_alive()
    worker.kill()
    worker.join()
    assert worker.exitcode == KILLED
    office.work_off(ahead=FOREVER)
    wait_for_calls(office, shop, "PUT /api.xro/2.0/Invoices", 2)
    assert_each_once(office, shop, ids)


def test_what_a_killed_worker_had_sent_stays_in_doubt_when_the_connection_breaks(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.retry(shop)
    crash.start(office.desk.settings, dies_at_commit=3).join()
    assert office.states(ids) == [ExportState.SENDING] * 2
    office.break_login(shop)
    assert office.states(ids) == [ExportState.IN_DOUBT] * 2
    assert office.run(plan_id).in_doubt == 2
    office.repair(shop)
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)


def test_xeros_limits_are_kept_so_that_no_429_is_ever_drawn(office: Office) -> None:
    office.desk = replace(office.desk, limits=Limits(minute=2, window_seconds=0.5))
    shops = [office.shop() for _ in range(2)]
    ids = [office.exports(shop, 110) for shop in shops]
    office.xero.control("DELETE", "/calls")
    office.xero.control("PUT", "/limits", mode="real", per_minute=2, window_seconds=0.5)
    office.retry(*shops)
    office.work_off(ahead=FOREVER)
    for shop, of_shop in zip(shops, ids, strict=True):
        assert_each_once(office, shop, of_shop)
        assert office.calls(shop)["by_status"] == {"200": 3}


def test_one_broken_lane_does_not_stop_the_others(office: Office) -> None:
    broken, sound = office.shop(), office.shop()
    left, sent = office.exports(broken, 2), office.exports(sound, 2)
    plan_id = office.retry(broken, sound)
    office.xero.control("POST", "/disconnect", organisation=broken.organisation_id)
    office.work_off()
    assert_each_once(office, sound, sent)
    assert office.states(left) == [ExportState.HELD] * 2
    run = office.run(plan_id)
    assert (run.state, run.delivered, run.held) == (RunState.FINISHED, 2, 2)
    assert office.incident(sound) is None


def test_a_lane_put_off_after_a_fault_of_our_own_is_taken_up_again(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.retry(shop)
    run_work.queue_again(office.desk, plan_id, shop.workspace_id, seconds=30, why="Relink is trying again")
    assert office.work_off() == 0
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)


def test_the_incident_closes_only_when_everything_is_delivered_or_set_aside(office: Office) -> None:
    shop = office.shop()
    good = office.exports(shop, 2)
    (bad,) = office.exports(shop, 1, account="999")
    office.break_login(shop)
    assert {v for v, _ in office.verdicts(office.plan(shop)).values()} == {Verdict.DISCONNECTED}
    office.repair(shop)
    office.retry(shop)
    assert state(office) is IncidentState.RELEASING
    office.work_off()
    assert_each_once(office, shop, good)
    assert state(office) is IncidentState.RELEASING
    with office.desk.store.begin() as session:
        closing.set_aside(session, office.agent, bad, "Entered by hand in Xero.")
    assert state(office) is IncidentState.CLOSED


def state(office: Office) -> IncidentState:
    with office.desk.store.read() as session:
        return session.scalars(select(tables.Incident.state)).one()


def test_a_second_press_is_the_same_run(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.plan(shop)
    office.start(plan_id)
    office.work_off()
    office.start(plan_id)
    assert office.work_off() == 0
    assert_each_once(office, shop, ids)
    with office.desk.store.read() as session:
        assert session.scalar(select(func.count()).select_from(tables.RetryRun)) == 1
        view = plans.view(session, office.agent, plan_id)
    assert view.run is not None
    assert view.run.reason == "month end"


def test_exports_added_after_the_plan_are_not_sent_with_it(office: Office) -> None:
    shop = office.shop()
    planned = office.exports(shop, 2)
    with office.desk.store.begin() as session:
        plan_id = planning.plan(session, office.agent, filter=ExportFilter(workspace_id=shop.workspace_id))
    added = office.exports(shop, 2)
    office.start(plan_id)
    office.work_off()
    assert_each_once(office, shop, planned)
    assert office.states(added) == [ExportState.WAITING] * 2
