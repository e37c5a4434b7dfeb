"""A frozen plan is judged: its oldest exports at once, the rest by the worker, whatever happens to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from services import judging, planning, plans, retries
from services.declined import Declined
from services.due import Kind, due
from services.exports import ExportFilter
from services.plans import Progress
from services.runs import UnknownPlan
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, Verdict
from tests.integration import crash
from tests.integration.office import LONG_AGO, Office


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is long from its third export on."""
    monkeypatch.setattr(judging, "AT_ONCE", 2)
    monkeypatch.setattr(judging, "CHUNK", 2)


def progress(office: Office, plan_id: str) -> Progress:
    with office.desk.store.read() as session:
        return plans.progress(session, office.agent, plan_id)


def judge_anew(office: Office, plan_id: str) -> None:
    """Make a plan one of which nothing is judged yet."""
    with office.desk.store.begin() as session:
        session.execute(update(tables.PlanItem).values(verdict=Verdict.JUDGING, reason=""))
        session.get_one(tables.RetryPlan, plan_id).judging_due_at = utcnow()


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("by", ["filter", "ids"])
def test_the_oldest_are_judged_at_once_and_the_worker_judges_the_rest(office: Office, by: str) -> None:
    shop, other = office.shop(), office.shop()
    new = office.exports(shop, 3) + office.exports(other, 2)
    old = office.exports(other, 2, spent_on=utcnow() - 2 * LONG_AGO)
    with office.desk.store.begin() as session:
        plan_id = (
            planning.plan(session, office.agent, filter=ExportFilter())
            if by == "filter"
            else planning.plan(session, office.agent, export_ids=new + old)
        )
    at_first = office.verdicts(plan_id)
    assert {i for i, (verdict, _) in at_first.items() if verdict is Verdict.WILL_SEND} == set(old)
    assert all(at_first[i] == (Verdict.JUDGING, "") for i in new)
    assert progress(office, plan_id) == Progress(2, 7, judging=True)

    assert office.work_off() == 1

    assert {verdict for verdict, _ in office.verdicts(plan_id).values()} == {Verdict.WILL_SEND}
    assert progress(office, plan_id) == Progress(7, 7, judging=False)
    assert office.work_off() == 0


@pytest.mark.usefixtures("few_at_once")
def test_a_plan_starts_only_once_every_export_has_its_verdict(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 5)
    plan_id = office.plan(shop)
    with pytest.raises(Declined, match="still on its way through this plan"):
        office.start(plan_id)
    with office.desk.store.read() as session:
        assert session.get(tables.RetryRun, plan_id) is None
        (work,) = due(session, now=utcnow())
        assert (work.kind, work.partition) == (Kind.PLAN, plan_id)
        view = plans.view(session, office.agent, plan_id)
        assert (view.judging, view.judged, view.total) == (True, 2, 5)
    office.work_off()
    office.start(plan_id)
    office.work_off()
    assert office.run(plan_id).delivered == 5


def test_a_worker_killed_between_two_chunks_leaves_what_it_judged_and_the_next_goes_on(
    office: Office,
) -> None:
    shop = office.shop()
    office.exports(shop, 2 * judging.CHUNK + 1)
    plan_id = office.plan(shop)
    judge_anew(office, plan_id)

    killed = crash.start(office.desk.settings, dies_at_commit=2)
    killed.join()

    assert progress(office, plan_id) == Progress(judging.CHUNK, 2 * judging.CHUNK + 1, judging=True)
    with office.desk.store.begin() as session:
        session.get_one(tables.Connection, shop.workspace_id).health = Health.EXPIRED
    office.work_off()
    with office.desk.store.read() as session:
        counts = session.execute(
            select(tables.PlanItem.verdict, func.count()).group_by(tables.PlanItem.verdict)
        ).all()
    # What was judged before is not judged again.
    assert dict(counts) == {Verdict.WILL_SEND: judging.CHUNK, Verdict.DISCONNECTED: judging.CHUNK + 1}


@pytest.mark.usefixtures("few_at_once")
def test_judging_at_which_relink_itself_failed_is_queued_again(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 5)
    plan_id = office.plan(shop)
    judging.queue_stranded_again(office.desk, plan_id, 0)
    judging.queue_stranded_again(office.desk, plan_id, 0)  # told twice, it is queued once
    assert office.work_off() == 0
    judging.run(office.desk, plan_id, 0)  # the slice that failed is over
    assert progress(office, plan_id).judged == 2
    assert office.work_off(ahead=timedelta(minutes=1)) == 1
    assert not progress(office, plan_id).judging


def test_the_leftovers_of_a_retry_are_a_new_plan_of_what_is_not_in_xero(office: Office) -> None:
    shop = office.shop()
    arrived, aside, left = office.exports(shop, 3)
    plan_id = office.plan(shop)
    office.change(tables.Export, arrived, state=ExportState.DELIVERED)
    office.change(tables.Export, aside, state=ExportState.SET_ASIDE)
    with office.desk.store.begin() as session:
        rest = planning.leftovers(session, office.agent, plan_id)
        assert session.get_one(tables.RetryPlan, rest).scope == "1 left over"
    assert list(office.verdicts(rest)) == [left]


def test_a_refused_plan_leaves_nothing_behind(office: Office) -> None:
    with office.desk.store.begin() as session:
        with pytest.raises(Declined):
            planning.plan(session, office.agent, filter=ExportFilter())
        assert session.scalars(select(tables.RetryPlan)).all() == []


def test_a_plan_says_of_each_workspace_what_goes_what_is_blocked_and_why(office: Office) -> None:
    large, broken = office.shop(), office.shop()
    office.exports(large, 3)
    office.exports(large, 1, account="999")
    office.exports(large, 1, state=ExportState.DELIVERED)
    office.exports(broken, 2)
    office.change(tables.Connection, broken.workspace_id, health=Health.EXPIRED)
    plan_id = office.plan(large, broken)
    with office.desk.store.read() as session:
        view = plans.view(session, office.agent, plan_id)
    first, second = view.largest
    assert (view.workspaces_total, first.id, first.goes, first.blocked, first.other) == (
        2,
        large.workspace_id,
        3,
        1,
        1,
    )
    assert {currency: str(amount) for currency, amount in first.amounts.items()} == {"GBP": "37.50"}
    assert first.reasons == {Verdict.FIX_FIRST: 1}
    assert (second.goes, second.blocked, second.reasons) == (0, 2, {Verdict.DISCONNECTED: 2})
    assert str(second.blocked_amounts["GBP"]) == "25.00"


@pytest.mark.usefixtures("few_at_once")
def test_nobody_follows_or_starts_a_plan_of_somebody_elses_exports(office: Office) -> None:
    own, foreign = office.shop(), office.shop()
    office.exports(own, 3)
    office.exports(foreign, 3)
    office.admin_leaves(foreign)
    plan_id = office.plan(own, foreign)
    mine = office.plan(own, foreign, member=office.admin)
    with office.desk.store.begin() as session:
        with pytest.raises(UnknownPlan):
            plans.progress(session, office.admin, plan_id)
        with pytest.raises(UnknownPlan):
            retries.start(session, office.admin, plan_id, "")
        assert plans.progress(session, office.admin, mine).total == 3
