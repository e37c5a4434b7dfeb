"""Retry: the plan is shown before anything is sent; a start is one run; results can be taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard import navigation
from services import judging, planning, plans, retries
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


def test_a_plan_that_is_still_judged_shows_how_far_it_is_and_cannot_be_started(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    with desk.store.begin() as session:
        item = session.query(tables.PlanItem).filter_by(export_id=1).one()
        item.verdict = Verdict.JUDGING
        session.get_one(tables.RetryPlan, plan_id).judging_due_at = utcnow()
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    assert [bar.proto.text for bar in app.get("progress")] == ["3 of 4 looked at"]
    assert "start" not in [button.key for button in app.button]

    judging.run(desk, plan_id, 0)
    app.run()

    assert app.button(key="start").label == "Retry 3 exports"
    assert not app.get("progress")


def test_the_exports_of_a_plan_narrow_to_a_verdict_in_the_address(open_page: OpenPage, plan_id: str) -> None:
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id, verdict="blocked: still disconnected")
    assert "EXP-000070" in text_of(app)
    assert "EXP-000001" not in text_of(app)

    app.button(key="verdict-will send").click().run()

    assert "EXP-000070" in text_of(app)
    assert "EXP-000001" in text_of(app)


@pytest.mark.parametrize(
    ("email", "address"),
    [
        (world.AGENT, f"/workspace?id={world.BROKEN}"),  # who cannot reconnect can send the link from there
        (world.ADMIN, f"/reconnect?workspace={world.BROKEN}"),
    ],
)
def test_what_is_still_disconnected_carries_the_way_to_reconnect_it(
    desk: Desk, open_page: OpenPage, email: str, address: str
) -> None:
    with desk.store.begin() as session:
        disconnected = planning.plan(session, AGENT, export_ids=[1, 2])
    shown = text_of(open_page(navigation.RETRY, email, plan=disconnected))
    assert "2 still disconnected" in shown
    assert f'href="{address}"' in shown


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


# How a retry is started


def test_a_start_can_be_later_and_at_a_pace(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    app.radio(key="when").set_value("At a time").run()
    app.date_input(key="day").set_value(utcnow().date() + timedelta(days=2)).run()
    app.number_input(key="pace").set_value(2).run()
    assert "The pace you chose decides" in text_of(app)

    app.button(key="start").click().run()

    with desk.store.read() as session:
        run = session.get_one(tables.RetryRun, plan_id)
        assert run.starts_at is not None
        assert (run.starts_at > utcnow() + timedelta(days=1), run.at_most_a_minute) == (True, 2)
    assert "Nothing is sent before" in text_of(app)
    app.button(key="start-now").click().run()
    assert not [button for button in app.button if button.key == "start-now"]


def test_a_workspace_without_its_tick_is_left_out(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    with desk.store.begin() as session:
        world.add_export(session, world.HEALTHY, 80)
        plan_id = planning.plan(session, AGENT, filter=ExportFilter(states=(ExportState.FAILED,)))
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    app.session_state[f"workspaces-{plan_id}"] = {
        "edited_rows": {1: {"Send": False}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    assert app.button(key="start").label == "Retry 3 exports"

    app.button(key="start").click().run()

    assert "1 export of the plan is not in this run" in text_of(app)
    with desk.store.read() as session:
        assert [lane.workspace_id for lane in session.query(tables.Lane)] == [world.BROKEN]


def test_exports_that_are_in_a_retry_lead_to_it(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    with desk.store.begin() as session:
        second = planning.plan(session, AGENT, filter=ExportFilter(workspace_id=world.BROKEN))
        retries.start(session, AGENT, plan_id, "test")
    app = open_page(navigation.RETRY, world.AGENT, plan=second)
    app.button(key="start").click().run()
    with desk.store.begin() as session:
        assert len(session.query(tables.RetryRun).all()) == 1
        third = planning.plan(session, AGENT, filter=ExportFilter(workspace_id=world.BROKEN))

    shown = text_of(open_page(navigation.RETRY, world.AGENT, plan=third))

    assert "These exports are in a retry already" in shown
    assert f"/retry?plan={plan_id}" in shown


def test_a_day_that_does_not_suffice_is_said_before_the_start(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    with desk.store.begin() as session:
        session.add(
            tables.Allowance(
                organisation_id=f"org-{world.BROKEN}", minute_remaining=0, day_remaining=0, read_at=utcnow()
            )
        )

    shown = text_of(open_page(navigation.RETRY, world.AGENT, plan=plan_id))

    assert "About 3 exports of Harbour & Finch must wait for another day" in shown
    assert "at the latest" in shown
