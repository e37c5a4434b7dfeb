"""Retry: the plan is shown before anything is sent; a start is one run; results can be taken away."""

from __future__ import annotations

import pytest

from dashboard import navigation
from services import planning, plans, retries
from services.desk import Desk
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, Role, RunState, Verdict
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)


@pytest.fixture
def plan_id(desk: Desk) -> str:
    """A plan of everything that failed, in a workspace that is connected again."""
    with desk.store.begin() as session:
        session.get_one(tables.Connection, world.BROKEN).health = Health.HEALTHY
        world.add_export(session, world.FOREIGN, 70)
        return planning.plan(session, AGENT, filter=ExportFilter(states=(ExportState.FAILED,)))


def test_a_plan_shows_each_verdict_before_anything_is_sent(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    shown = text_of(open_page(navigation.RETRY, world.AGENT, plan=plan_id))

    assert "will send" in shown
    assert "blocked: still disconnected" in shown
    assert "3 exports in about 1 call to Xero" in shown
    with desk.store.read() as session:
        assert session.get(tables.RetryRun, plan_id) is None


def test_start_makes_one_run_with_its_reason(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    app.text_input(key="reason").set_value("Reconnected, ticket 4411").run()

    app.button(key="start").click().run()

    assert "0 of 3 exports" in text_of(app) + str([bar.proto.text for bar in app.get("progress")])
    with desk.store.read() as session:
        run = session.get_one(tables.RetryRun, plan_id)
        assert (run.started_by, run.reason) == (world.AGENT, "Reconnected, ticket 4411")


def test_a_running_retry_can_be_paused_and_resumed(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    app.button(key="start").click().run()

    app.button(key="pause").click().run()
    assert run_state(desk, plan_id) is RunState.PAUSED
    app.button(key="resume").click().run()
    assert run_state(desk, plan_id) is RunState.RUNNING


def test_what_was_not_delivered_is_planned_again_with_one_button(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    finish(desk, plan_id)
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)

    app.button(key="leftovers").click().run()

    with desk.store.read() as session:
        (other,) = [plan for plan in session.query(tables.RetryPlan) if plan.id != plan_id]
        assert plans.view(session, AGENT, other.id).total == 4


def test_receipts_that_are_missing_in_xero_are_told_and_planned_again(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    finish(desk, plan_id)
    with desk.store.begin() as session:
        items = session.query(tables.PlanItem).where(tables.PlanItem.verdict == Verdict.WILL_SEND).all()
        for item in items:
            session.get_one(tables.Export, item.export_id).state = ExportState.DELIVERED
            item.result, item.result_text = (
                ExportState.DELIVERED,
                "In Xero, 1 receipt could not be attached: a",
            )
        world.add_receipt(session, items[0].export_id)
        session.query(tables.PlanItem).where(tables.PlanItem.verdict != Verdict.WILL_SEND).delete()
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)

    assert "1 receipt not attached to documents in Xero." in [caption.value for caption in app.caption]
    assert "In Xero, 1 receipt could not be attached: a" in text_of(app)
    app.button(key="leftovers").click().run()
    shown = text_of(app)
    assert "in Xero, will attach receipts" in shown
    assert "Retry 1 export" in shown


def test_results_can_be_downloaded(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    finish(desk, plan_id)

    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)

    assert [button.proto.label for button in app.get("download_button")] == ["Download the results (CSV)"]


def test_a_stale_link_to_a_plan_says_what_to_do(open_page: OpenPage) -> None:
    app = open_page(navigation.RETRY, world.AGENT, plan="gone")

    assert "Failed exports" in app.warning[0].value


def run_state(desk: Desk, plan_id: str) -> RunState:
    """Return the state of a plan's run."""
    with desk.store.read() as session:
        return session.get_one(tables.RetryRun, plan_id).state


def finish(desk: Desk, plan_id: str) -> None:
    """Start the run and end it with nothing delivered, as a cancelled one would."""
    with desk.store.begin() as session:
        retries.start(session, AGENT, plan_id, "test")
        run = session.get_one(tables.RetryRun, plan_id)
        run.state, run.finished_at = RunState.CANCELLED, utcnow()
        for lane in session.query(tables.Lane):
            lane.state = RunState.CANCELLED
