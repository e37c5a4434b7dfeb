"""Pause: the machine does nothing for a paused workspace, a person everything, and only a person resumes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from services import audit, connections, pausing, run_work, runs, syncs, upkeep, waiting
from services.declined import Declined
from services.desk import Desk
from services.due import due
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, RunState, SyncState
from tests.integration.features.ledger import assert_each_once
from tests.integration.features.past import aged
from tests.integration.office import Office, Shop
from tests.integration.stores import until_blocked
from tests.integration.work import work_off
from tests.patience import until

WHY = "The customer moves to a new Xero file."
LONG_AGO = timedelta(days=46)


def pause(office: Office, shop: Shop, why: str = WHY) -> None:
    with office.desk.store.begin() as session:
        pausing.pause(session, office.agent, shop.workspace_id, why)


def resume(office: Office, shop: Shop) -> None:
    with office.desk.store.begin() as session:
        pausing.resume(session, office.agent, shop.workspace_id)


def is_paused(office: Office, shop: Shop) -> bool:
    return office.connection(shop).paused_at is not None


def leave_idle(office: Office, shop: Shop) -> None:
    office.change(tables.Grant, office.grant(shop).id, last_used_at=utcnow() - LONG_AGO, expires_at=utcnow())


def syncs_of(office: Office, shop: Shop) -> int:
    with office.desk.store.read() as session:
        of_shop = tables.Sync.workspace_id == shop.workspace_id
        return session.scalar(select(func.count()).select_from(tables.Sync).where(of_shop)) or 0


# What a person does


def test_a_pause_is_kept_with_who_when_and_why_and_ended_by_a_person(office: Office) -> None:
    shop = office.shop()
    pause(office, shop)
    row = office.connection(shop)
    assert (row.paused_by, row.paused_reason) == (office.agent.email, WHY)
    assert row.paused_at is not None
    resume(office, shop)
    assert not is_paused(office, shop)
    with office.desk.store.read() as session:
        newest = audit.history(session, shop.workspace_id)[:2]
    assert [(entry.action, entry.actor, entry.reason) for entry in newest] == [
        ("resumed", office.agent.email, None),
        ("paused", office.agent.email, WHY),
    ]


def test_a_pause_without_a_reason_or_twice_and_a_resume_of_what_goes_on_are_declined(office: Office) -> None:
    shop = office.shop()
    with pytest.raises(Declined, match="Say why"):
        pause(office, shop, "  ")
    with pytest.raises(Declined, match="500 or fewer"):
        pause(office, shop, "x" * 501)
    with pytest.raises(Declined, match="not paused any more"):
        resume(office, shop)
    pause(office, shop)
    with pytest.raises(Declined, match=f"{office.agent.email} has paused"):
        pause(office, shop)


def test_what_a_person_does_by_hand_works_and_resumes_nothing(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.break_login(shop)
    pause(office, shop)
    office.repair(shop)  # a new consent and Sync Now
    assert office.connection(shop).health is Health.HEALTHY
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    incident = office.incident(shop)
    assert incident is not None
    assert incident.state is IncidentState.CLOSED
    assert is_paused(office, shop)


def test_a_sync_of_relinks_own_that_a_person_joins_is_theirs_and_runs(office: Office) -> None:
    shop = office.shop()
    aged(office, shop)
    assert upkeep.queue_syncs(office.desk) == 1
    with office.desk.store.begin() as session:
        joined = syncs.request(session, office.agent, shop.workspace_id)
    pause(office, shop)
    office.work_off()
    last = office.last_sync(shop)
    assert (last.id, last.state, last.requested_by) == (joined, SyncState.SUCCEEDED, office.agent.email)


# What the machine leaves alone


@pytest.mark.parametrize("health", [Health.HEALTHY, Health.AT_RISK, Health.UNAVAILABLE])
def test_no_nightly_sync_and_no_new_try_after_xero_was_silent(office: Office, health: Health) -> None:
    shop = office.shop()
    aged(office, shop)
    office.change(tables.Connection, shop.workspace_id, health=health)
    pause(office, shop)
    assert upkeep.queue_syncs(office.desk) == 0
    resume(office, shop)
    assert upkeep.queue_syncs(office.desk) == 1


def test_a_reconnect_that_xero_did_not_answer_for_is_not_proved_while_paused_and_is_after(
    office: Office,
) -> None:
    shop = office.shop()
    office.break_login(shop)
    office.consent_kept(shop)
    office.xero.control("PUT", "/maintenance", mode="unavailable")
    office.sync(shop)
    office.xero.control("PUT", "/maintenance", mode="none")
    with office.desk.store.begin() as session:  # five minutes pass
        for sync in session.scalars(select(tables.Sync)):
            sync.requested_at -= upkeep.ASK_AGAIN_EVERY
    assert office.last_sync(shop).code == upkeep.NO_ANSWER
    pause(office, shop)
    assert upkeep.queue_syncs(office.desk) == 0
    resume(office, shop)
    assert upkeep.queue_syncs(office.desk) == 1


def test_approved_reports_wait_while_paused_and_go_after(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    ids, others = office.exports(shop, 2), office.exports(other, 1)
    pause(office, shop)
    assert waiting.export_waiting(office.desk) == len(others)
    office.work_off()
    assert office.states(ids) == [ExportState.WAITING] * 2
    resume(office, shop)
    assert waiting.export_waiting(office.desk) == len(ids)
    office.work_off()
    assert_each_once(office, shop, ids)


def test_verifying_a_login_for_its_other_workspaces_queues_no_sync_for_a_paused_one(office: Office) -> None:
    paused = office.shop()
    going = office.branch(paused.user)
    for shop in (paused, going):
        office.change(tables.Connection, shop.workspace_id, health=Health.WRONG_ROLE)
    aged(office, paused, going)
    pause(office, paused)
    before = syncs_of(office, paused), syncs_of(office, going)
    assert upkeep.verify_grants(office.desk) == 1
    assert (syncs_of(office, paused), syncs_of(office, going)) == (before[0], before[1] + 1)


def test_a_login_all_of_whose_workspaces_are_paused_is_neither_asked_about_nor_kept_alive(
    office: Office,
) -> None:
    first = office.shop()
    second = office.branch(first.user)
    aged(office, first, second)
    leave_idle(office, first)
    for shop in (first, second):
        pause(office, shop)
    assert (upkeep.verify_grants(office.desk), upkeep.refresh_idle(office.desk)) == (0, 0)
    assert office.all_calls()["total"] == 0
    assert upkeep.mark_at_risk(office.desk) == 2
    assert office.connection(first).health is Health.AT_RISK
    resume(office, second)  # one that goes on is enough
    assert upkeep.refresh_idle(office.desk) == 1
    assert office.all_calls()["by_path"]["GET /connections"] == 1
    assert upkeep.mark_at_risk(office.desk) == 2


def test_a_repair_elsewhere_a_sync_and_a_closed_incident_resume_nothing(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    pause(office, shop)
    office.repair(shop)
    upkeep.break_dead(office.desk)
    upkeep.mark_at_risk(office.desk)
    with office.desk.store.begin() as session:
        connections.record_verified(session, shop.workspace_id, now=utcnow(), synced=True)
    assert is_paused(office, shop)


def test_a_sync_of_relinks_own_that_was_queued_before_the_pause_does_not_begin_after_it(
    office: Office,
) -> None:
    shop = office.shop()
    aged(office, shop)
    upkeep.queue_syncs(office.desk)
    pause(office, shop)
    office.work_off()
    last = office.last_sync(shop)
    assert (last.state, last.started_at) == (SyncState.FAILED, None)
    assert "paused" in (last.message or "")
    assert office.all_calls()["total"] == 0
    office.sync(shop)  # a person's own works all the same
    assert office.last_sync(shop).state is SyncState.SUCCEEDED


def test_a_run_of_relinks_own_stops_at_the_pause_and_goes_on_after_it(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    waiting.export_waiting(office.desk)
    pause(office, shop)
    with office.desk.store.read() as session:
        assert due(session, now=utcnow()) == []
        [plan_id] = session.scalars(select(tables.RetryRun.plan_id))
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 0)  # the engine was told before the pause
    assert office.states(ids) == [ExportState.WAITING] * 3
    [lane] = office.run(plan_id).lanes
    assert (lane.state, lane.waiting_for) == (RunState.QUEUED, pausing.PAUSED)
    resume(office, shop)
    with office.desk.store.read() as session:
        [work] = due(session, now=utcnow())
    assert work.id == f"lane:{plan_id}:{shop.workspace_id}:1"  # one that the engine does not know yet
    office.work_off()
    assert_each_once(office, shop, ids)
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_run_of_relinks_own_that_a_person_cancels_ends_while_paused(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    waiting.export_waiting(office.desk)
    pause(office, shop)
    with office.desk.store.begin() as session:
        [plan_id] = session.scalars(select(tables.RetryRun.plan_id))
        runs.cancel(session, office.agent, plan_id)
    office.work_off()
    [lane] = office.run(plan_id).lanes
    assert lane.state is RunState.CANCELLED


# Paused between the machine's look and its act


def paused_at_this_moment(office: Office, shop: Shop, act: Callable[[Desk], int]) -> int:
    """Let the machine look while a pause is not committed yet, and act when it is."""
    with ThreadPoolExecutor(1) as threads:
        with office.desk.store.begin() as session:
            pausing.pause(session, office.agent, shop.workspace_id, WHY)
            session.flush()
            turn = threads.submit(act, office.desk)
            until_blocked(office.desk.store)
        return turn.result()


def test_a_pause_at_the_very_moment_of_the_nightly_sync_wins(office: Office) -> None:
    shop = office.shop()
    aged(office, shop)
    before = syncs_of(office, shop)
    assert paused_at_this_moment(office, shop, upkeep.queue_syncs) == 0
    assert syncs_of(office, shop) == before


def test_a_pause_at_the_very_moment_of_an_automatic_export_wins(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    assert paused_at_this_moment(office, shop, waiting.export_waiting) == 0
    office.work_off()
    assert office.states(ids) == [ExportState.WAITING] * 2


def test_a_pause_at_the_very_moment_of_a_batch_wins(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    waiting.export_waiting(office.desk)
    paused_at_this_moment(office, shop, work_off)
    assert office.states(ids) == [ExportState.WAITING] * 2
    assert "PUT /api.xro/2.0/Invoices" not in office.calls(shop)["by_path"]


def test_a_pause_at_the_very_moment_of_a_proof_wins(office: Office) -> None:
    paused = office.shop()
    going = office.branch(paused.user)
    office.change(tables.Connection, paused.workspace_id, health=Health.WRONG_ROLE)
    aged(office, paused, going)
    before = syncs_of(office, paused)
    assert paused_at_this_moment(office, paused, upkeep.verify_grants) == 1
    assert syncs_of(office, paused) == before


@pytest.mark.parametrize("turn", [upkeep.verify_grants, upkeep.refresh_idle])
def test_a_pause_during_a_long_turn_of_upkeep_spares_those_whose_turn_is_still_to_come(
    office: Office, turn: Callable[[Desk], int]
) -> None:
    first, second = office.shop(), office.shop()
    leave_idle(office, first)
    leave_idle(office, second)
    office.change(tables.Grant, office.grant(first).id, last_used_at=utcnow() - 2 * LONG_AGO)
    aged(office, second)
    aged(office, first, ago=timedelta(hours=50))
    office.xero.control("POST", "/faults", method="GET", path="/connections$", delay_seconds=1.0)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(turn, office.desk)
        until(lambda: not office.xero.control("GET", "/faults"))  # the first one's call is at Xero
        pause(office, second)
        assert running.result() == 1
    assert office.all_calls()["by_path"]["GET /connections"] == 1


def test_of_two_batches_only_the_one_before_the_pause_is_sent(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)
    waiting.export_waiting(office.desk)
    office.fault(shop, "PUT", "Invoices", delay_seconds=1.0)
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(office.work_off)
        until(lambda: not office.xero.control("GET", "/faults"))
        pause(office, shop)
        working.result()
    assert sorted(office.states(ids)).count(ExportState.WAITING) == 10
    resume(office, shop)
    office.work_off()
    assert_each_once(office, shop, ids)
