"""Who may reconnect, and what a return from Xero can never do to others."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from services import audit, notices, reconnects, refusals
from services.members import Member, NotAllowed, UnknownWorkspace
from services.refusals import RefusalKind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import IncidentState, ReconnectState, Role
from services.wizard import wizard
from tests.integration.office import Office
from tests.integration.trips import BROWSER, last_reconnect, leave

# The banner for everybody


def test_only_xeros_own_answer_raises_the_banner_about_our_app(office: Office) -> None:
    shop = office.shop()
    trip = leave(office, shop)
    trip.come_back({"state": trip.query["state"], "error": "invalid_scope"})
    assert last_reconnect(office, shop).refusal == RefusalKind.APP_MISCONFIGURED
    with office.desk.store.read() as session:
        assert notices.current(session) == []
    trip = leave(office, shop)
    answer = trip.consent()
    with office.xero_refuses_our_app():
        trip.come_back(answer)
    with office.desk.store.read() as session:
        assert len(notices.current(session)) == 1


def test_a_made_up_error_in_the_address_is_never_repeated_on_screen(office: Office) -> None:
    shop = office.shop()
    trip = leave(office, shop)
    trip.come_back({"state": trip.query["state"], "error": "call 0900-evil"})
    stored = last_reconnect(office, shop)
    words = refusals.describe(str(stored.refusal), stored.detail)
    assert "evil" not in " ".join([words.title, words.text, words.way_out])


# Who, and when


def test_nobody_but_the_workspaces_own_admin_may_reconnect(office: Office) -> None:
    shop = office.shop()
    for member in (office.agent, office.manager):
        with pytest.raises(NotAllowed):
            reconnects.leave(office.desk, member, shop.workspace_id, BROWSER)
    office.admin_leaves(shop)
    with pytest.raises(UnknownWorkspace):
        reconnects.leave(office.desk, office.admin, shop.workspace_id, BROWSER)


def test_somebody_who_stopped_being_admin_on_the_way_changes_nothing(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    trip = leave(office, shop)
    answer = trip.consent()
    office.admin_leaves(shop)
    with pytest.raises(UnknownWorkspace):
        trip.come_back(answer)
    assert last_reconnect(office, shop).state is ReconnectState.SENT_TO_XERO
    assert office.grant(shop).dead_since is not None


def test_leaving_twice_is_one_reconnect(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    leave(office, shop)
    first = last_reconnect(office, shop)
    leave(office, shop)
    assert last_reconnect(office, shop).id == first.id


def test_one_that_was_only_begun_in_an_earlier_incident_is_abandoned(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    with office.desk.store.begin() as session:
        reconnects.start(session, office.admin, shop.workspace_id)
    first = last_reconnect(office, shop)
    office.change(tables.Incident, str(first.incident_id), state=IncidentState.CLOSED, closed_at=utcnow())
    office.sync(shop)
    leave(office, shop)
    second = last_reconnect(office, shop)
    assert second.id != first.id
    with office.desk.store.read() as session:
        assert session.get_one(tables.Reconnect, first.id).state is ReconnectState.ABANDONED


def test_the_way_to_xero_asks_for_our_scopes_with_pkce_and_names_the_login(office: Office) -> None:
    query = leave(office, shop := office.shop()).query
    assert query["scope"].split() == list(office.desk.app.scopes)
    assert (query["code_challenge_method"], query["login_hint"]) == ("S256", shop.user["email"])
    assert "client_secret" not in query


def test_a_guest_who_may_not_read_the_logins_address_does_not_take_it_along_to_xero(office: Office) -> None:
    shop = office.shop()
    for email, hinted in (("somebody@else.example", False), (shop.user["email"], True)):
        guest = Member(email, "Guest", Role.GUEST, shop.workspace_id)
        url = reconnects.leave(office.desk, guest, shop.workspace_id, BROWSER, take_over=True)
        assert (quote(shop.user["email"], safe="") in url) is hinted


def test_the_history_masks_a_guests_address(office: Office) -> None:
    shop = office.shop()
    guest = Member(shop.user["email"], "Guest", Role.GUEST, shop.workspace_id)
    reconnects.leave(office.desk, guest, shop.workspace_id, BROWSER)
    with office.desk.store.read() as session:
        told = audit.history(session, shop.workspace_id)
        seen = wizard(session, office.agent, shop.workspace_id)
    assert guest.shown in {entry.actor for entry in told}
    assert guest.email not in repr((told, seen))
