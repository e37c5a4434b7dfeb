"""A run as people watch it: workspaces in the order of attention, what they wait for, how fast it goes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event, update

from services import plans, progress, runs
from services.runs import LANES_A_PAGE, RunView
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, RunState
from tests.integration.office import Office, Shop

HOUR = timedelta(hours=1)
DAY_LIMIT = "Waiting for Xero's day limit"


def lane(office: Office, plan_id: str, shop: Shop, **values: object) -> None:
    office.change(tables.Lane, (plan_id, shop.workspace_id), **values)  # type: ignore[arg-type]


def settle(office: Office, plan_id: str, shop: Shop, result: ExportState) -> None:
    with office.desk.store.begin() as session:
        session.execute(
            update(tables.PlanItem)
            .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.workspace_id == shop.workspace_id)
            .values(result=result)
        )


def view(office: Office, plan_id: str, *, page: int = 1) -> RunView:
    with office.desk.store.read() as session:
        found = runs.run_view(session, plan_id, page=page)
    assert found is not None
    return found


def test_workspaces_that_need_attention_come_first_then_those_at_work_then_those_done(office: Office) -> None:
    shops = [office.shop() for _ in range(5)]
    done, at_work, queued, failed, waits = shops
    for shop in shops:
        office.exports(shop, 1)
    plan_id = office.retry(*shops)
    for number, shop in enumerate(shops):
        office.change(tables.Workspace, shop.workspace_id, name=f"Workspace {number}")
    settle(office, plan_id, done, ExportState.DELIVERED)
    settle(office, plan_id, failed, ExportState.FAILED)
    lane(office, plan_id, done, state=RunState.FINISHED, waiting_for="of long ago")
    lane(office, plan_id, failed, state=RunState.FINISHED)
    lane(office, plan_id, at_work, state=RunState.RUNNING)
    lane(office, plan_id, waits, waiting_for=DAY_LIMIT, due_at=utcnow() + HOUR)
    run = view(office, plan_id)
    assert [found.workspace_id for found in run.lanes] == [
        shop.workspace_id for shop in (waits, failed, at_work, queued, done)
    ]
    assert [found.waiting_for for found in run.lanes] == [DAY_LIMIT, None, None, None, None]
    assert (run.counts.delivered, run.counts.failed, run.counts.left, run.at_work) == (1, 1, 3, 1)


def test_workspaces_come_page_by_page_and_the_figures_are_those_of_all(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.retry(shop)
    with office.desk.store.begin() as session:
        for number in range(LANES_A_PAGE):
            session.add(
                tables.Workspace(
                    id=f"W{number}", name=f"A {number:02}", search_text="", owner_email="o@shop.example",
                    plan="Control", country="GB", currency="GBP", created_at=utcnow(),
                )
            )  # fmt: skip
            session.flush()
            session.add(
                tables.Lane(
                    plan_id=plan_id, workspace_id=f"W{number}", organisation_id=shop.organisation_id,
                    state=RunState.QUEUED, slice=0, due_at=utcnow(),
                )
            )  # fmt: skip
    first, second, beyond = (view(office, plan_id, page=page) for page in (1, 2, 9))
    assert (len(first.lanes), first.lanes_total, len(second.lanes)) == (LANES_A_PAGE, LANES_A_PAGE + 1, 1)
    assert second.lanes[0].workspace_id == shop.workspace_id
    assert [run.total for run in (first, second, beyond)] == [1, 1, 1]
    assert beyond.lanes == first.lanes


def test_waits_are_told_with_how_many_and_until_when(office: Office) -> None:
    shops = [office.shop() for _ in range(3)]
    for shop in shops:
        office.exports(shop, 1)
    plan_id = office.retry(*shops)
    soon, late = utcnow() + HOUR, utcnow() + 20 * HOUR
    lane(office, plan_id, shops[0], waiting_for=DAY_LIMIT, due_at=soon)
    lane(office, plan_id, shops[1], waiting_for=DAY_LIMIT, due_at=late)
    lane(office, plan_id, shops[2], waiting_for="Xero is offline", due_at=soon)
    run = view(office, plan_id)
    assert [(wait.why, wait.workspaces, wait.until) for wait in run.waits] == [
        (DAY_LIMIT, 2, late),
        ("Xero is offline", 1, soon),
    ]
    assert run.finishes_at == late


def test_the_rate_counts_what_xero_answered_in_the_last_minutes(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 4)
    plan_id = office.retry(shop)
    office.work_off()
    office.exports(shop, 1)
    now = utcnow()
    office.change(tables.Export, ids[0], delivered_at=now - progress.WINDOW - timedelta(seconds=1))
    with office.desk.store.read() as session:
        long_ago = progress.exports_a_minute(session, plan_id, since=now - HOUR, now=now)
        lately = progress.exports_a_minute(session, plan_id, since=now - timedelta(minutes=1), now=now)
    assert (round(long_ago, 2), round(lately, 2)) == (1.0, 3.0)


def test_a_cancelled_run_has_ended_once_nothing_of_it_is_on_its_way(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.retry(shop)
    lane(office, plan_id, shop, state=RunState.RUNNING)
    office.change(tables.RetryRun, plan_id, state=RunState.CANCELLED)
    assert not view(office, plan_id).ended
    lane(office, plan_id, shop, state=RunState.CANCELLED)
    assert view(office, plan_id).ended


def test_the_list_of_runs_takes_two_questions_however_long_it_is(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2)
    plans = []
    for _ in range(3):
        plans.append(office.retry(shop))
        office.work_off()
        with office.desk.store.begin() as session:
            session.execute(update(tables.Export).values(state=ExportState.WAITING))
    asked: list[str] = []
    event.listen(office.desk.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with office.desk.store.read() as session:
        found = runs.recent(session, office.agent)
    assert [(run.plan_id, run.counts.delivered) for run in found] == [(plan_id, 2) for plan_id in plans[::-1]]
    assert len([question for question in asked if "select" in question.lower()]) == 2


def test_a_look_at_a_run_does_not_pay_for_what_is_chosen_before_the_start(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2)
    plan_id = office.plan(shop)
    with office.desk.store.read() as session:
        before = plans.view(session, office.agent, plan_id)
    office.start(plan_id)
    with office.desk.store.read() as session:
        after = plans.view(session, office.agent, plan_id)
    assert (len(before.outlook.loads), len(before.largest), before.workspaces_total) == (1, 1, 1)
    assert (len(after.outlook.loads), len(after.largest), after.workspaces_total) == (0, 0, 0)
    assert (after.total, after.goes) == (before.total, before.goes)
