"""Retry: the plan is shown before anything is sent; a start is one run; results can be taken away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from services import judging, planning, plans, retries
from services.desk import Desk
from services.exports import ExportFilter
from services.members import Member
from services.result_files import Format
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, Role, RunState, Verdict
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of

Circumstance = Callable[[tables.RetryRun, tables.Lane], None]
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
    assert "3 exports in about 2 calls to Xero" in shown
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


def test_cancel_asks_once_and_says_what_stays(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    app = start(open_page, plan_id)

    app.button(key="cancel").click().run()
    assert "3 exports are not sent yet and stay as they are." in "".join(
        piece.value for piece in app.markdown
    )
    app.button(key="cancel-not").click().run()
    assert run_state(desk, plan_id) is RunState.RUNNING
    assert "cancel-now" not in {button.key for button in app.button}
    app.button(key="cancel").click().run()
    app.button(key="cancel-now").click().run()
    assert run_state(desk, plan_id) is RunState.CANCELLED


def lane_of(store: Session, plan_id: str) -> tables.Lane:
    return store.query(tables.Lane).filter_by(plan_id=plan_id).one()


def at_work(run: tables.RetryRun, lane: tables.Lane) -> None:
    lane.state = RunState.RUNNING


def scheduled(run: tables.RetryRun, lane: tables.Lane) -> None:
    run.starts_at = lane.due_at = utcnow() + timedelta(days=3)


def at_the_minute_limit(run: tables.RetryRun, lane: tables.Lane) -> None:
    lane.waiting_for, lane.due_at = "Waiting for Xero's minute limit", utcnow() + timedelta(seconds=40)


def at_the_day_limit(run: tables.RetryRun, lane: tables.Lane) -> None:
    lane.waiting_for, lane.due_at = "Waiting for Xero's day limit", utcnow() + timedelta(days=3)


def paused(run: tables.RetryRun, lane: tables.Lane) -> None:
    run.state = lane.state = RunState.PAUSED


def paused_at_work(run: tables.RetryRun, lane: tables.Lane) -> None:
    run.state, lane.state = RunState.PAUSED, RunState.RUNNING


def cancelled_at_work(run: tables.RetryRun, lane: tables.Lane) -> None:
    run.state, lane.state = RunState.CANCELLED, RunState.RUNNING


@pytest.mark.parametrize(
    ("circumstance", "says", "buttons"),
    [
        (lambda run, lane: None, "Its turn, behind other work", {"pause", "cancel"}),
        (at_work, "At work; the first answers", {"pause", "cancel"}),
        (scheduled, "Nothing is sent before.", {"pause", "cancel"}),
        (
            at_the_minute_limit,
            "1 workspace: waiting for Xero&#39;s minute limit, for about",
            {"pause", "cancel"},
        ),
        (at_the_day_limit, "1 workspace: waiting for Xero&#39;s day limit, until about", {"pause", "cancel"}),
        (paused, "Paused by a person.", {"resume", "cancel"}),
        (paused, "somebody to press Go on", {"resume", "cancel"}),
        (paused_at_work, "What is on its way to Xero is finished first. Nothing more", {"resume", "cancel"}),
        (at_the_minute_limit, '<span class="rl-muted">Xero&#39;s minute limit, for', {"pause", "cancel"}),
        (cancelled_at_work, "What is on its way to Xero is finished first.", set()),
    ],
)
def test_a_run_says_what_it_does_and_offers_what_can_be_done(
    desk: Desk, open_page: OpenPage, plan_id: str, circumstance: Circumstance, says: str, buttons: set[str]
) -> None:
    with desk.store.begin() as store:
        retries.start(store, AGENT, plan_id, "test")
        circumstance(store.get_one(tables.RetryRun, plan_id), lane_of(store, plan_id))

    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)

    assert says in text_of(app)
    assert {str(button.key) for button in app.button} & {"pause", "resume", "cancel"} == buttons


def test_receipts_that_wait_after_the_last_document_are_not_called_done_or_missing(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    with desk.store.begin() as store:
        retries.start(store, AGENT, plan_id, "test")
        for item in store.query(tables.PlanItem).where(tables.PlanItem.verdict == Verdict.WILL_SEND):
            item.result = store.get_one(tables.Export, item.export_id).state = ExportState.DELIVERED
            world.add_receipt(store, item.export_id)
        at_the_day_limit(store.get_one(tables.RetryRun, plan_id), lane_of(store, plan_id))

    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)

    assert "Every export has its result; their receipts are being attached." in text_of(app)
    assert "done in" not in text_of(app)
    assert "3 receipts of documents in Xero still to attach." in [caption.value for caption in app.caption]


def test_the_end_says_first_what_became_of_it(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    finish(desk, plan_id, delivered=2)

    shown = text_of(open_page(navigation.RETRY, world.AGENT, plan=plan_id))

    assert "2 of 3 arrived in Xero." in shown
    assert "2 still need a person. 1 cannot go now" in shown
    assert shown.index("arrived in Xero") < shown.index("delivered")


def test_a_run_of_which_all_arrived_leaves_nothing_to_press(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    with desk.store.begin() as store:
        store.query(tables.PlanItem).filter_by(verdict=Verdict.DISCONNECTED).delete()
    finish(desk, plan_id, delivered=3)

    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)

    assert "All 3 arrived in Xero." in text_of(app)
    assert "Nothing of it is left over." in text_of(app)
    assert "leftovers" not in {button.key for button in app.button}


def test_the_filter_of_the_results_stands_in_the_address(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    finish(desk, plan_id, delivered=2)

    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id, result="delivered")
    assert "2 of 2 exports" in "".join(piece.value for piece in app.caption)
    app.button(key="result-delivered").click().run()
    assert "4 of 4 exports" in "".join(piece.value for piece in app.caption)


def test_what_was_not_delivered_is_planned_again_with_one_button(
    desk: Desk, open_page: OpenPage, plan_id: str
) -> None:
    finish(desk, plan_id)
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    assert app.button(key="leftovers").label == "Retry the leftovers (3)"

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


def test_results_are_offered_as_files(desk: Desk, open_page: OpenPage, plan_id: str) -> None:
    finish(desk, plan_id)

    shown = text_of(open_page(navigation.RETRY, world.AGENT, plan=plan_id))

    for format in Format:
        assert f"/download/retry/{plan_id}/results.{format}" in shown


def test_a_stale_link_to_a_plan_says_what_to_do(open_page: OpenPage) -> None:
    app = open_page(navigation.RETRY, world.AGENT, plan="gone")

    assert "Failed exports" in app.warning[0].value


def run_state(desk: Desk, plan_id: str) -> RunState:
    """Return the state of a plan's run."""
    with desk.store.read() as session:
        return session.get_one(tables.RetryRun, plan_id).state


def start(open_page: OpenPage, plan_id: str) -> AppTest:
    """Start a plan's run on its page."""
    app = open_page(navigation.RETRY, world.AGENT, plan=plan_id)
    return app.button(key="start").click().run()


def finish(desk: Desk, plan_id: str, *, delivered: int = 0) -> None:
    """Start the run and end it with so many exports delivered, and the others not tried."""
    with desk.store.begin() as session:
        retries.start(session, AGENT, plan_id, "test")
        run = session.get_one(tables.RetryRun, plan_id)
        run.state, run.finished_at = RunState.FINISHED, utcnow()
        for lane in session.query(tables.Lane):
            lane.state = RunState.FINISHED
        going = session.query(tables.PlanItem).filter_by(plan_id=plan_id, verdict=Verdict.WILL_SEND)
        for item in going.limit(delivered):
            item.result, item.result_text = ExportState.DELIVERED, "In Xero."
            session.get_one(tables.Export, item.export_id).state = ExportState.DELIVERED


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

    assert "About 3 exports of Harbour & Finch must wait longer" in shown
    assert "at the latest" in shown
