"""Sync Now: the stages a person watches, and what becomes of two requests, limits and crashes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from services import audit, reference, sync_work, syncs
from services.members import NotAllowed, UnknownWorkspace
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, SyncState
from tests.integration.office import Office, Shop

RUN = [label for label in syncs.STAGES if label not in syncs.LEFT_OUT]
SOON = timedelta(minutes=10)
EXPENSES = {"DIRECTCOSTS", "OVERHEADS"}
MINUTE_USED_UP = {"X-Rate-Limit-Problem": "minute", "Retry-After": "0"}


def request(office: Office, shop: Shop) -> str:
    with office.desk.store.begin() as session:
        return syncs.request(session, office.agent, shop.workspace_id)


def test_a_sync_runs_through_the_platforms_stages_in_order_and_counts_what_it_imported(
    office: Office,
) -> None:
    shop = office.shop()
    sync = office.last_sync(shop)
    world = office.xero.control("GET", "/world")
    [books] = [found for found in world["organisations"] if found["id"] == shop.organisation_id]
    assert [stage.label for stage in sync.stages] == RUN
    assert not any(stage.left_out for stage in sync.stages)
    assert all(a.ended_at and a.ended_at <= b.started_at for a, b in pairwise(sync.stages))
    expenses = [a for a in books["accounts"] if a["status"] == "ACTIVE" and a["type"] in EXPENSES]
    counts = {stage.label: stage.count for stage in sync.stages if stage.count is not None}
    assert counts == {
        syncs.ACCOUNTS: len(books["accounts"]),
        syncs.CATEGORIES: len(expenses),
        syncs.TRACKING: 2,
        syncs.CUSTOMERS: len(books["contacts"]),
        syncs.BANK_ACCOUNTS: sum(account["type"] == "BANK" for account in books["accounts"]),
        syncs.TAX_RATES: 8,
        syncs.SYNCING: 1,
        syncs.REIMBURSED: 0,
    }


def test_the_platforms_thirteen_stages_are_known_and_only_payments_are_left_out() -> None:
    assert len(set(syncs.STAGES)) == 13
    assert set(syncs.LEFT_OUT) == {"Marking Xero bills and invoices as paid"}


def test_a_first_sync_costs_one_call_for_each_thing_it_reads(office: Office) -> None:
    shop = office.shop()
    read = ("Accounts", "Contacts", "Currencies", "Organisation", "TaxRates", "TrackingCategories")
    assert office.calls(shop)["by_path"] == {f"GET /api.xro/2.0/{path}": 1 for path in read}


@pytest.mark.parametrize(
    "answer",
    [{"status": 400}, {"status": 404}, {"status": 200, "body": "<html>"}],
    ids=["refused", "not there", "not understood"],
)
def test_currencies_that_xero_does_not_give_are_left_out_and_the_sync_goes_on(
    office: Office, answer: dict[str, Any]
) -> None:
    shop = office.shop()
    office.fault(shop, "GET", "Currencies", **answer)
    office.sync(shop)
    sync = office.last_sync(shop)
    [stage] = [stage for stage in sync.stages if stage.left_out]
    assert sync.state is SyncState.SUCCEEDED
    assert (stage.label, stage.count, stage.ended_at is None) == (syncs.SYNCING, None, False)
    with office.desk.store.read() as session:
        assert reference.imported(session, shop.organisation_id).currencies == frozenset()


def test_the_currencies_of_the_organisation_are_known_after_a_sync(office: Office) -> None:
    shop = office.shop()
    both = ["EUR", shop.organisation["currency"]]
    office.xero.control("PATCH", f"/organisations/{shop.organisation_id}", currencies=both)
    office.sync(shop)
    with office.desk.store.read() as session:
        assert reference.imported(session, shop.organisation_id).currencies == frozenset(both)


def test_a_successful_sync_says_who_asked_for_it_and_when_it_was_done(office: Office) -> None:
    shop = office.shop()
    request(office, shop)
    office.work_off()
    with office.desk.store.read() as session:
        sync = syncs.latest(session, shop.workspace_id)
        last = audit.history(session, shop.workspace_id)[0]
    assert sync is not None
    assert (sync.state, sync.requested_by, sync.running) == (SyncState.SUCCEEDED, office.agent.email, False)
    assert sync.started_at is not None
    assert sync.finished_at is not None
    assert sync.requested_at <= sync.started_at <= sync.finished_at
    assert office.connection(shop).last_synced_at == sync.finished_at
    assert (last.action, last.actor) == ("synced", office.agent.email)


def test_a_failed_sync_shows_the_stage_at_which_it_stopped(office: Office) -> None:
    shop = office.shop()
    office.fault(shop, "GET", "Accounts", status=500)
    office.sync(shop)
    stages = office.last_sync(shop).stages
    assert [stage.label for stage in stages] == RUN[:5]
    assert [stage.ended_at is None for stage in stages] == [False] * 4 + [True]


def test_a_disconnect_is_found_by_the_check_before_the_organisation_is_called(office: Office) -> None:
    shop = office.shop()
    office.disconnect(shop)
    office.xero.control("DELETE", "/calls")
    office.sync(shop)
    assert [stage.label for stage in office.last_sync(shop).stages] == [syncs.STARTING, syncs.CHECKING]
    assert office.calls(shop)["total"] == 0


def test_a_second_request_joins_the_sync_under_way(office: Office) -> None:
    shop = office.shop()
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda _: request(office, shop), range(8)))
    assert len(ids) == 1
    assert office.work_off() == 1
    assert request(office, shop) not in ids


def test_a_manager_may_not_ask_for_a_sync_and_an_admin_only_for_their_own_workspace(office: Office) -> None:
    shop, foreign = office.shop(), office.shop()
    office.admin_leaves(foreign)
    with office.desk.store.begin() as session, pytest.raises(NotAllowed):
        syncs.request(session, office.manager, shop.workspace_id)
    with office.desk.store.begin() as session, pytest.raises(UnknownWorkspace):
        syncs.request(session, office.admin, foreign.workspace_id)
    with office.desk.store.begin() as session:
        assert syncs.request(session, office.admin, shop.workspace_id)


def test_a_sync_after_the_repair_heals_and_closes_the_incident_where_nothing_is_stuck(office: Office) -> None:
    shop = office.shop()
    office.disconnect(shop)
    office.sync(shop)
    office.consent_again(shop)
    office.sync(shop)
    connection, incident = office.connection(shop), office.incident(shop)
    assert (connection.health, connection.code, connection.detail) == (Health.HEALTHY, None, None)
    assert incident is not None
    assert incident.state is IncidentState.CLOSED
    assert incident.closed_at == incident.reconnected_at == connection.last_synced_at


def test_a_sync_after_the_repair_leaves_the_incident_open_for_what_is_stuck(office: Office) -> None:
    shop = office.shop()
    [held] = office.exports(shop, 1)
    office.disconnect(shop)
    office.sync(shop)
    office.consent_again(shop)
    office.sync(shop)
    incident = office.incident(shop)
    assert office.connection(shop).health is Health.HEALTHY
    assert incident is not None
    assert (incident.state, incident.closed_at) == (IncidentState.RECONNECTED, None)
    assert office.export(held).state is ExportState.HELD


def test_a_limit_of_xeros_parks_the_sync_which_goes_on_by_itself(office: Office) -> None:
    shop = office.shop()
    office.fault(shop, "GET", "Contacts", status=429, headers=MINUTE_USED_UP)
    office.sync(shop)
    parked = office.last_sync(shop)
    assert parked.state is SyncState.QUEUED
    assert 0 < parked.parked_seconds(utcnow()) <= sync_work.PAUSE_SECONDS
    assert office.connection(shop).health is Health.HEALTHY
    office.work_off(ahead=SOON)
    assert office.last_sync(shop).state is SyncState.SUCCEEDED
    assert office.last_sync(shop).parked_seconds(utcnow()) == 0


def test_a_sync_that_starts_over_shows_only_the_stages_of_its_new_try(office: Office) -> None:
    shop = office.shop()
    office.fault(shop, "GET", "Contacts", status=429, headers=MINUTE_USED_UP)
    office.sync(shop)
    office.fault(shop, "GET", "Organisation", status=500)
    office.work_off(ahead=SOON)
    assert [stage.label for stage in office.last_sync(shop).stages] == RUN[:4]


def test_work_that_was_queued_before_and_comes_late_does_nothing(office: Office) -> None:
    shop = office.shop()
    sync_id = request(office, shop)
    sync_work.queue_again(office.desk, sync_id, seconds=0)
    office.xero.control("DELETE", "/calls")
    sync_work.run(office.desk, sync_id, 0)
    assert office.all_calls()["total"] == 0
    assert office.last_sync(shop).state is SyncState.QUEUED


def test_a_sync_is_stalled_after_twenty_minutes_but_not_while_a_limit_parks_it(office: Office) -> None:
    shop = office.shop()
    sync_id = request(office, shop)
    later = utcnow() + timedelta(minutes=21)
    assert not office.last_sync(shop).stalled(utcnow())
    assert office.last_sync(shop).stalled(later)
    sync_work.queue_again(office.desk, sync_id, seconds=3600)
    assert not office.last_sync(shop).stalled(later)
    office.work_off(ahead=timedelta(hours=2))
    assert not office.last_sync(shop).stalled(later + timedelta(days=1))
