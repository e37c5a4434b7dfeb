"""Runs: progress, pause, cancel, what is left over, and the file of results."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import event, select, update

from services import closing, exports, planning, retries, run_work, runs
from services.members import NotAllowed, UnknownWorkspace
from services.run_work import BATCHES_A_SLICE
from services.store import tables
from services.store.states import ExportState, RunState
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office, Shop

FOREVER = timedelta(hours=1)


def turn(office: Office, act: str, plan_id: str) -> None:
    with office.desk.store.begin() as session:
        getattr(runs, act)(session, office.agent, plan_id)


def park_after_one_batch(office: Office, shop: Shop) -> None:
    """Let the first batch arrive and Xero ask for a pause before the second."""
    office.fault(shop, "PUT", "Invoices")
    office.fault(shop, "PUT", "Invoices", status=503)


def test_a_run_can_be_paused_between_batches_and_goes_on_where_it_stood(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)
    park_after_one_batch(office, shop)
    plan_id = office.retry(shop)
    office.work_off()
    turn(office, "pause", plan_id)
    office.work_off(ahead=FOREVER)
    paused = office.run(plan_id)
    assert (paused.state, paused.live, paused.done, paused.total) == (RunState.PAUSED, False, 50, 60)
    assert office.ledger(shop)["count"] == 50
    turn(office, "resume", plan_id)
    office.work_off()
    assert_each_once(office, shop, ids)
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_cancelled_run_sends_nothing_more_and_leaves_the_rest_to_another(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)
    park_after_one_batch(office, shop)
    plan_id = office.retry(shop)
    office.work_off()
    turn(office, "cancel", plan_id)
    office.work_off(ahead=FOREVER)
    cancelled = office.run(plan_id)
    assert (cancelled.state, cancelled.done, cancelled.finished_at is not None) == (
        RunState.CANCELLED,
        50,
        True,
    )
    turn(office, "resume", plan_id)
    assert office.run(plan_id).state is RunState.CANCELLED
    assert office.states(ids[50:]) == [ExportState.WAITING] * 10
    with office.desk.store.begin() as session:
        rest = planning.leftovers(session, office.agent, plan_id)
    office.start(rest)
    office.work_off()
    assert_each_once(office, shop, ids)


def test_a_paused_run_can_be_cancelled(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    plan_id = office.retry(shop)
    turn(office, "pause", plan_id)
    office.work_off()
    turn(office, "cancel", plan_id)
    office.work_off(ahead=FOREVER)
    assert office.run(plan_id).state is RunState.CANCELLED
    assert office.states(ids) == [ExportState.WAITING]


def test_a_pause_pressed_during_the_very_last_call_does_not_strand_the_run(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    office.fault(shop, "PUT", "Invoices", status=403, delay_seconds=0.4)
    plan_id = office.retry(shop)
    worker = Thread(target=office.work_off)
    worker.start()
    while office.xero.control("GET", "/faults"):
        assert worker.is_alive()
    turn(office, "pause", plan_id)
    worker.join()
    assert office.states(ids) == [ExportState.HELD]
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_long_lane_is_cut_so_that_an_urgent_sync_need_not_wait_for_its_end(office: Office) -> None:
    shop = office.shop()
    bad = office.exports(shop, BATCHES_A_SLICE * 50 + 1)
    plan_id = office.retry(shop)
    with office.desk.store.begin() as session:  # refused by our own check, so that no call is needed
        session.execute(update(tables.ReportLine).values(account_code="999"))
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 0)
    run = office.run(plan_id)
    assert (run.state, run.failed, run.total) == (RunState.RUNNING, len(bad) - 1, len(bad))
    assert run.lanes[0].state is RunState.QUEUED
    office.work_off()
    assert (office.run(plan_id).state, office.run(plan_id).failed) == (RunState.FINISHED, len(bad))


def test_work_on_a_slice_that_was_queued_again_does_nothing(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    plan_id = office.retry(shop)
    run_work.queue_again(office.desk, plan_id, shop.workspace_id, seconds=0, why=None)
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 0)
    assert office.states(ids) == [ExportState.WAITING]


def test_progress_is_counted_by_workspace_and_in_all(office: Office) -> None:
    one, two = office.shop(), office.shop()
    office.exports(one, 3)
    office.exports(two, 1)
    (bad,) = office.exports(two, 1)
    plan_id = office.retry(one, two)
    assert [(lane.done, lane.total) for lane in sorted_lanes(office, plan_id)] == [(0, 2), (0, 3)]
    with office.desk.store.begin() as session:
        line = session.scalars(select(tables.ReportLine).where(tables.ReportLine.export_id == bad)).one()
        line.account_code = "999"
    office.work_off()
    run = office.run(plan_id)
    assert (run.done, run.delivered, run.failed, run.total) == (5, 4, 1, 5)
    assert [(lane.done, lane.total) for lane in sorted_lanes(office, plan_id)] == [(2, 2), (3, 3)]


def sorted_lanes(office: Office, plan_id: str) -> list[runs.LaneView]:
    return sorted(office.run(plan_id).lanes, key=lambda lane: lane.total)


def test_what_was_set_aside_meanwhile_is_not_sent_and_the_run_says_so(office: Office) -> None:
    shop = office.shop()
    sent, closed = office.exports(shop, 2)
    plan_id = office.retry(shop)
    with office.desk.store.begin() as session:
        closing.set_aside(session, office.agent, closed, "Paid by hand.")
    office.work_off()
    assert_each_once(office, shop, [sent])
    assert office.results(plan_id)[closed] == (ExportState.SET_ASIDE, "Set aside meanwhile.")
    assert office.run(plan_id).done == 2


def test_nobody_turns_the_run_of_a_workspace_they_may_not_retry(office: Office) -> None:
    shop, foreign = office.shop(), office.shop()
    office.exports(shop, 1)
    office.exports(foreign, 1)
    with office.desk.store.begin() as session:
        session.delete(session.get_one(tables.WorkspaceAdmin, (foreign.workspace_id, office.admin.email)))
    plan_id = office.retry(shop, foreign)
    with office.desk.store.begin() as session:
        with pytest.raises(NotAllowed):
            runs.pause(session, office.manager, plan_id)
        with pytest.raises(UnknownWorkspace):
            runs.cancel(session, office.admin, plan_id)
    assert office.run(plan_id).state is RunState.RUNNING


def test_a_run_that_does_not_exist_is_said_so(office: Office) -> None:
    with office.desk.store.begin() as session, pytest.raises(runs.UnknownPlan, match="There is no such"):
        runs.pause(session, office.agent, "not-a-run")


def test_an_admin_sees_the_runs_they_started_and_the_staff_all(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    by_agent = office.retry(shop)
    office.work_off()
    office.exports(shop, 1)
    with office.desk.store.begin() as session:
        by_admin = planning.plan(session, office.admin, filter=exports.ExportFilter())
        retries.start(session, office.admin, by_admin, "")
    with office.desk.store.read() as session:
        assert [run.plan_id for run in runs.recent(session, office.agent)] == [by_admin, by_agent]
        assert [run.plan_id for run in runs.recent(session, office.admin)] == [by_admin]


@pytest.mark.parametrize("act", ["start", "pause"])
def test_a_run_of_many_workspaces_asks_for_none_of_them_alone(office: Office, act: str) -> None:
    shops = [office.shop() for _ in range(3)]
    for shop in shops:
        office.exports(shop, 1)
    plan_id = office.plan(*shops)
    if act == "pause":
        office.start(plan_id)
    said: list[str] = []
    event.listen(office.desk.store.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    if act == "start":
        office.start(plan_id)
    else:
        with office.desk.store.begin() as session:
            runs.pause(session, office.agent, plan_id)
    alone = [text for text in said if "connections.workspace_id =" in text or "workspaces.id =" in text]
    assert [text for text in alone if "plan_items" not in text] == []
