"""Who acts on the same exports in the same instant, on PostgreSQL: nobody waits in a circle.

SQLite has one writer at a time and knows no such circles.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services import closing, incidents, pausing, planning, reconnects, releasing, waiting
from services.store import tables
from services.store.states import ExportState, Health
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office, Shop
from tests.integration.stores import empty_database, until_blocked

PATIENCE_SECONDS = 20


@pytest.fixture
def database_url(migrated_database: str) -> str:
    """A PostgreSQL alone."""
    empty_database(migrated_database)
    return migrated_database


def test_what_somebody_plans_anew_is_sent_meanwhile(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    office.retry(shop)
    with ThreadPoolExecutor(1) as worker, office.desk.store.begin() as session:
        planning.plan(session, office.agent, export_ids=ids)
        worker.submit(office.work_off).result(PATIENCE_SECONDS)
    assert_each_once(office, shop, ids)


def test_an_export_is_set_aside_while_its_lane_ends(office: Office) -> None:
    shop = office.shop()
    aside, held = office.exports(shop, 2)
    office.break_login(shop)
    office.change(tables.Connection, shop.workspace_id, health=Health.HEALTHY)
    for export_id in (aside, held):
        office.change(tables.Export, export_id, state=ExportState.WAITING, incident_id=None)
    office.retry(shop)
    office.change(tables.Connection, shop.workspace_id, health=Health.EXPIRED)
    with ThreadPoolExecutor(1) as worker:
        with office.desk.store.begin() as session:
            pausing.lock(session, shop.workspace_id)
            incidents.lock_open(session, shop.workspace_id)
            ending = worker.submit(office.work_off)
            until_blocked(office.desk.store)
            closing.set_aside(session, office.agent, aside, "Entered by hand.")
        ending.result(PATIENCE_SECONDS)
    assert office.states([aside, held]) == [ExportState.SET_ASIDE, ExportState.HELD]


def test_the_wizard_releases_a_plan_that_is_started_on_its_page(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    reconnect_id, plan_id = at_the_retry_step(office, shop)
    with ThreadPoolExecutor(2) as people:
        with office.desk.store.begin() as session:
            session.get_one(tables.Reconnect, reconnect_id, with_for_update=True)
            released = people.submit(release, office, shop, plan_id)
            until_blocked(office.desk.store)
            started = people.submit(office.start, plan_id)
            until_blocked(office.desk.store, 2)
        for press in (released, started):
            press.result(PATIENCE_SECONDS)
    office.work_off()
    assert_each_once(office, shop, ids)


def at_the_retry_step(office: Office, shop: Shop) -> tuple[str, str]:
    with office.desk.store.begin() as session:
        reconnect_id = reconnects.start(session, office.admin, shop.workspace_id)
        return reconnect_id, releasing.retry_plan(session, office.agent, shop.workspace_id)


def release(office: Office, shop: Shop, plan_id: str) -> None:
    with office.desk.store.begin() as session:
        releasing.release(session, office.agent, shop.workspace_id, plan_id)


def test_relink_starts_only_where_it_holds_the_connection(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "AT_MOST", 1)
    busy, other = office.shop(), office.shop()
    [oldest] = office.exports(busy, 1)
    office.exports(other, 1)
    with ThreadPoolExecutor(1) as worker, office.desk.store.begin() as session:
        session.get_one(tables.Export, oldest, with_for_update={"key_share": True})
        pausing.lock(session, other.workspace_id)
        assert worker.submit(waiting.export_waiting, office.desk).result(PATIENCE_SECONDS) == 0
