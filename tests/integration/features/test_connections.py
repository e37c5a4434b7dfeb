"""Connection health: what each failure at Xero means for the workspace, its incident and its exports."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from services import notices, upkeep
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Health
from tests.integration.office import Office, Shop


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
