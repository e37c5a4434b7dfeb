"""Reconnects: only the same organisation and the same Xero login repair a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from services import audit, grants, refusals
from services.refusals import RefusalKind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, ReconnectState
from tests.integration.office import Office, Shop
from tests.integration.trips import Trip, last_reconnect, leave, left_long_after, reconnect


def listed(office: Office, shop: Shop) -> set[str]:
    """Return the organisations that Xero lists to the workspace's login."""
    token = grants.access_token(office.desk, office.grant(shop).id)
    answer = office.xero.http.get("/connections", headers={"Authorization": f"Bearer {token}"})
    return {row["tenantId"] for row in answer.json()}


def test_the_same_login_and_organisation_repair_the_connection(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    stored = reconnect(office, shop)
    assert (stored.state, stored.refusal) == (ReconnectState.VERIFIED, None)
    assert office.connection(shop).health is Health.EXPIRED  # until a sync has proved it
    assert stored.sync_id == office.last_sync(shop).id
    assert office.last_sync(shop).requested_by == office.admin.email
    office.work_off()
    assert office.connection(shop).health is Health.HEALTHY
    incident = office.incident(shop)
    assert incident is not None
    assert (incident.state, stored.incident_id) == (IncidentState.CLOSED, incident.id)


def test_every_workspace_of_the_login_heals_with_one_reconnect(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    [held] = office.exports(second, 1)
    office.break_login(first)
    office.sync(second)
    assert office.export(held).state is ExportState.HELD
    reconnect(office, first)
    office.work_off()
    assert [office.connection(shop).health for shop in (first, second)] == [Health.HEALTHY] * 2
    assert office.connection(first).grant_id == office.connection(second).grant_id


def test_a_workspace_never_connected_is_connected_by_its_first_consent(office: Office) -> None:
    shop = office.shop()
    office.disown(shop)
    stored = reconnect(office, shop)
    office.work_off()
    assert stored.state is ReconnectState.VERIFIED
    connection = office.connection(shop)
    assert (connection.health, connection.organisation_id) == (Health.HEALTHY, shop.organisation_id)


# Refusals


def other_organisation(office: Office, trip: Trip) -> None:
    other = office.xero.organisation()
    path = f"/users/{trip.shop.user['id']}/roles"
    office.xero.control("PUT", path, organisation=other["id"], role="Adviser")
    trip.come_back(trip.consent(organisation=other))


def other_user(office: Office, trip: Trip) -> None:
    trip.come_back(trip.consent(office.xero.user({trip.shop.organisation_id: "Adviser"})))


def cancelled(office: Office, trip: Trip) -> None:
    trip.come_back(trip.cancel())


def code_used(office: Office, trip: Trip) -> None:
    trip.come_back({**trip.consent(), "code": "a-code-that-xero-does-not-know-any-more"})


def no_code(office: Office, trip: Trip) -> None:
    trip.come_back({"state": trip.query["state"]})


def too_late(office: Office, trip: Trip) -> None:
    answer = trip.consent()
    with time_machine.travel(utcnow() + timedelta(minutes=16)):
        trip.come_back(answer)


def login_service_down(office: Office, trip: Trip) -> None:
    answer = trip.consent()
    office.xero.control("POST", "/faults", path="/connect/token", status=503)
    trip.come_back(answer)


def api_down(office: Office, trip: Trip) -> None:
    answer = trip.consent()
    office.xero.control("PUT", "/maintenance", mode="maintenance")
    trip.come_back(answer)


def login_page_down(office: Office, trip: Trip) -> None:
    trip.come_back({"state": trip.query["state"], "error": "temporarily_unavailable"})


def app_misconfigured(office: Office, trip: Trip) -> None:
    answer = trip.consent()
    with office.xero_refuses_our_app():
        trip.come_back(answer)


def role_lost(office: Office, trip: Trip) -> None:
    answer = trip.consent()
    path = f"/users/{trip.shop.user['id']}/roles"
    office.xero.control("PUT", path, organisation=trip.shop.organisation_id, role="ReadOnly")
    trip.come_back(answer)


def somebody_without_the_role(office: Office, trip: Trip) -> None:
    other = office.xero.user({trip.shop.organisation_id: "Adviser"})
    answer = trip.consent(other)
    path = f"/users/{other['id']}/roles"
    office.xero.control("PUT", path, organisation=trip.shop.organisation_id, role="InvoiceOnly")
    trip.come_back(answer)


@dataclass(frozen=True, slots=True)
class Return:
    """One way to come back that is not accepted."""

    reason: str
    comes_back: Callable[[Office, Trip], None]
    refusal: RefusalKind


#: Refusals that say nothing of the workspace: they are about when, or about Relink itself.
TIMING = {RefusalKind.TOO_LATE, RefusalKind.APP_MISCONFIGURED}

RETURNS = [
    Return("another organisation was chosen", other_organisation, RefusalKind.OTHER_ORGANISATION),
    Return("somebody else logged in", other_user, RefusalKind.OTHER_USER),
    Return("Cancel was pressed", cancelled, RefusalKind.CANCELLED),
    Return("the code was used", code_used, RefusalKind.CODE_USED),
    Return("no code came back", no_code, RefusalKind.CODE_USED),
    Return("it took too long", too_late, RefusalKind.TOO_LATE),
    Return("Xero's login service is down", login_service_down, RefusalKind.XERO_DOWN),
    Return("Xero's API is down", api_down, RefusalKind.XERO_DOWN),
    Return("Xero's login page is down", login_page_down, RefusalKind.XERO_DOWN),
    Return("our app is misconfigured", app_misconfigured, RefusalKind.APP_MISCONFIGURED),
    Return("the login lost its role", role_lost, RefusalKind.WRONG_ROLE),
    Return("somebody without the role logged in", somebody_without_the_role, RefusalKind.WRONG_ROLE),
]


@pytest.mark.parametrize("given", RETURNS, ids=lambda given: given.reason)
def test_a_return_that_repairs_nothing_is_refused_by_name_and_changes_nothing(
    office: Office, given: Return
) -> None:
    shop = office.shop()
    office.break_login(shop)
    before, tokens = office.connection(shop), office.grant(shop).tokens
    given.comes_back(office, leave(office, shop))
    after, stored = office.connection(shop), last_reconnect(office, shop)
    assert (stored.state, stored.refusal) == (ReconnectState.REFUSED, given.refusal)
    words = refusals.describe(given.refusal, stored.detail)
    assert shop.organisation["name"] in words.expected + words.way_out + words.text or given.refusal in TIMING
    assert words.came
    assert (after.grant_id, after.organisation_id) == (before.grant_id, before.organisation_id)
    assert (after.health, after.connected_at) == (Health.EXPIRED, before.connected_at)
    assert office.grant(shop).tokens == tokens
    assert office.work_off() == 0  # no sync was queued


def test_a_login_with_other_organisations_that_chose_none_of_them_is_told_so(office: Office) -> None:
    shop = office.shop()
    office.branch(shop.user)
    office.break_login(shop)
    trip = leave(office, shop)
    answer = trip.consent()
    office.disconnect(shop)
    left_long_after(office)
    trip.come_back(answer)
    stored = last_reconnect(office, shop)
    assert stored.refusal == RefusalKind.NO_ORGANISATION
    assert stored.detail["expected"] == shop.organisation["name"]
    assert office.grant(shop).dead_since is not None


def test_an_organisation_of_another_workspace_is_not_taken(office: Office) -> None:
    owner, shop = office.shop(), office.shop()
    office.disown(shop)
    stored = reconnect(office, shop, user=owner.user, organisation=owner.organisation)
    assert stored.refusal == RefusalKind.ORGANISATION_TAKEN
    assert listed(office, owner) == {owner.organisation_id}  # the owner's own connection is not given back
    office.sync(owner)
    assert office.connection(owner).health is Health.HEALTHY


def test_a_refused_consent_takes_back_no_connection_that_was_made_anew_for_a_sibling(office: Office) -> None:
    first = office.shop()
    sibling, third = office.branch(first.user), office.shop()
    office.disconnect(sibling)
    office.sync(sibling)
    office.change(tables.Connection, sibling.workspace_id, xero_connection_id="the one Xero has forgotten")
    office.consent_again(sibling)
    anew = utcnow()
    reconnect(office, first)
    office.work_off()
    connected_at = office.connection(sibling).connected_at
    assert connected_at is not None
    assert connected_at > anew
    office.disown(third)
    refused = reconnect(office, third, user=first.user, organisation=sibling.organisation)
    assert refused.refusal == RefusalKind.ORGANISATION_TAKEN
    assert listed(office, sibling) == {first.organisation_id, sibling.organisation_id}


def test_a_consent_without_a_permission_that_exports_need_is_refused_with_its_name(office: Office) -> None:
    shop = office.shop()
    office.xero.control("POST", f"/users/{shop.user['id']}/revoke")
    fewer = [scope for scope in office.desk.app.scopes if scope != "accounting.invoices"]
    stored = reconnect(office, shop, scopes=fewer)
    assert (stored.refusal, stored.detail["missing"]) == (RefusalKind.SCOPE_MISSING, "accounting.invoices")


def test_a_consent_without_lasting_access_is_refused(office: Office) -> None:
    shop = office.shop()
    office.xero.control("POST", f"/users/{shop.user['id']}/revoke")
    fewer = [scope for scope in office.desk.app.scopes if scope != "offline_access"]
    stored = reconnect(office, shop, scopes=fewer)
    assert (stored.refusal, stored.detail["missing"]) == (RefusalKind.SCOPE_MISSING, "offline_access")


def test_the_refusal_names_both_sides(office: Office) -> None:
    shop = office.shop()
    other = office.xero.user({shop.organisation_id: "Adviser"}, given_name="Otto", family_name="Other")
    stored = reconnect(office, shop, user=other)
    words = refusals.describe(str(stored.refusal), stored.detail)
    assert f"Otto Other ({other['email']})" in words.text
    assert f"Ada Moss ({shop.user['email']})" in words.text


def test_the_history_names_no_address_of_a_refused_login(office: Office) -> None:
    shop = office.shop()
    other = office.xero.user({shop.organisation_id: "Adviser"}, given_name="Otto", family_name="Other")
    reconnect(office, shop, user=other)
    [entry] = history(office, shop, "reconnect refused")
    assert "Otto Other" in entry.summary
    assert not [email for email in (other["email"], shop.user["email"]) if email in repr(entry)]


def test_a_login_of_which_xero_told_no_name_is_not_called_none(office: Office) -> None:
    shop = office.shop()
    office.change(tables.Grant, office.grant(shop).id, full_name=None, email=None)
    stored = reconnect(office, shop, user=office.xero.user({shop.organisation_id: "Adviser"}))
    assert stored.detail["expected_user"] == "a Xero user without a name"


def test_the_needless_connection_of_a_refused_consent_is_given_back_to_xero(office: Office) -> None:
    shop = office.shop()
    other_organisation(office, leave(office, shop))
    assert last_reconnect(office, shop).refusal == RefusalKind.OTHER_ORGANISATION
    assert listed(office, shop) == {shop.organisation_id}


def test_a_refusal_keeps_its_reason_when_xero_does_not_take_the_connection_back(office: Office) -> None:
    shop = office.shop()
    office.xero.control("POST", "/faults", method="DELETE", path="/connections", status=503)
    other_organisation(office, leave(office, shop))
    assert last_reconnect(office, shop).refusal == RefusalKind.OTHER_ORGANISATION


@pytest.mark.parametrize("comes_back", [other_organisation, api_down], ids=["refused", "Xero down"])
def test_a_working_login_still_works_long_after_a_consent_that_came_to_nothing(
    office: Office, comes_back: Callable[[Office, Trip], None]
) -> None:
    """A consent ends the tokens of the one before half an hour later; the other workspaces need them."""
    shop = office.shop()
    comes_back(office, leave(office, shop))
    office.xero.control("PUT", "/maintenance", mode="none")
    office.xero.control("POST", "/clock", advance_seconds=45 * 60)
    office.change(tables.Grant, office.grant(shop).id, expires_at=utcnow())
    office.sync(shop)
    assert office.connection(shop).health is Health.HEALTHY


def test_a_refusal_can_be_followed_by_a_reconnect_that_succeeds(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    cancelled(office, leave(office, shop))
    assert reconnect(office, shop).state is ReconnectState.VERIFIED


def test_a_second_tab_that_is_cancelled_later_does_not_undo_a_verified_reconnect(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    first, second = leave(office, shop), leave(office, shop)
    first.come_back(first.consent())
    cancelled(office, second)
    stored = last_reconnect(office, shop)
    assert (stored.state, stored.refusal) == (ReconnectState.VERIFIED, None)
    assert [entry.actor for entry in history(office, shop, "reconnect refused")] == [office.admin.email]


# Two at once


def at_once(office: Office, *returns: tuple[Trip, Mapping[str, Any], Mapping[str, Any]]) -> None:
    """Have each trip's user consent to an organisation, and all of them come back at the same moment."""
    answers = [(trip, trip.consent(user, organisation)) for trip, user, organisation in returns]
    for _ in answers:
        office.xero.control("POST", "/faults", method="GET", path="/connections", delay_seconds=0.3)
    with ThreadPoolExecutor(len(answers)) as threads:
        for done in [threads.submit(trip.come_back, answer) for trip, answer in answers]:
            done.result()


def test_of_two_workspaces_that_choose_one_organisation_at_once_one_is_refused(office: Office) -> None:
    shops = [office.shop(), office.shop()]
    new = office.xero.organisation()
    for shop in shops:
        office.disown(shop)
        path = f"/users/{shop.user['id']}/roles"
        office.xero.control("PUT", path, organisation=new["id"], role="Adviser")
    at_once(office, *[(leave(office, shop), shop.user, new) for shop in shops])
    stored = sorted((last_reconnect(office, shop) for shop in shops), key=lambda reconnect: reconnect.state)
    assert [reconnect.state for reconnect in stored] == [ReconnectState.REFUSED, ReconnectState.VERIFIED]
    assert stored[0].refusal == RefusalKind.ORGANISATION_TAKEN
    assert {office.connection(shop).organisation_id for shop in shops} == {None, new["id"]}


def test_of_two_admins_who_connect_a_workspace_at_once_the_first_decides_its_organisation(
    office: Office,
) -> None:
    shop, other = office.shop(), office.shop()
    office.disown(shop)
    office.disown(other)
    trips = [leave(office, shop), leave(office, shop)]
    at_once(office, (trips[0], shop.user, shop.organisation), (trips[1], other.user, other.organisation))
    [connected] = history(office, shop, "connected")
    [refused] = history(office, shop, "reconnect refused")
    organisation_id = office.connection(shop).organisation_id
    chosen = shop if organisation_id == shop.organisation_id else other
    assert connected.summary == f"Connected to {chosen.organisation['name']} in Xero."
    assert refused.summary.startswith("That is another organisation")
    assert last_reconnect(office, shop).state is ReconnectState.VERIFIED


def history(office: Office, shop: Shop, action: str) -> list[audit.Entry]:
    with office.desk.store.read() as session:
        return [entry for entry in audit.history(session, shop.workspace_id) if entry.action == action]
