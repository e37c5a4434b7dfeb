"""The status matrix from Xero's answer to badge, incident, wizard and recovery.

Every row runs on SQLite, and on PostgreSQL one row for each health and code, so that the table stays quick.
"""

from __future__ import annotations

from operator import attrgetter

import pytest

from dashboard.parts import badges
from services import catalogue, notices
from services.needs import NeedState
from services.store.states import NEEDS_RECONNECT, ExportState, Health, IncidentState
from services.wizard import Act, WizardView, wizard
from tests.integration import trips
from tests.integration.features import status_acts as do
from tests.integration.features.ledger import assert_each_once
from tests.integration.features.status_rows import ROWS, Row, Seen
from tests.integration.office import Office, Shop


def representatives() -> list[Row]:
    """Return the first row of each health and code, with the banner and without."""
    first = {(row.seen.health, row.seen.code, row.seen.banner): row for row in reversed(ROWS)}
    return list(first.values())


CASES = [
    *[pytest.param("sqlite", row, id=f"sqlite-{row.reason}") for row in ROWS],
    *[pytest.param("postgresql", row, id=f"postgresql-{row.reason}") for row in representatives()],
]


def look(office: Office, shop: Shop) -> WizardView:
    """Return the wizard as the workspace's admin sees it."""
    with office.desk.store.read() as session:
        return wizard(session, office.admin, shop.workspace_id)


def banners(office: Office) -> int:
    """Count the banners."""
    with office.desk.store.read() as session:
        return len(notices.current(session))


def seen(office: Office, shop: Shop, export_id: int) -> Seen:
    """Return what people see of the connection now."""
    view, incident = look(office, shop), office.incident(shop)
    health, code = view.workspace.connection.health, view.workspace.connection.code
    if incident is not None:
        assert (incident.state, incident.cause, incident.code) == (IncidentState.OPEN, health, code)
    return Seen(
        health=health,
        code=code,
        tone=badges.health_tone(health),
        title=catalogue.get(code).title if code else None,
        who=badges.who_acts(health, code),
        says=view.reconnect_steps[3].note,
        incident=incident is not None,
        held=office.export(export_id).state is ExportState.HELD,
        act=view.act,
        banner=banners(office) == 1,
    )


@pytest.mark.parametrize(("database_url", "row"), CASES, indirect=["database_url"])
def test_a_break_is_seen_for_what_it_is_and_mended_to_the_last_export(office: Office, row: Row) -> None:
    shop = office.shop()
    [waiting] = office.exports(shop, 1)
    row.breaks(office, shop)
    row.found_by(office, shop)
    assert seen(office, shop, waiting) == row.seen

    for mend in row.mended_by:
        mend(office, shop)
    after = office.connection(shop)
    assert (after.health, after.code, banners(office)) == (Health.HEALTHY, None, 0)
    if office.export(waiting).state is not ExportState.DELIVERED:
        assert look(office, shop).act is Act.RETRY
        do.retry(office, shop)
    assert_each_once(office, shop, [waiting])
    incident = office.incident(shop)
    assert (incident is not None) == row.seen.incident
    assert incident is None or incident.state is IncidentState.CLOSED
    assert look(office, shop).act in (Act.DONE, Act.NONE)


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.reason for row in ROWS}) == len(ROWS) >= 30


QUIET = [row for row in ROWS if row.seen.code in {None, "XERO46"}]


@pytest.mark.parametrize("row", QUIET, ids=attrgetter("reason"))
def test_where_nobody_has_to_act_nobody_is_asked_to_log_in(row: Row) -> None:
    assert row.seen.act is not Act.RECONNECT
    assert (row.seen.incident, row.seen.held) == (False, False)


AFTER_THE_RECONNECT = {
    "the organisation is offline": (do.organisation(status="offline"), Act.SYNC_AGAIN),
    "the day's limit": (do.api("Accounts", **do.limit("day")), Act.SYNC_AGAIN),
    "the minute's limit": (do.api("Accounts", **do.limit("minute")), Act.WAIT),
    "a gateway before the login service": (do.token_endpoint(status=403), Act.SYNC_AGAIN),
    "our own app": (do.token_endpoint(**do.refused("invalid_client")), Act.SYNC_AGAIN),
}


@pytest.mark.parametrize(("breaks", "act"), AFTER_THE_RECONNECT.values(), ids=AFTER_THE_RECONNECT)
def test_what_no_login_mends_asks_for_no_second_login_right_after_the_reconnect(
    office: Office, breaks: do.Act, act: Act
) -> None:
    shop = office.shop()
    office.break_login(shop)
    trips.reconnect(office, shop)
    breaks(office, shop)
    office.work_off()
    assert look(office, shop).act is act


def test_whoever_is_to_reconnect_is_told_before_leaving_that_xero_refuses_our_app(office: Office) -> None:
    broken, other = office.shop(), office.shop()
    office.break_login(broken)
    assert look(office, broken).needs[0].state is NeedState.CHECKED
    do.token_endpoint(**do.refused("invalid_client"))(office, other)
    office.sync(other)
    need = look(office, broken).needs[0]
    assert (need.title, need.state) == ("Relink's Xero app", NeedState.WARNING)
    assert "no login can reconnect" in need.text
    assert (banners(office), office.connection(other).health) == (1, Health.HEALTHY)
    do.token_runs_out(office, other)
    office.sync(other)
    assert look(office, broken).needs[0].state is NeedState.CHECKED


OF_ONE_ORGANISATION = {
    "disconnected": Office.disconnect,
    "user removed": do.role(None),
    "403 though still listed": do.api("Organisation", **do.problem(403, "AuthenticationUnsuccessful")),
}


@pytest.mark.parametrize("breaks", OF_ONE_ORGANISATION.values(), ids=OF_ONE_ORGANISATION)
def test_what_breaks_one_organisation_leaves_the_others_of_the_login_alone(
    office: Office, breaks: do.Act
) -> None:
    shop = office.shop()
    other = office.branch(shop.user)
    breaks(office, shop)
    for one in (shop, other):
        office.sync(one)
    assert office.connection(shop).health in NEEDS_RECONNECT
    assert (office.connection(other).health, office.incident(other)) == (Health.HEALTHY, None)
