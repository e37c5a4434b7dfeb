"""Upkeep by the clock: breaks are found without anybody asking, and no login expires for lack of use."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services import grants, upkeep
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, SyncState
from tests.integration.office import Office, Shop

YESTERDAY = timedelta(hours=25)


def aged(office: Office, *shops: Shop) -> None:
    """Let these workspaces have been verified, synced and asked about a day ago."""
    ago = utcnow() - YESTERDAY
    for shop in shops:
        office.change(tables.Connection, shop.workspace_id, verified_at=ago, last_synced_at=ago)
        office.change(tables.Sync, office.last_sync(shop).id, requested_at=ago)
    office.xero.control("DELETE", "/calls")


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
        assert grants.idle_since(session, utcnow() - timedelta(days=30)) == []
    assert used_at > a_month_ago
    assert office.connection(busy).health is Health.HEALTHY


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
