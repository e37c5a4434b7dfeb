"""Upkeep by the clock: breaks are found without anybody asking, and no login expires for lack of use."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from services import audit, grants, insights, upkeep
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, SyncState
from tests.integration.features.past import aged
from tests.integration.office import Office, Shop

YESTERDAY = timedelta(hours=25)
IDLE_DAYS = 46


def grant_id_of(office: Office, shop: Shop) -> str:
    grant_id = office.connection(shop).grant_id
    assert grant_id is not None
    return grant_id


def test_one_call_a_login_verifies_all_its_workspaces_and_finds_the_one_disconnected(
    office: Office,
) -> None:
    gone = office.shop()
    there, third = office.branch(gone.user), office.branch(gone.user)
    [held] = office.exports(gone, 1)
    office.disconnect(gone)
    aged(office, gone, there, third)
    assert upkeep.verify_grants(office.desk) == 1
    assert office.all_calls()["by_path"] == {"GET /connections": 1}
    assert [office.connection(shop).health for shop in (gone, there, third)] == [
        Health.DISCONNECTED,
        Health.HEALTHY,
        Health.HEALTHY,
    ]
    incident = office.incident(gone)
    assert incident is not None
    assert (incident.state, incident.code) == (IncidentState.OPEN, "XERO11")
    assert (office.export(held).state, office.incident(there)) == (ExportState.HELD, None)


def test_what_was_verified_today_is_not_asked_about_again(office: Office) -> None:
    shop = office.shop()
    aged(office, shop)
    assert upkeep.verify_grants(office.desk) == 1
    assert upkeep.verify_grants(office.desk) == 0
    assert office.all_calls()["total"] == 1


def test_logins_verified_at_one_moment_are_due_at_many_and_each_within_its_day() -> None:
    seeded_at, day = utcnow(), upkeep.VERIFY_EVERY
    ids = [f"{number:032x}" for number in range(1000)]
    due = [upkeep.verify_due_at(grant_id, seeded_at) - seeded_at for grant_id in ids]
    assert day - upkeep.VERIFY_EARLY < min(due)
    assert max(due) <= day
    five_minutes = [int(wait / timedelta(minutes=5)) for wait in due]
    busiest = max(five_minutes.count(turn) for turn in set(five_minutes))
    assert busiest < 0.05 * len(ids)  # an even spread over four hours has 2 % in each
    again = [upkeep.verify_due_at(grant_id, seeded_at) - seeded_at for grant_id in ids]
    assert again == due  # from the id alone: no restart and no other worker changes it


def test_a_fleet_verified_at_one_moment_is_asked_about_spread_over_hours_and_each_once_a_day(
    office: Office,
) -> None:
    shops = [office.shop() for _ in range(6)]
    seeded_at = utcnow()
    for shop in shops:
        office.change(tables.Connection, shop.workspace_id, verified_at=seeded_at)
    due = [upkeep.verify_due_at(grant_id_of(office, shop), seeded_at) for shop in shops]
    asked = 0
    for hours in range(18, 25):
        now = seeded_at + timedelta(hours=hours, seconds=1)
        with time_machine.travel(now, tick=False):
            asked += upkeep.verify_grants(office.desk)
        assert asked == sum(moment < now for moment in due)
    assert asked == len(shops)


def test_workspaces_of_one_login_verified_at_different_times_cost_one_call_a_day(office: Office) -> None:
    first = office.shop()
    others = [office.branch(first.user) for _ in range(2)]
    aged(office, first, *others)
    for hours, shop in enumerate(others, start=1):
        recently = utcnow() - timedelta(hours=hours)
        office.change(tables.Connection, shop.workspace_id, verified_at=recently)
    assert upkeep.verify_grants(office.desk) == 1
    verified = [office.connection(shop).verified_at for shop in (first, *others)]
    assert min(moment for moment in verified if moment) > utcnow() - timedelta(minutes=1)
    assert upkeep.verify_grants(office.desk) == 0
    assert office.all_calls()["by_path"] == {"GET /connections": 1}


def test_a_login_that_expired_is_found_for_all_its_workspaces(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    aged(office, first, second)
    office.xero.control("POST", f"/users/{first.user['id']}/expire")
    upkeep.verify_grants(office.desk)
    assert [office.connection(shop).health for shop in (first, second)] == [Health.EXPIRED] * 2


def test_a_connection_without_an_organisation_is_not_asked_about_forever(office: Office) -> None:
    shop = office.shop()
    aged(office, shop)
    office.change(tables.Connection, shop.workspace_id, organisation_id=None)
    assert upkeep.verify_grants(office.desk) == 0


@pytest.mark.parametrize("mode", ["maintenance", "unavailable"])
def test_xero_being_down_changes_nothing(office: Office, mode: str) -> None:
    shop = office.shop()
    aged(office, shop)
    before = office.connection(shop)
    office.xero.control("PUT", "/maintenance", mode=mode)
    upkeep.verify_grants(office.desk)
    after = office.connection(shop)
    assert (after.health, after.verified_at, after.code) == (before.health, before.verified_at, None)


def test_our_app_being_misconfigured_breaks_no_workspace(office: Office) -> None:
    shop = office.shop()
    aged(office, shop)
    office.change(tables.Grant, grant_id_of(office, shop), expires_at=utcnow())
    with office.xero_refuses_our_app():
        upkeep.verify_grants(office.desk)
    assert office.connection(shop).health is Health.HEALTHY


@pytest.mark.parametrize("health", [Health.EXPIRED, Health.UNAVAILABLE, Health.WRONG_ROLE])
def test_being_listed_again_is_no_proof_of_repair_only_a_sync_is(office: Office, health: Health) -> None:
    shop = office.shop()
    aged(office, shop)
    office.change(tables.Connection, shop.workspace_id, health=health)
    upkeep.verify_grants(office.desk)
    assert office.connection(shop).health is health
    office.sync(shop)
    assert office.connection(shop).health is Health.HEALTHY


def test_an_idle_login_is_used_so_that_it_never_expires_and_a_busy_or_dead_one_is_left_alone(
    office: Office,
) -> None:
    idle, busy, dead = (office.shop() for _ in range(3))
    a_month_ago = utcnow() - timedelta(days=31)
    for shop in (idle, dead):
        office.change(tables.Grant, grant_id_of(office, shop), last_used_at=a_month_ago, expires_at=utcnow())
    office.change(tables.Grant, grant_id_of(office, dead), dead_since=utcnow())
    office.xero.control("DELETE", "/calls")
    assert upkeep.refresh_idle(office.desk) == 1
    assert office.all_calls()["refreshes"] == 1
    with office.desk.store.read() as session:
        used_at = session.get_one(tables.Grant, grant_id_of(office, idle)).last_used_at
        assert grants.idle_since(session, utcnow() - timedelta(days=30), at_most=9) == []
    assert used_at > a_month_ago
    assert office.connection(busy).health is Health.HEALTHY


def kept_alive(office: Office, shop: Shop) -> list[str]:
    with office.desk.store.read() as session:
        return [
            entry.summary
            for entry in audit.history(session, shop.workspace_id)
            if entry.action == "kept alive"
        ]


def leave_idle(office: Office, shop: Shop) -> None:
    """Let the login behind the workspace have been used last some weeks ago."""
    ago = utcnow() - timedelta(days=IDLE_DAYS)
    office.change(tables.Grant, grant_id_of(office, shop), last_used_at=ago, expires_at=utcnow())


def test_every_expiry_prevented_is_in_the_history_of_all_its_workspaces(office: Office) -> None:
    first = office.shop()
    second, other = office.branch(first.user), office.shop()
    leave_idle(office, first)
    upkeep.refresh_idle(office.desk)
    upkeep.refresh_idle(office.desk)  # used now, so nothing is prevented a second time
    entry = f"The Xero login was idle for {IDLE_DAYS} days and was used, so that it does not expire."
    assert [kept_alive(office, shop) for shop in (first, second, other)] == [[entry], [entry], []]


def test_an_idle_login_that_xero_did_not_accept_is_not_counted_as_kept_alive(office: Office) -> None:
    refused, gone = office.shop(), office.shop()
    leave_idle(office, refused)
    with office.xero_refuses_our_app():
        assert upkeep.refresh_idle(office.desk) == 0
    upkeep.refresh_idle(office.desk)
    leave_idle(office, gone)
    office.xero.control("POST", f"/users/{gone.user['id']}/expire")
    assert upkeep.refresh_idle(office.desk) == 0
    assert [len(kept_alive(office, shop)) for shop in (refused, gone)] == [1, 0]


def test_a_connection_whose_login_is_long_unused_is_at_risk_until_it_is_used(office: Office) -> None:
    idle, busy, broken = (office.shop() for _ in range(3))
    for shop in (idle, broken):
        leave_idle(office, shop)
    office.change(tables.Connection, broken.workspace_id, health=Health.DISCONNECTED)
    before = office.connection(idle).health_since
    assert upkeep.mark_at_risk(office.desk) == 1
    assert [office.connection(shop).health for shop in (idle, busy, broken)] == [
        Health.AT_RISK,
        Health.HEALTHY,
        Health.DISCONNECTED,
    ]
    assert office.connection(idle).health_since > before
    assert upkeep.mark_at_risk(office.desk) == 0
    upkeep.refresh_idle(office.desk)
    assert upkeep.mark_at_risk(office.desk) == 1
    assert [office.connection(shop).health for shop in (idle, broken)] == [
        Health.HEALTHY,
        Health.DISCONNECTED,
    ]


def test_a_login_that_xero_ended_is_never_at_risk_and_breaks_all_its_workspaces(office: Office) -> None:
    first = office.shop()
    second, other = office.branch(first.user), office.shop()
    leave_idle(office, first)
    upkeep.mark_at_risk(office.desk)
    office.break_login(first)
    assert office.connection(second).health is Health.AT_RISK  # nobody has looked yet
    [held] = office.exports(second, 1)
    assert (upkeep.break_dead(office.desk), upkeep.break_dead(office.desk)) == (1, 0)
    assert upkeep.mark_at_risk(office.desk) == 0
    healths = [office.connection(shop).health for shop in (first, second, other)]
    assert healths == [Health.EXPIRED, Health.EXPIRED, Health.HEALTHY]
    assert office.export(held).state is ExportState.HELD


def test_every_expiry_prevented_is_counted_as_the_raw_rows_say(office: Office) -> None:
    first = office.shop()
    office.branch(first.user)
    leave_idle(office, first)
    upkeep.refresh_idle(office.desk)
    with office.desk.store.begin() as session:
        for days in (1, 29, 30):
            moment = utcnow() - timedelta(days=days)
            audit.record(session, audit.KEPT_ALIVE, "", workspace_id=first.workspace_id, at=moment)
            audit.record(session, "synced", "", workspace_id=first.workspace_id, at=moment)
            insights.mark_stale(session, moment)
        insights.recount_stale(session)
        figures = session.execute(
            select(tables.DailyFigure.day, tables.DailyFigure.count).where(
                tables.DailyFigure.figure == insights.PREVENTED
            )
        ).all()
        raw = [
            entry.at.date()
            for entry in session.scalars(
                select(tables.AuditEntry).where(tables.AuditEntry.action == "kept alive")
            )
        ]
        headline = insights.headline(session, now=utcnow())
    assert dict(figures) == {day: raw.count(day) for day in raw}
    assert headline.prevented_30_days == 2 + 2  # today's two workspaces, and two of the last 30 days


def test_every_working_connection_is_synced_once_a_day(office: Office) -> None:
    due, fresh, broken = (office.shop() for _ in range(3))
    office.break_login(broken)
    aged(office, due, fresh, broken)
    an_hour_ago = utcnow() - timedelta(hours=1)
    office.change(tables.Connection, fresh.workspace_id, last_synced_at=an_hour_ago)
    assert upkeep.queue_syncs(office.desk) == 1
    assert upkeep.queue_syncs(office.desk) == 0  # it is under way already
    office.work_off()
    last_synced_at = office.connection(due).last_synced_at
    assert last_synced_at is not None
    assert utcnow() - last_synced_at < timedelta(minutes=1)
    assert office.last_sync(fresh).requested_by == office.agent.email


def test_a_connection_that_xero_did_not_answer_for_is_asked_about_again_soon_and_then_heals(
    office: Office,
) -> None:
    shop = office.shop()
    aged(office, shop)
    office.xero.control("PUT", "/maintenance", mode="maintenance")
    office.sync(shop)
    office.xero.control("PUT", "/maintenance", mode="none")
    assert upkeep.queue_syncs(office.desk) == 0  # not again at once
    five_minutes_ago = utcnow() - upkeep.ASK_AGAIN_EVERY
    office.change(tables.Sync, office.last_sync(shop).id, requested_at=five_minutes_ago)
    assert upkeep.queue_syncs(office.desk) == 1
    office.work_off()
    assert office.connection(shop).health is Health.HEALTHY
    assert office.last_sync(shop).state is SyncState.SUCCEEDED


def five_minutes_pass(office: Office) -> None:
    """Let every sync have been asked for five minutes before it was."""
    with office.desk.store.begin() as session:
        for sync in session.scalars(select(tables.Sync)):
            sync.requested_at -= upkeep.ASK_AGAIN_EVERY


def test_a_reconnect_that_xero_did_not_answer_for_is_proved_later_without_anybody_asking(
    office: Office,
) -> None:
    shop = office.shop()
    office.break_login(shop)
    office.consent_kept(shop)
    office.xero.control("PUT", "/maintenance", mode="unavailable")
    office.sync(shop)
    office.xero.control("PUT", "/maintenance", mode="none")
    assert (office.connection(shop).health, office.last_sync(shop).code) == (Health.EXPIRED, "XERO46")
    assert upkeep.queue_syncs(office.desk) == 0  # not again at once
    five_minutes_pass(office)
    assert upkeep.queue_syncs(office.desk) == 1
    office.work_off()
    assert office.connection(shop).health is Health.HEALTHY


def test_a_broken_connection_that_only_a_person_can_mend_is_not_synced_again(office: Office) -> None:
    expired, disconnected = office.shop(), office.shop()
    office.break_login(expired)
    office.change(tables.Sync, office.last_sync(expired).id, code="XERO46")
    office.disconnect(disconnected)
    office.sync(disconnected)
    five_minutes_pass(office)
    assert upkeep.queue_syncs(office.desk) == 0


def old_workspace(workspace_id: str, *, health: Health, last_synced_at: datetime | None) -> list[tables.Base]:
    """Return the rows of a workspace with a connection whose last sync lies so far back."""
    return [
        tables.Workspace(
            id=workspace_id,
            name=workspace_id,
            search_text=workspace_id,
            owner_email="owner@shop.example",
            plan="Control",
            country="GB",
            currency="GBP",
            created_at=utcnow(),
        ),
        tables.Connection(
            workspace_id=workspace_id, health=health, health_since=utcnow(), last_synced_at=last_synced_at
        ),
    ]


def test_of_more_than_one_turn_can_take_those_that_wait_longest_are_synced_first(office: Office) -> None:
    ago, longer_ago = utcnow() - YESTERDAY, utcnow() - 2 * YESTERDAY
    made = [
        old_workspace(f"A{number:04}", health=Health.HEALTHY, last_synced_at=ago)
        for number in range(upkeep.AT_MOST)
    ]
    made.append(old_workspace("Z-longer-ago", health=Health.HEALTHY, last_synced_at=longer_ago))
    made.append(old_workspace("Z-never", health=Health.UNAVAILABLE, last_synced_at=None))
    with office.desk.store.begin() as session:
        for rows in zip(*made, strict=True):
            session.add_all(rows)
            session.flush()
    assert upkeep.queue_syncs(office.desk) == upkeep.AT_MOST
    with office.desk.store.read() as session:
        asked = set(session.scalars(select(tables.Sync.workspace_id)))
    assert {"Z-longer-ago", "Z-never"} <= asked
    assert upkeep.queue_syncs(office.desk) == 2  # the rest at the next turn
