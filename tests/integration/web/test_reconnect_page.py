"""The wizard: the article's steps, one thing to do at a time, and where it stands after any reload."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from dashboard import navigation
from services import members, notices, reconnects, releasing, syncs
from services.article import RECONNECT_STEPS, RETRY_STEPS
from services.desk import Desk
from services.members import Member
from services.refusals import RefusalKind
from services.store import tables
from services.store.engine import open_store, utcnow
from services.store.states import ExportState, Health, ReconnectState, Role, SyncState, Verdict
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of

ADMIN = Member(world.ADMIN, "Amira Admin", Role.ADMIN)


def fail_sync(desk: Desk) -> None:
    """End a sync of the broken workspace as the expired connection would."""
    with desk.store.begin() as session:
        sync_id = syncs.enqueue(session, world.BROKEN, requested_by=world.ADMIN)
        sync = session.get_one(tables.Sync, sync_id)
        sync.state, sync.finished_at, sync.code = SyncState.FAILED, utcnow(), "XERO11"
        sync.message = "XERO11 Sync Error: The connection to Xero has expired."


def repair(desk: Desk) -> None:
    """Have the connection work again, verified by a sync, through the wizard."""
    with desk.store.begin() as session:
        reconnect_id = reconnects.start(session, ADMIN, world.BROKEN)
        session.get_one(tables.Reconnect, reconnect_id).state = ReconnectState.VERIFIED
        session.get_one(tables.Connection, world.BROKEN).health = Health.HEALTHY


def test_all_twelve_steps_are_there_in_the_articles_words(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    for step in (*RECONNECT_STEPS, *RETRY_STEPS):
        assert step.web.replace(">", "&gt;") in shown


def test_it_begins_with_sync_now(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="sync").click().run()

    with desk.store.read() as session:
        sync = syncs.latest(session, world.BROKEN)
    assert sync is not None
    assert sync.requested_by == world.ADMIN
    assert all(stage in text_of(app) for stage in syncs.STAGES)


def test_after_the_sync_failed_it_leads_to_xero_in_the_same_tab(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert f'<a class="rl-button" href="/connect/xero?workspace={world.BROKEN}">Reconnect</a>' in shown
    assert "XERO11 Sync Error" in shown


def test_a_refusal_names_both_sides_and_the_way_out(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    with desk.store.begin() as session:
        reconnect = session.get_one(tables.Reconnect, reconnects.start(session, ADMIN, world.BROKEN))
        reconnect.state, reconnect.refusal = ReconnectState.REFUSED, RefusalKind.OTHER_ORGANISATION
        reconnect.detail = {"expected": "Harbour Pty", "chosen": "Somebody <Else>"}

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert "That is another organisation" in shown
    assert "This workspace exports to Harbour Pty. In Xero, Somebody &lt;Else&gt; was chosen." in shown
    assert "choose Harbour Pty" in shown


def test_an_agent_watches_and_has_nothing_to_press(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)

    app = open_page(navigation.RECONNECT, world.AGENT, workspace=world.BROKEN)

    assert not app.button
    assert "/connect/xero" not in text_of(app)
    assert "Only an admin of this workspace can reconnect it" in text_of(app)


def test_what_failed_is_planned_and_released_from_the_last_step(desk: Desk, open_page: OpenPage) -> None:
    repair(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    assert "will send" in text_of(app)
    app.button(key="retry").click().run()

    with desk.store.read() as session:
        (run,) = session.query(tables.RetryRun).all()
    assert run.started_by == world.ADMIN


def test_looking_again_keeps_the_plan_that_was_shown(desk: Desk, open_page: OpenPage) -> None:
    repair(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.run()

    assert plans_made(desk) == 1


@pytest.mark.parametrize("email", [world.AGENT, world.MANAGER])
def test_who_only_watches_plans_nothing_by_looking(desk: Desk, open_page: OpenPage, email: str) -> None:
    repair(desk)

    app = open_page(navigation.RECONNECT, email, workspace=world.BROKEN)
    app.run()

    assert "Waiting for an admin of this workspace." in [caption.value for caption in app.caption]
    assert plans_made(desk) == 0


def test_two_windows_at_the_last_step_make_one_plan(desk: Desk, open_page: OpenPage) -> None:
    repair(desk)
    other = open_store(desk.settings.database_url)
    planned: list[str] = []

    def other_window_plans_first(_connection: Connection, options: dict[str, object]) -> None:
        if options.get("relink_writes") and not planned:
            with other.begin() as session:
                planned.append(releasing.retry_plan(session, ADMIN, world.BROKEN))

    event.listen(desk.store.engine, "set_connection_execution_options", other_window_plans_first)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)
    other.close()

    assert planned
    assert "will send" in text_of(app)
    assert plans_made(desk) == 1


def plans_made(desk: Desk) -> int:
    """Return how many plans there are."""
    with desk.store.read() as session:
        return session.query(tables.RetryPlan).count()


def test_the_end_says_what_arrived(desk: Desk, open_page: OpenPage) -> None:
    repair(desk)
    with desk.store.begin() as session:
        for export in session.query(tables.Export):
            export.state, export.delivered_at = ExportState.DELIVERED, utcnow()

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert "Xero is connected again" in shown
    assert "3 exports arrived in Xero." in shown


@pytest.mark.parametrize("workspace", ["", "no-such", world.FOREIGN])
def test_a_stale_or_foreign_link_says_so(open_page: OpenPage, workspace: str) -> None:
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=workspace)

    assert "There is no workspace" in app.warning[0].value


# Two people, and the way there and back


def at_xero(desk: Desk, member: Member) -> None:
    """Have somebody leave for Xero."""
    reconnects.leave(desk, member, world.BROKEN, "a-browser")


def test_what_is_needed_at_xero_is_said_before_leaving(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    for need in (
        "Choose Harbour &amp; Finch Pty on Xero&#39;s page",
        "Amira Admin (amira@harbour.example)",
        "Standard or Adviser in Harbour &amp; Finch Pty",
        "two-factor code",
        "pop-up blocker",
    ):
        assert need in shown


def test_a_trouble_of_our_own_app_is_said_before_anybody_leaves(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    with desk.store.begin() as session:
        notices.put(session, notices.APP_MISCONFIGURED, "Xero refuses Relink.", now=utcnow())

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert "so no login can reconnect" in shown


def test_who_left_for_xero_finds_the_way_on_and_what_may_be_in_the_way(
    desk: Desk, open_page: OpenPage
) -> None:
    fail_sync(desk)
    at_xero(desk, ADMIN)

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert "You went to Xero" in shown
    assert "Go to Xero again" in shown


def test_a_colleague_sees_who_is_at_xero_and_can_only_take_over(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    at_xero(desk, ADMIN)
    with desk.store.begin() as session:
        members.add(session, email="boris@harbour.example", name="Boris", role=Role.ADMIN)
        session.add(tables.WorkspaceAdmin(workspace_id=world.BROKEN, email="boris@harbour.example"))

    shown = text_of(open_page(navigation.RECONNECT, "boris@harbour.example", workspace=world.BROKEN))

    assert f"{world.ADMIN} went to Xero" in shown
    assert f"/connect/xero?workspace={world.BROKEN}&amp;take_over=1" in shown
    assert f'href="/connect/xero?workspace={world.BROKEN}"' not in shown


def test_an_attempt_left_behind_says_so(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    at_xero(desk, ADMIN)
    with desk.store.begin() as session:
        session.query(tables.Reconnect).one().changed_at = utcnow() - timedelta(minutes=16)

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert "The last attempt was not finished" in shown
    assert f'href="/connect/xero?workspace={world.BROKEN}"' in shown


def test_syncing_again_after_an_accepted_reconnect_does_not_begin_another(
    desk: Desk, open_page: OpenPage
) -> None:
    repair(desk)
    with desk.store.begin() as session:
        session.get_one(tables.Connection, world.BROKEN).health = Health.UNAVAILABLE
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="sync").click().run()

    with desk.store.read() as session:
        assert session.query(tables.Sync).count() == 1
        assert [found.state for found in session.query(tables.Reconnect)] == [ReconnectState.VERIFIED]


def test_of_several_organisations_one_is_chosen(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        connection = session.get_one(tables.Connection, world.BROKEN)
        connection.organisation_id, connection.health = None, Health.NEEDS_ORGANISATION
        reconnect = session.get_one(tables.Reconnect, reconnects.start(session, ADMIN, world.BROKEN))
        reconnect.state = ReconnectState.RETURNED
        reconnect.detail = {
            "grant": f"grant-{world.BROKEN}",
            "user": "Amira Admin",
            "listed": ["org-1", "org-2"],
            "was_dead": False,
            "choices": [["org-1", "One Ltd", "c-1"], ["org-2", "Two <Ltd>", "c-2"]],
        }
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)
    assert app.button(key="choose").disabled

    app.radio(key="choice").set_value("org-2").run()
    app.button(key="choose").click().run()

    with desk.store.read() as session:
        assert session.get_one(tables.Connection, world.BROKEN).organisation_id == "org-2"


def test_what_is_unticked_is_not_sent(desk: Desk, open_page: OpenPage) -> None:
    repair(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)
    with desk.store.read() as session:
        (plan,) = session.query(tables.RetryPlan).all()

    app.session_state[f"release-{plan.id}"] = {
        "edited_rows": {0: {"Send": False}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    app.button(key="retry").click().run()

    with desk.store.read() as session:
        (run,) = session.query(tables.RetryRun).all()
        sent = session.query(tables.PlanItem).filter_by(plan_id=run.plan_id).count()
    assert sent == 2


def test_a_plan_of_which_nothing_can_go_is_planned_again(desk: Desk, open_page: OpenPage) -> None:
    repair(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)
    with desk.store.begin() as session:
        session.query(tables.PlanItem).update({"verdict": Verdict.UNDER_WAY})
    app.run()
    assert "can be sent now" in text_of(app)

    app.button(key="plan").click().run()

    assert plans_made(desk) == 2
    assert not app.button(key="retry").disabled


@pytest.mark.parametrize("on", ["Web", "Phone"])
def test_the_steps_are_in_the_words_of_the_web_or_of_a_phone(open_page: OpenPage, on: str) -> None:
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN, on=on)

    assert ("Tap Accounting." in text_of(app)) == (on == "Phone")
    assert ("Click Accounting." in text_of(app)) == (on == "Web")
    assert "Enter your credentials" in text_of(app)


def test_the_workspaces_page_shows_support_where_the_admin_stands(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    at_xero(desk, ADMIN)

    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN))

    assert "Reconnect: step 6 of 12" in shown
    assert f"Last step by {world.ADMIN}" in shown


def test_a_sync_that_a_limit_of_xeros_parks_says_so_and_when_it_goes_on(
    desk: Desk, open_page: OpenPage
) -> None:
    with desk.store.begin() as session:
        sync = session.get_one(tables.Sync, syncs.enqueue(session, world.BROKEN, requested_by=world.ADMIN))
        sync.due_at = utcnow() + timedelta(hours=2, minutes=5)

    for page, name in ((navigation.RECONNECT, "workspace"), (navigation.WORKSPACE, "id")):
        [bar] = open_page(page, world.ADMIN, **{name: world.BROKEN}).get("progress")
        assert bar.proto.text == "Waiting for Xero's limit: it goes on by itself in 2 hours"


def test_where_xero_was_only_busy_the_login_is_shown_as_not_needed(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        connection = session.get_one(tables.Connection, world.HEALTHY)
        connection.health, connection.code = Health.UNAVAILABLE, "XERO46"

    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.HEALTHY)

    steps = "".join(element.proto.body for element in app.get("html"))
    assert steps.count('<span class="rl-note">not needed</span>') == 3
    assert app.button(key="sync").label == "Sync Now again"
