"""Incidents: from the first failure to the last delivered export, and who may see them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services import incidents
from services.members import NotAllowed
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState
from tests.integration.office import Office, Shop


def incident_of(office: Office, shop: Shop) -> tables.Incident:
    incident = office.incident(shop)
    assert incident is not None
    return incident


def break_off(office: Office, shop: Shop) -> None:
    office.disconnect(shop)
    office.sync(shop)


def repair(office: Office, shop: Shop) -> None:
    office.consent_again(shop)
    office.sync(shop)


def test_an_incident_begins_with_the_first_export_that_failed_for_want_of_a_connection(
    office: Office,
) -> None:
    shop = office.shop()
    first, unrelated = utcnow() - timedelta(days=2), utcnow() - timedelta(days=9)
    [early] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO11", spent_on=first)
    [other] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO95", spent_on=unrelated)
    break_off(office, shop)
    incident = incident_of(office, shop)
    assert incident.opened_at == first
    assert (office.export(early).incident_id, office.export(other).incident_id) == (incident.id, None)


def test_an_incident_begins_now_where_no_export_failed_before(office: Office) -> None:
    shop, before = office.shop(), utcnow()
    break_off(office, shop)
    assert before <= incident_of(office, shop).opened_at <= utcnow()


def test_a_second_failure_joins_the_incident_and_tells_the_latest_cause(office: Office) -> None:
    shop = office.shop()
    break_off(office, shop)
    first = incident_of(office, shop)
    office.break_login(shop)
    second = incident_of(office, shop)
    assert (second.id, second.opened_at) == (first.id, first.opened_at)
    assert (first.cause, second.cause) == (Health.DISCONNECTED, Health.EXPIRED)


def test_an_incident_repaired_but_not_done_is_open_again_when_the_connection_breaks_again(
    office: Office,
) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    break_off(office, shop)
    repair(office, shop)
    repaired = incident_of(office, shop)
    assert repaired.state is IncidentState.RECONNECTED
    break_off(office, shop)
    broken = incident_of(office, shop)
    assert (broken.id, broken.state, broken.reconnected_at) == (repaired.id, IncidentState.OPEN, None)


def test_a_break_after_everything_was_done_is_a_new_incident(office: Office) -> None:
    shop = office.shop()
    break_off(office, shop)
    repair(office, shop)
    closed = incident_of(office, shop)
    assert closed.state is IncidentState.CLOSED
    break_off(office, shop)
    assert incident_of(office, shop).id != closed.id


def test_the_incident_closes_with_the_last_export_that_is_delivered_or_set_aside(office: Office) -> None:
    shop = office.shop()
    [delivered, set_aside] = office.exports(shop, 2)
    break_off(office, shop)
    repair(office, shop)
    for export_id, state, done in (
        (delivered, ExportState.DELIVERED, False),
        (set_aside, ExportState.SET_ASIDE, True),
    ):
        office.change(tables.Export, export_id, state=state)
        with office.desk.store.begin() as session:
            assert incidents.close_if_done(session, shop.workspace_id, now=utcnow()) is done
    assert incident_of(office, shop).state is IncidentState.CLOSED


def test_an_incident_is_not_done_before_its_repair_is_proved(office: Office) -> None:
    shop = office.shop()
    break_off(office, shop)
    with office.desk.store.begin() as session:
        assert not incidents.close_if_done(session, shop.workspace_id, now=utcnow())


def test_an_incident_moves_on_and_never_back(office: Office) -> None:
    shop = office.shop()
    break_off(office, shop)
    for state in (IncidentState.RECONNECTING, IncidentState.ADMIN_TOLD):
        with office.desk.store.begin() as session:
            incidents.advance(session, shop.workspace_id, state)
    assert incident_of(office, shop).state is IncidentState.RECONNECTING


def test_the_list_shows_the_oldest_open_incident_first_with_what_it_holds_up(office: Office) -> None:
    young, old = office.shop(), office.shop()
    longer = utcnow() - timedelta(days=3)
    office.exports(old, 2, state=ExportState.FAILED, code="XERO11", spent_on=longer)
    for shop in (young, old):
        break_off(office, shop)
    with office.desk.store.read() as session:
        page = incidents.search(session, office.agent)
    assert [row.workspace_id for row in page.rows] == [old.workspace_id, young.workspace_id]
    assert [(row.stuck_count, str(row.stuck_amount)) for row in page.rows] == [(2, "25.00"), (0, "0")]
    assert (page.total, page.pages) == (2, 1)


def test_the_list_can_be_kept_to_a_cause_and_can_show_closed_ones_the_latest_first(office: Office) -> None:
    repaired, expired = office.shop(), office.shop()
    break_off(office, repaired)
    repair(office, repaired)
    office.break_login(expired)
    with office.desk.store.read() as session:
        still_open = incidents.search(session, office.manager)
        everything = incidents.search(session, office.manager, open_only=False)
        of_cause = incidents.search(session, office.manager, open_only=False, cause=Health.DISCONNECTED)
        second_page = incidents.search(session, office.manager, open_only=False, page=2, page_size=1)
    assert [row.workspace_id for row in still_open.rows] == [expired.workspace_id]
    assert [row.workspace_id for row in everything.rows] == [expired.workspace_id, repaired.workspace_id]
    assert [row.workspace_id for row in of_cause.rows] == [repaired.workspace_id]
    assert [row.workspace_id for row in second_page.rows] == [repaired.workspace_id]


def test_a_workspace_admin_does_not_see_the_incidents_of_all_workspaces(office: Office) -> None:
    with office.desk.store.read() as session, pytest.raises(NotAllowed):
        incidents.search(session, office.admin)


def test_a_workspace_shows_its_open_incident_before_a_later_closed_one(office: Office) -> None:
    shop = office.shop()
    break_off(office, shop)
    repair(office, shop)
    with office.desk.store.read() as session:
        closed = incidents.for_workspace(session, shop.workspace_id)
    assert closed is not None
    assert closed.state is IncidentState.CLOSED
    office.change(tables.Incident, closed.id, opened_at=utcnow() + timedelta(days=1))
    break_off(office, shop)
    with office.desk.store.read() as session:
        shown = incidents.for_workspace(session, shop.workspace_id)
    assert shown is not None
    assert shown.state is IncidentState.OPEN
