"""Connection health: what each failure at Xero means for the workspace, its incident and its exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from services import notices, upkeep
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, SyncState
from tests.integration.office import Office, Shop

Break = Callable[[Office, Shop], None]


def user(act: str, **body: Any) -> Break:
    """Do something to the Xero login behind the workspace."""
    return lambda office, shop: office.xero.control("POST", f"/users/{shop.user['id']}/{act}", **body)


def fault(path: str, **fault: Any) -> Break:
    """Let calls of the workspace's organisation go wrong."""
    return lambda office, shop: office.fault(shop, "GET", path, **fault)


def stored(**values: Any) -> Break:
    """Have something else stored about the connection."""
    return lambda office, shop: office.change(tables.Connection, shop.workspace_id, **values)


def revoke_a_login_due_for_refresh(office: Office, shop: Shop) -> None:
    user("revoke")(office, shop)
    grant_id = office.connection(shop).grant_id
    assert grant_id is not None
    office.change(tables.Grant, grant_id, expires_at=utcnow())


def lose_role(office: Office, shop: Shop) -> None:
    path = f"/users/{shop.user['id']}/roles"
    office.xero.control("PUT", path, organisation=shop.organisation_id, role="ReadOnly")


def go_offline(office: Office, shop: Shop) -> None:
    office.xero.control("PATCH", f"/organisations/{shop.organisation_id}", status="offline")


def outage(mode: str) -> Break:
    return lambda office, shop: office.xero.control("PUT", "/maintenance", mode=mode)


DAY_USED_UP = {"X-Rate-Limit-Problem": "day", "Retry-After": "3600"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the matrix; `reason` names the test."""

    reason: str
    broken_by: Break
    health: Health
    code: str
    incident: bool  #: whether a person has to act


MATRIX = [
    Row("the login expired", user("expire"), Health.EXPIRED, "XERO11", True),
    Row("access was revoked", revoke_a_login_due_for_refresh, Health.EXPIRED, "XERO11", True),
    Row("access was revoked just now", user("revoke"), Health.EXPIRED, "XERO45", True),
    Row("disconnected in Xero", Office.disconnect, Health.DISCONNECTED, "XERO11", True),
    Row("the login lost its role", lose_role, Health.DISCONNECTED, "XERO11", True),
    Row(
        "refused though still listed",
        fault("Organisation", status=403),
        Health.WRONG_ROLE,
        "XERO45",
        True,
    ),
    Row(
        "a permission was taken away",
        user("scopes/remove", scope="accounting.settings.read"),
        Health.MISSING_SCOPE,
        "XERO45",
        True,
    ),
    Row("the organisation is offline", go_offline, Health.UNAVAILABLE, "XERO46", False),
    Row("Xero is in maintenance", outage("maintenance"), Health.UNAVAILABLE, "XERO46", False),
    Row("Xero is unavailable", outage("unavailable"), Health.UNAVAILABLE, "XERO46", False),
    Row(
        "the day's calls are used up",
        fault("Accounts", status=429, headers=DAY_USED_UP),
        Health.UNAVAILABLE,
        "XERO46",
        False,
    ),
    Row("Xero broke", fault("TaxRates", status=500), Health.UNAVAILABLE, "XERO46", False),
    Row("the line was cut", fault("Contacts", reset="before"), Health.UNAVAILABLE, "XERO46", False),
    Row(
        "Xero's answer is no JSON",
        fault("Accounts", status=200, body="<html>"),
        Health.UNAVAILABLE,
        "XERO46",
        False,
    ),
    Row("Xero refused a call", fault("Accounts", status=412), Health.SYNC_ERROR, "XERO01", True),
    Row(
        "no account for expenses",
        fault("Accounts", status=200, body='{"Accounts":[]}'),
        Health.SYNC_ERROR,
        "XERO73",
        True,
    ),
    Row("no organisation chosen", stored(organisation_id=None), Health.NEEDS_ORGANISATION, "XERO84", True),
    Row(
        "never connected",
        stored(organisation_id=None, grant_id=None, health=Health.NOT_CONNECTED),
        Health.NOT_CONNECTED,
        "XERO84",
        False,
    ),
]


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.reason)
def test_what_a_failed_sync_says_about_the_connection(office: Office, row: Row) -> None:
    shop = office.shop()
    [waiting] = office.exports(shop, 1)
    row.broken_by(office, shop)
    office.sync(shop)
    connection, incident, sync = office.connection(shop), office.incident(shop), office.last_sync(shop)
    assert (connection.health, connection.code) == (row.health, row.code)
    assert (sync.state, sync.code) == (SyncState.FAILED, row.code)
    assert sync.message is not None
    assert sync.message.startswith(f"{row.code} Sync Error: ")
    if row.incident:
        assert incident is not None
        assert (incident.state, incident.cause) == (IncidentState.OPEN, row.health)
        assert (incident.code, office.export(waiting).state) == (row.code, ExportState.HELD)
    else:
        assert (incident, office.export(waiting).state) == (None, ExportState.WAITING)


def test_xero_being_down_does_not_hide_that_a_connection_is_broken(office: Office) -> None:
    shop = office.shop()
    office.disconnect(shop)
    office.sync(shop)
    before = office.connection(shop)
    office.xero.control("PUT", "/maintenance", mode="maintenance")
    office.sync(shop)
    after = office.connection(shop)
    assert office.last_sync(shop).code == "XERO46"
    assert (after.health, after.code, after.health_since) == (
        Health.DISCONNECTED,
        "XERO11",
        before.health_since,
    )
    assert after.verified_at == before.verified_at


def test_a_connection_that_xero_did_not_answer_for_keeps_the_age_of_its_last_answer(office: Office) -> None:
    shop = office.shop()
    answered_at = utcnow() - timedelta(hours=5)
    office.change(tables.Connection, shop.workspace_id, verified_at=answered_at)
    office.xero.control("PUT", "/maintenance", mode="maintenance")
    office.sync(shop)
    assert office.connection(shop).verified_at == answered_at


def verify(office: Office, shop: Shop) -> None:
    """Have upkeep ask Xero which organisations the workspace's login sees."""
    grant_id = office.connection(shop).grant_id
    assert grant_id is not None
    upkeep.verify(office.desk, grant_id)


def disconnected_for_a_while(office: Office) -> Shop:
    """Return a workspace that was disconnected in Xero, which a sync found out, and connected there anew."""
    with time_machine.travel(utcnow() - timedelta(minutes=6)):
        shop = office.shop()
        office.disconnect(shop)
        office.sync(shop)
    office.consent_again(shop)
    return shop


def test_a_broken_connection_that_xero_lists_again_is_not_called_verified_but_synced_and_heals(
    office: Office,
) -> None:
    shop = disconnected_for_a_while(office)
    before = office.connection(shop)
    verify(office, shop)
    verify(office, shop)
    after = office.connection(shop)
    assert (after.health, after.verified_at) == (Health.DISCONNECTED, before.verified_at)
    assert office.work_off() == 1
    assert office.connection(shop).health is Health.HEALTHY


def test_a_broken_connection_that_xero_lists_is_not_synced_again_and_again(office: Office) -> None:
    shop = disconnected_for_a_while(office)
    office.fault(shop, "GET", "Organisation", status=403)
    verify(office, shop)
    assert office.work_off() == 1
    assert office.connection(shop).health is Health.WRONG_ROLE
    verify(office, shop)
    assert office.work_off() == 0


def test_a_failure_of_our_own_app_breaks_no_workspace_and_raises_one_banner(office: Office) -> None:
    shops = [office.shop(), office.shop()]
    for shop in shops:
        grant_id = office.connection(shop).grant_id
        assert grant_id is not None
        office.change(tables.Grant, grant_id, expires_at=utcnow())
    with office.xero_refuses_our_app():
        for shop in shops:
            office.sync(shop)
    with office.desk.store.read() as session:
        [banner] = notices.current(session)
    assert "RELINK_XERO_CLIENT_SECRET" in banner.text
    assert [office.connection(shop).health for shop in shops] == [Health.HEALTHY] * 2
    assert [office.incident(shop) for shop in shops] == [None, None]
    assert [office.last_sync(shop).code for shop in shops] == ["XERO01"] * 2


def test_the_banner_stays_until_xero_accepts_our_app_again(office: Office) -> None:
    broken, other = office.shop(), office.shop()
    grant_id = office.connection(broken).grant_id
    assert grant_id is not None
    office.change(tables.Grant, grant_id, expires_at=utcnow())
    with office.xero_refuses_our_app():
        office.sync(broken)
        office.sync(other)  # its access token is still good, which says nothing about our app
        with office.desk.store.read() as session:
            assert len(notices.current(session)) == 1
    office.sync(broken)
    with office.desk.store.read() as session:
        assert notices.current(session) == []
