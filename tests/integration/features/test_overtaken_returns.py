"""A return from Xero is judged by what holds when it is stored, not when somebody left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from services import disconnects, reconnects
from services.declined import Declined
from services.links import sending
from services.members import Member, UnknownWorkspace
from services.store import tables
from services.store.states import Health, ReconnectState
from tests.integration.invited import come_in, copied, guest, links_of
from tests.integration.office import Office, Shop
from tests.integration.trips import BROWSER, Trip, last_reconnect, leave, query_of


def invited(office: Office, shop: Shop) -> Member:
    """Return somebody who confirmed a link to the workspace."""
    person = guest(office, come_in(office, copied(office, shop), office.admin.email).guest)
    assert person is not None
    return person


def leave_as(office: Office, shop: Shop, member: Member) -> Trip:
    return Trip(office, shop, query_of(reconnects.leave(office.desk, member, shop.workspace_id, BROWSER)))


def revoke(office: Office, shop: Shop) -> None:
    with office.desk.store.begin() as session:
        [link] = links_of(office, shop)
        sending.revoke(session, office.agent, link.id, "The wrong person")


def test_a_guest_whose_link_was_revoked_on_the_way_changes_nothing(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    person = invited(office, shop)
    trip = leave_as(office, shop, person)
    answer = trip.consent()
    revoke(office, shop)
    with pytest.raises(Declined, match="taken back"):
        trip.come_back(answer, member=person)
    assert office.connection(shop).health is Health.EXPIRED
    assert last_reconnect(office, shop).state is not ReconnectState.VERIFIED


def while_xero_answers(office: Office, trip: Trip, act: Callable[[], None]) -> None:
    """Bring a return back, and do something while Xero is being asked about it."""
    answer = trip.consent()
    office.xero.control("POST", "/faults", method="GET", path="/connections", delay_seconds=1.0)
    with ThreadPoolExecutor(1) as browser:
        returning = browser.submit(trip.come_back, answer)
        while last_reconnect(office, trip.shop).state is not ReconnectState.RETURNED:
            pass
        act()
        returning.result()


def test_a_disconnect_asked_for_while_xero_answers_is_not_undone(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)

    def disconnect() -> None:
        with office.desk.store.begin() as session:
            disconnects.ask(session, office.admin, shop.workspace_id, reason="It closes")

    with pytest.raises(Declined):
        while_xero_answers(office, leave(office, shop), disconnect)
    office.work_off()
    assert office.connection(shop).health is Health.NOT_CONNECTED
    assert office.connection(shop).grant_id is None


def test_somebody_who_stops_being_admin_while_xero_answers_changes_nothing(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    with pytest.raises(UnknownWorkspace):
        while_xero_answers(office, leave(office, shop), lambda: office.admin_leaves(shop))
    assert office.connection(shop).health is Health.EXPIRED
    with office.desk.store.read() as session:
        assert session.get_one(tables.Connection, shop.workspace_id).grant_id == office.grant(shop).id
