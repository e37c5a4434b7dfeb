"""What was approved goes to Xero by itself: once, oldest first, and only where the connection works."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from services import audit, export_view, runs, waiting
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, Health
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office

TURNS_AT_ONCE = 4


def plans(office: Office) -> list[str]:
    with office.desk.store.read() as session:
        return list(session.scalars(select(tables.RetryPlan.id)))


@pytest.mark.parametrize("health", [Health.HEALTHY, Health.AT_RISK])
def test_approved_exports_arrive_in_xero_without_anybody_asking(office: Office, health: Health) -> None:
    first, second = office.shop(), office.shop()
    bills = office.exports(first, 2)
    cards = office.exports(second, 1, kind=ExportKind.BANK_TRANSACTION)
    office.change(tables.Connection, first.workspace_id, health=health)
    assert waiting.export_waiting(office.desk) == 3
    office.work_off()
    assert_each_once(office, first, bills)
    assert_each_once(office, second, cards)
    [plan_id] = plans(office)
    run = office.run(plan_id)
    assert (run.started_by, run.reason) == (audit.SYSTEM, "Approved and waiting")
    with office.desk.store.read() as session:
        newest = audit.history(session, first.workspace_id)[0]
    assert (newest.actor, newest.action) == (audit.SYSTEM, "retry started")


def test_where_nothing_waits_nothing_is_started(office: Office) -> None:
    shop = office.shop()
    for state in (ExportState.FAILED, ExportState.HELD, ExportState.IN_DOUBT, ExportState.SET_ASIDE):
        office.exports(shop, 1, state=state)
    assert waiting.export_waiting(office.desk) == 0
    assert plans(office) == []


@pytest.mark.parametrize("health", sorted(set(Health) - {Health.HEALTHY, Health.AT_RISK}))
def test_nothing_is_sent_through_a_connection_that_does_not_work(office: Office, health: Health) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    office.change(tables.Connection, shop.workspace_id, health=health)
    assert waiting.export_waiting(office.desk) == 0
    assert (office.states(ids), plans(office)) == ([ExportState.WAITING], [])


def test_what_belongs_to_the_organisation_before_is_not_sent_to_the_new_one(office: Office) -> None:
    shop, former = office.shop(), office.shop()
    [export_id] = office.exports(shop, 1)
    office.change(tables.Export, export_id, organisation_id=former.organisation_id)
    assert waiting.export_waiting(office.desk) == 0


def leave(session: Session, member: Member, plan_id: str) -> None:
    """Let the run be as it is."""


@pytest.mark.parametrize("act", [leave, runs.pause, runs.cancel])
def test_what_is_in_a_run_is_not_started_again_not_even_where_a_person_stopped_it(
    office: Office, act: Callable[[Session, Member, str], None]
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.retry(shop)
    with office.desk.store.begin() as session:
        act(session, office.agent, plan_id)
    assert waiting.export_waiting(office.desk) == 0
    more = office.exports(shop, 1)
    assert waiting.export_waiting(office.desk) == 1
    office.work_off()
    assert office.states(more) == [ExportState.DELIVERED]
    stopped = ExportState.DELIVERED if act is leave else ExportState.WAITING
    assert office.states(ids) == [stopped] * 2


def test_a_plan_that_nobody_started_keeps_nothing_from_being_sent(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    office.plan(shop)
    assert waiting.export_waiting(office.desk) == 1
    office.work_off()
    assert_each_once(office, shop, ids)


def test_the_turns_of_several_workers_at_once_start_one_run(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 20)
    with ThreadPoolExecutor(TURNS_AT_ONCE) as threads:
        started = list(threads.map(waiting.export_waiting, [office.desk] * TURNS_AT_ONCE))
    assert sorted(started) == [0] * (TURNS_AT_ONCE - 1) + [len(ids)]
    assert len(plans(office)) == 1
    office.work_off()
    assert_each_once(office, shop, ids)


def test_what_xero_would_refuse_fails_with_its_code_and_no_call_and_the_rest_goes(office: Office) -> None:
    shop = office.shop()
    [bad] = office.exports(shop, 1, account="999")
    good = office.exports(shop, 2)
    assert waiting.export_waiting(office.desk) == 2
    office.work_off()
    assert_each_once(office, shop, good)
    refused = office.export(bad)
    assert (refused.state, refused.code) == (ExportState.FAILED, "XERO27")
    assert refused.message is not None
    assert "Category 999" in refused.message
    assert refused.failed_at is not None
    assert office.calls(shop)["by_path"]["PUT /api.xro/2.0/Invoices"] == 1
    assert waiting.export_waiting(office.desk) == 0


def test_what_is_dated_in_a_locked_period_fails_with_its_code(office: Office) -> None:
    shop = office.shop()
    [locked] = office.exports(shop, 1, spent_on=datetime(2026, 3, 3, tzinfo=UTC))
    path = f"/organisations/{shop.organisation_id}"
    office.xero.control("PATCH", path, period_lock_date="2026-03-31")
    office.sync(shop)
    waiting.export_waiting(office.desk)
    refused = office.export(locked)
    assert (refused.state, refused.code) == (ExportState.FAILED, "XERO33")
    assert (refused.message or "").startswith("The report is dated 3 Mar 2026")


def test_a_turn_takes_a_bounded_number_and_the_oldest_first(office: Office) -> None:
    shop = office.shop()
    younger = office.exports(shop, waiting.AT_MOST, spent_on=utcnow() - timedelta(days=1))
    older = office.exports(shop, 1)
    assert waiting.export_waiting(office.desk) == waiting.AT_MOST
    [plan_id] = plans(office)
    assert set(office.results(plan_id)) == {*older, *younger[:-1]}
    assert waiting.export_waiting(office.desk) == 1


@pytest.mark.parametrize(
    ("act", "said"),
    [(leave, "waits for its turn"), (runs.pause, "is paused"), (runs.cancel, "was cancelled")],
)
def test_of_what_waits_its_page_says_whether_it_goes_by_itself(
    office: Office, act: Callable[[Session, Member, str], None], said: str
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    plan_id = office.retry(shop)
    with office.desk.store.begin() as session:
        act(session, office.agent, plan_id)
    with office.desk.store.read() as session:
        answer = export_view.answer(export_view.get(session, office.agent, str(export_id)))
    assert said in answer.why
