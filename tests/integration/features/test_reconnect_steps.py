"""One step at a time: two people, two windows, attempts left behind, and an organisation to choose."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from sqlalchemy import select

from services import admin_changes, audit, grants, members, reconnects
from services.consents import ForeignState
from services.declined import Declined
from services.members import Member, NotAllowed
from services.refusals import RefusalKind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ChangeState, Health, ReconnectState, Role
from services.wizard import Act, wizard
from tests.integration.office import Office, Shop
from tests.integration.trips import BROWSER, Trip, last_reconnect, leave, left_long_after, reconnect

QUARTER = timedelta(minutes=15, seconds=1)


def colleague(office: Office, shop: Shop) -> Member:
    """Return a second admin of the workspace."""
    other = Member("boris@shop.example", "Boris", Role.ADMIN)
    with office.desk.store.begin() as session:
        members.add(session, email=other.email, name=other.name, role=other.role)
        session.add(tables.WorkspaceAdmin(workspace_id=shop.workspace_id, email=other.email))
    return other


def leave_as(office: Office, shop: Shop, member: Member, *, take_over: bool = False) -> Trip:
    url = reconnects.leave(office.desk, member, shop.workspace_id, BROWSER, take_over=take_over)
    return Trip(office, shop, dict(parse_qsl(urlsplit(url).query)))


def actions(office: Office, shop: Shop) -> list[str]:
    with office.desk.store.read() as session:
        return [entry.action for entry in audit.history(session, shop.workspace_id)]


# Two people


def test_while_one_is_at_xero_another_cannot_take_the_same_step(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    trip = leave(office, shop)
    other = colleague(office, shop)
    with pytest.raises(Declined, match=f"{office.admin.email} is at Xero"):
        leave_as(office, shop, other)
    trip.come_back(trip.consent())
    assert last_reconnect(office, shop).state is ReconnectState.VERIFIED


def test_who_takes_over_goes_on_and_the_return_of_the_first_is_not_used(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    first, other = leave(office, shop), colleague(office, shop)
    second = leave_as(office, shop, other, take_over=True)
    with pytest.raises(ForeignState) as caught:
        first.come_back(first.consent())
    assert caught.value.refusal.kind is RefusalKind.TAKEN_OVER
    assert "b•••@shop.example" in caught.value.refusal.text
    assert office.grant(shop).dead_since is not None
    second.come_back(second.consent(), member=other)
    assert last_reconnect(office, shop).changed_by == other.email
    assert {"reconnect taken over", "reconnect refused", "connected"} <= set(actions(office, shop))


def test_both_windows_of_one_person_may_come_back(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    first, second = leave(office, shop), leave(office, shop)
    second.come_back(second.consent())
    first.come_back(first.consent())
    assert actions(office, shop).count("connected") == 1
    assert office.work_off() == 1  # one sync


def test_a_second_window_repairs_what_broke_again_after_the_first(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    first, second = leave(office, shop), leave(office, shop)
    first.come_back(first.consent())
    office.work_off()
    office.break_login(shop)
    second.come_back(second.consent())
    with office.desk.store.read() as session:
        assert wizard(session, office.admin, shop.workspace_id).act is Act.WAIT
    office.work_off()
    with office.desk.store.read() as session:
        assert wizard(session, office.admin, shop.workspace_id).act is Act.DONE


def test_a_second_window_uses_the_change_that_was_approved_after_the_first(office: Office) -> None:
    shop = office.shop()
    first, second = leave(office, shop), leave(office, shop)
    first.come_back(first.consent())
    with office.desk.store.begin() as session:
        change_id = admin_changes.ask(session, office.admin, shop.workspace_id, "Ada left")
        admin_changes.decide(session, office.agent, change_id, approve=True, reason="Ticket 4411")
    other = office.xero.user({shop.organisation_id: "Adviser"})
    second.come_back(second.consent(other))
    assert office.grant(shop).xero_user_id == other["id"]
    with office.desk.store.read() as session:
        assert session.get_one(tables.AdminChange, change_id).state is ChangeState.USED
        assert len(session.scalars(select(tables.Grant)).all()) == 1


def test_a_return_that_somebody_else_brings_is_in_the_timeline_and_changes_nothing(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    trip, other = leave(office, shop), colleague(office, shop)
    with pytest.raises(ForeignState) as caught:
        trip.come_back(trip.consent(), member=other)
    assert caught.value.refusal.kind is RefusalKind.FOREIGN_STATE
    assert "reconnect refused" in actions(office, shop)
    assert last_reconnect(office, shop).state is ReconnectState.SENT_TO_XERO


def test_who_is_at_xero_when_a_sync_finds_it_broken_is_there_for_everybody(office: Office) -> None:
    shop = office.shop()
    trip, other = leave(office, shop), colleague(office, shop)
    office.break_login(shop)
    with office.desk.store.read() as session:
        assert wizard(session, other, shop.workspace_id).act is Act.AT_XERO
    with pytest.raises(Declined, match=f"{office.admin.email} is at Xero"):
        leave_as(office, shop, other)
    trip.come_back(trip.consent())
    office.work_off()
    incident = office.incident(shop)
    assert incident is not None
    assert last_reconnect(office, shop).incident_id == incident.id
    with office.desk.store.read() as session:
        assert wizard(session, other, shop.workspace_id).act is Act.DONE


def test_who_takes_over_from_one_who_left_before_it_was_found_broken_closes_that_way_back(
    office: Office,
) -> None:
    shop = office.shop()
    trip, other = leave(office, shop), colleague(office, shop)
    office.break_login(shop)
    leave_as(office, shop, other, take_over=True)
    with pytest.raises(ForeignState) as caught:
        trip.come_back(trip.consent())
    assert caught.value.refusal.kind is RefusalKind.TAKEN_OVER


# Left behind


def test_who_does_not_come_back_within_the_quarter_of_an_hour_makes_way_for_others(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    leave(office, shop)
    other = colleague(office, shop)
    with time_machine.travel(utcnow() + QUARTER):
        with office.desk.store.read() as session:
            view = wizard(session, other, shop.workspace_id)
        assert view.act is Act.RECONNECT
        assert view.attempt is not None
        assert (view.attempt.left_behind, view.attempt.by) == (True, office.admin.email)
        leave_as(office, shop, other)
    assert last_reconnect(office, shop).started_by == other.email


def test_an_attempt_left_behind_ends_by_itself_and_says_so(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    leave(office, shop)
    assert reconnects.abandon_left_behind(office.desk) == 0
    with time_machine.travel(utcnow() + QUARTER):
        assert reconnects.abandon_left_behind(office.desk) == 1
        assert reconnects.abandon_left_behind(office.desk) == 0
    assert last_reconnect(office, shop).state is ReconnectState.ABANDONED
    assert "reconnect abandoned" in actions(office, shop)


def test_a_return_after_the_attempt_had_ended_is_too_late_and_the_next_one_works(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    trip = leave(office, shop)
    answer = trip.consent()
    with time_machine.travel(utcnow() + QUARTER):
        reconnects.abandon_left_behind(office.desk)
        trip.come_back(answer)
    assert last_reconnect(office, shop).refusal == RefusalKind.TOO_LATE
    assert reconnect(office, shop).state is ReconnectState.VERIFIED


def test_a_wizard_that_was_only_begun_is_still_there_next_week(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    with office.desk.store.begin() as session:
        first = reconnects.start(session, office.admin, shop.workspace_id)
    with time_machine.travel(utcnow() + timedelta(days=6)), office.desk.store.begin() as session:
        assert reconnects.start(session, office.admin, shop.workspace_id) == first


# Several organisations at once


def several(office: Office) -> tuple[Shop, dict[str, str]]:
    """Return a workspace without an organisation, after a consent that connected two; names by id."""
    shop = office.shop()
    other = office.xero.organisation()
    path = f"/users/{shop.user['id']}/roles"
    office.xero.control("PUT", path, organisation=other["id"], role="Adviser")
    office.disown(shop)
    office.xero.grant(dict(shop.user), other, scopes=list(office.desk.app.scopes))
    trip = leave(office, shop)
    answer = trip.consent()
    # As Xero does when it does not repeat the consent's own id, and both are from long before.
    office.xero.grant(dict(shop.user), dict(shop.organisation), other, scopes=list(office.desk.app.scopes))
    left_long_after(office)
    trip.come_back(answer)
    return shop, {shop.organisation_id: shop.organisation["name"], other["id"]: other["name"]}


def test_of_several_organisations_a_person_chooses_and_a_sync_proves_it(office: Office) -> None:
    shop, names = several(office)
    with office.desk.store.read() as session:
        view = wizard(session, office.admin, shop.workspace_id)
    assert (view.act, view.choices) == (Act.CHOOSE, names)
    with office.desk.store.begin() as session:
        reconnects.choose(session, office.admin, shop.workspace_id, shop.organisation_id)
    office.work_off()
    connection = office.connection(shop)
    assert (connection.health, connection.organisation_id) == (Health.HEALTHY, shop.organisation_id)
    assert last_reconnect(office, shop).state is ReconnectState.VERIFIED


def test_only_what_was_offered_can_be_chosen_and_only_by_who_may_reconnect(office: Office) -> None:
    shop, names = several(office)
    elsewhere = office.shop()
    for organisation_id in ("", "made-up", elsewhere.organisation_id):
        with office.desk.store.begin() as session, pytest.raises(Declined, match="not offered"):
            reconnects.choose(session, office.admin, shop.workspace_id, organisation_id)
    with office.desk.store.begin() as session, pytest.raises(NotAllowed):
        reconnects.choose(session, office.agent, shop.workspace_id, next(iter(names)))
    assert office.connection(shop).organisation_id is None


def test_an_organisation_taken_meanwhile_cannot_be_chosen(office: Office) -> None:
    shop, names = several(office)
    rival, other_id = office.shop(), next(one for one in names if one != shop.organisation_id)
    with office.desk.store.begin() as session:
        session.add(tables.Organisation(id=other_id, name=names[other_id]))
        session.flush()
        session.get_one(tables.Connection, rival.workspace_id).organisation_id = other_id
    with office.desk.store.begin() as session, pytest.raises(Declined, match="Another workspace"):
        reconnects.choose(session, office.admin, shop.workspace_id, other_id)


def test_the_login_of_an_offer_is_kept_when_its_last_workspace_goes_to_another_login(office: Office) -> None:
    shop, _ = several(office)
    moves = office.branch(shop.user)
    with office.desk.store.begin() as session:
        change_id = admin_changes.ask(session, office.admin, moves.workspace_id, "Ada left")
        admin_changes.decide(session, office.agent, change_id, approve=True, reason="Ticket 4411")
    reconnect(office, moves, user=office.xero.user({moves.organisation_id: "Adviser"}))
    with office.desk.store.begin() as session:
        reconnects.choose(session, office.admin, shop.workspace_id, shop.organisation_id)
    office.work_off()
    assert office.connection(shop).health is Health.HEALTHY


def test_no_choice_replaces_an_organisation_that_was_connected_meanwhile(office: Office) -> None:
    shop, names = several(office)
    office.change(tables.Connection, shop.workspace_id, organisation_id=shop.organisation_id)
    [other_id] = names.keys() - {shop.organisation_id}
    with office.desk.store.begin() as session, pytest.raises(Declined, match="has an organisation"):
        reconnects.choose(session, office.admin, shop.workspace_id, other_id)
    assert office.connection(shop).organisation_id == shop.organisation_id


def test_only_who_logged_in_chooses_and_sees_what_there_is_to_choose_from(office: Office) -> None:
    shop, names = several(office)
    other = colleague(office, shop)
    with office.desk.store.read() as session:
        view = wizard(session, other, shop.workspace_id)
    assert (view.act, view.choices) == (Act.CHOOSE, {})
    with office.desk.store.begin() as session, pytest.raises(Declined, match="theirs to choose from"):
        reconnects.choose(session, other, shop.workspace_id, next(iter(names)))
    trip = leave_as(office, shop, other)  # with a login of their own
    trip.come_back(trip.consent(), member=other)
    assert last_reconnect(office, shop).state is ReconnectState.VERIFIED


def test_a_choice_whose_login_is_gone_says_so(office: Office) -> None:
    shop, names = several(office)
    with office.desk.store.begin() as session:
        session.delete(session.get_one(tables.Grant, last_reconnect(office, shop).detail["grant"]))
    with office.desk.store.begin() as session, pytest.raises(Declined, match="Reconnect again"):
        reconnects.choose(session, office.admin, shop.workspace_id, next(iter(names)))


def test_a_choice_heals_the_other_workspaces_of_the_login_as_well(office: Office) -> None:
    shop, _ = several(office)
    sibling = office.branch(shop.user)
    office.disconnect(sibling)
    office.sync(sibling)
    office.consent_again(sibling)
    before = office.last_sync(sibling).id
    stored = last_reconnect(office, shop)
    office.change(
        tables.Reconnect,
        stored.id,
        detail={**stored.detail, "listed": [*stored.detail["listed"], sibling.organisation_id]},
    )
    with office.desk.store.begin() as session:
        reconnects.choose(session, office.admin, shop.workspace_id, shop.organisation_id)
    assert office.last_sync(sibling).id != before


def test_a_login_that_nobody_chose_from_is_forgotten_after_a_day(office: Office) -> None:
    shop, _ = several(office)
    grant_id = last_reconnect(office, shop).detail["grant"]
    with time_machine.travel(utcnow() + timedelta(days=8)):
        grants.forget_left_over(office.desk)
        with office.desk.store.read() as session:
            assert session.get(tables.Grant, grant_id) is not None  # still on offer
        reconnects.abandon_left_behind(office.desk)
        grants.forget_left_over(office.desk)
    with office.desk.store.read() as session:
        assert session.get(tables.Grant, grant_id) is None
