"""One workspace: its health with age, who must act, Sync Now, Reconnect, and what waits."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from dashboard import navigation
from services import closing, exports, pausing, syncs
from services.desk import Desk
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, IncidentState, Role, SyncState
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, select_rows, text_of

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)


def test_it_says_since_when_why_what_waits_and_who_must_act(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN))

    assert "verified 4 minutes ago" in shown
    assert "The Xero admin of the workspace has to act." in shown
    assert "XERO11: Connection expired" in shown
    assert "5 hours ago" in shown
    assert "3 exports worth GBP 3,619.50" in shown


def test_an_incident_that_is_repaired_says_what_is_left_of_it(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        session.query(tables.Incident).filter_by(
            workspace_id=world.BROKEN
        ).one().state = IncidentState.RECONNECTED

    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN))

    assert "Xero answers again." in shown
    assert "Retry the exports that wait, or set them aside" in shown
    assert "no longer accepts" not in shown


def test_sync_now_asks_for_one_sync_and_shows_its_stages(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)

    app.button(key="sync-now").click().run()

    with desk.store.read() as session:
        sync = syncs.latest(session, world.BROKEN)
    assert sync is not None
    assert (sync.state, sync.requested_by) == (SyncState.QUEUED, world.AGENT)
    assert app.button(key="sync-now").disabled
    assert all(stage in text_of(app) for stage in syncs.STAGES)


def test_a_finished_sync_keeps_its_stages_and_says_what_is_left_out(desk: Desk, open_page: OpenPage) -> None:
    world.add_sync(desk.store, world.HEALTHY, SyncState.SUCCEEDED, refused=syncs.SYNCING)

    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY))

    assert line_of(shown, syncs.ACCOUNTS) == ("done", "28 · under a second")
    assert line_of(shown, syncs.SYNCING) == ("left out", "Xero has no such record.")
    assert line_of(shown, syncs.PAYING) == ("left out", "Relink makes no payments in Xero")
    assert "still to come" not in shown


def test_what_is_left_out_is_known_before_a_sync_comes_to_it(desk: Desk, open_page: OpenPage) -> None:
    world.add_sync(desk.store, world.HEALTHY, SyncState.RUNNING, until=syncs.TRACKING)

    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY))

    assert line_of(shown, syncs.TRACKING)[0] == "now"
    assert line_of(shown, syncs.REIMBURSED)[0] == "still to come"
    assert line_of(shown, syncs.PAYING) == ("left out", "Relink makes no payments in Xero")


def line_of(shown: str, stage: str) -> tuple[str, str]:
    """Return how a screen reader hears the state of a stage, and the note beside it."""
    found = re.search(
        rf'{stage}<span class="rl-unseen">, ([a-z ]+)</span></span>(?:<span class="rl-note">([^<]*))?', shown
    )
    assert found is not None
    return found[1], found[2] or ""


def test_an_agent_sends_a_link_and_has_no_reconnect_button(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)

    buttons = [button.key for button in app.button]
    assert "link-send" in buttons
    assert "reconnect" not in buttons


def test_an_admin_gets_the_reconnect_button(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.ADMIN, id=world.BROKEN)

    assert "reconnect" in [button.key for button in app.button]


def test_a_manager_looks_and_cannot_act(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.MANAGER, id=world.BROKEN)

    assert not [button.key for button in app.button]


def test_an_unknown_workspace_is_said_to_be_unknown(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id="no-such-workspace")

    assert "There is no workspace" in app.warning[0].value


def test_somebody_elses_workspace_cannot_be_told_from_an_unknown_one(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.ADMIN, id=world.FOREIGN)

    assert "There is no workspace" in app.warning[0].value
    assert "bold" not in text_of(app)


def test_exports_are_set_aside_with_a_reason_by_a_named_person(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    select_rows(app, "waiting", [0])
    app.run()
    app.button(key="waiting-aside").click().run()
    app.text_area(key="set-aside-reason").set_value("Entered by hand in Xero")
    app.button(key="set-aside-now").click().run()

    with desk.store.read() as session:
        page = exports.search(session, AGENT, ExportFilter(states=(ExportState.SET_ASIDE,)))
    assert [(row.number, row.set_aside_by, row.set_aside_reason) for row in page.rows] == [
        ("EXP-000001", world.AGENT, "Entered by hand in Xero")
    ]


def test_without_a_reason_nothing_is_set_aside_and_the_page_says_why(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    select_rows(app, "waiting", [0])
    app.run()
    app.button(key="waiting-aside").click().run()
    app.button(key="set-aside-now").click().run()

    assert "Say why" in app.warning[0].value
    with desk.store.read() as session:
        assert not session.query(tables.Export).filter_by(state=ExportState.SET_ASIDE).count()


def paused(desk: Desk, workspace_id: str) -> None:
    with desk.store.begin() as session:
        pausing.pause(session, AGENT, workspace_id, "They move to a new Xero file")


def connection_of(desk: Desk, workspace_id: str) -> tables.Connection:
    with desk.store.read() as session:
        return session.get_one(tables.Connection, workspace_id)


def test_a_workspace_is_paused_with_a_reason_and_resumed_from_the_page(
    desk: Desk, open_page: OpenPage
) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY)
    app.button(key="pause").click().run()
    app.text_area(key="pause-reason").set_value("They move to a new Xero file")
    app.button(key="pause-now").click().run()

    shown = text_of(open_page(navigation.WORKSPACE, world.MANAGER, id=world.HEALTHY))
    assert f"Paused by {world.AGENT}" in shown
    assert "They move to a new Xero file" in shown
    assert "no nightly sync" in shown
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY)
    assert "pause" not in [button.key for button in app.button]
    app.button(key="resume").click().run()
    assert connection_of(desk, world.HEALTHY).paused_at is None
    assert "Paused by" not in text_of(app)


def test_a_paused_workspace_can_still_be_synced_by_hand(desk: Desk, open_page: OpenPage) -> None:
    paused(desk, world.HEALTHY)
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY)
    app.button(key="sync-now").click().run()
    with desk.store.read() as session:
        assert syncs.latest(session, world.HEALTHY) is not None
    assert connection_of(desk, world.HEALTHY).paused_at is not None


def test_a_disconnect_says_beforehand_what_is_lost_and_asks_why(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.ADMIN, id=world.BROKEN)
    app.button(key="disconnect").click().run()

    shown = text_of(app)
    assert "Reconnect instead" in app.warning[0].value
    assert "3 exports worth GBP 3,619.50 then wait, and can be sent only to Harbour &amp; Finch Pty" in shown
    assert "It is the last workspace of its Xero login" in shown
    app.checkbox(key="disconnect-revokes").check()
    app.button(key="disconnect-now").click().run()
    assert "Say why" in app.warning[0].value
    assert connection_of(desk, world.BROKEN).leaving_at is None


def test_a_disconnect_with_a_reason_is_asked_for_and_the_page_says_that_it_is_under_way(
    desk: Desk, open_page: OpenPage
) -> None:
    app = open_page(navigation.WORKSPACE, world.ADMIN, id=world.HEALTHY)
    app.button(key="disconnect").click().run()
    assert not app.warning
    app.text_area(key="disconnect-reason").set_value("The workspace closes")
    app.checkbox(key="disconnect-revokes").check()
    app.button(key="disconnect-now").click().run()

    row = connection_of(desk, world.HEALTHY)
    assert (row.leaving_by, row.leaving_reason, row.leaving_revokes) == (
        world.ADMIN,
        "The workspace closes",
        True,
    )
    shown = text_of(app)
    assert f"Being disconnected from Xero, as {world.ADMIN} asked" in shown
    assert "disconnect" not in [button.key for button in app.button]


def test_the_whole_login_can_be_ended_only_with_its_last_workspace(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        session.get_one(tables.Connection, world.FOREIGN).grant_id = f"grant-{world.HEALTHY}"
    app = open_page(navigation.WORKSPACE, world.ADMIN, id=world.HEALTHY)
    app.button(key="disconnect").click().run()

    assert "1 other workspace of the same Xero login keeps working." in text_of(app)
    assert "disconnect-revokes" not in [box.key for box in app.checkbox]


def test_only_an_owner_or_the_workspaces_admin_is_offered_to_disconnect(open_page: OpenPage) -> None:
    for person, expected in ((world.AGENT, False), (world.MANAGER, False), (world.ADMIN, True)):
        app = open_page(navigation.WORKSPACE, person, id=world.BROKEN)
        assert ("disconnect" in [button.key for button in app.button]) is expected


def test_a_disconnect_that_xero_has_not_answered_says_why_and_when_it_is_tried_again(
    desk: Desk, open_page: OpenPage
) -> None:
    with desk.store.begin() as session:
        row = session.get_one(tables.Connection, world.HEALTHY)
        row.leaving_at = row.leaving_due_at = utcnow()
        row.leaving_by, row.leaving_reason = world.ADMIN, "The workspace closes"
        row.leaving_trouble = "Xero does not answer."
    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY))
    assert "The last try did not succeed: Xero does not answer." in shown
    assert "Relink tries again by itself" in shown


def test_a_connection_at_risk_says_when_it_expires_here_and_in_the_list(
    desk: Desk, open_page: OpenPage
) -> None:
    with desk.store.begin() as session:
        session.get_one(tables.Connection, world.HEALTHY).health = Health.AT_RISK
        grant = session.get_one(tables.Grant, f"grant-{world.HEALTHY}")
        grant.last_used_at = datetime(2026, 10, 10, 9, tzinfo=UTC)
    expected = "expires on 9 Dec 2026 unless it is used"
    assert expected in text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY))
    assert expected in text_of(open_page(navigation.WORKSPACES, world.AGENT))


def test_a_paused_workspace_is_marked_in_the_list(desk: Desk, open_page: OpenPage) -> None:
    assert "paused" not in text_of(open_page(navigation.WORKSPACES, world.AGENT))
    paused(desk, world.HEALTHY)
    assert "paused" in text_of(open_page(navigation.WORKSPACES, world.AGENT))


@pytest.mark.parametrize(("email", "loud"), [(world.AGENT, ["link-send"]), (world.ADMIN, ["reconnect"])])
def test_the_loudest_button_is_what_this_person_can_do_best(
    open_page: OpenPage, email: str, loud: list[str]
) -> None:
    app = open_page(navigation.WORKSPACE, email, id=world.BROKEN)

    assert [button.key for button in app.button if button.proto.type == "primary"] == loud


def test_it_shows_what_the_incident_held_up_and_what_became_of_it(desk: Desk, open_page: OpenPage) -> None:
    owed = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN))
    assert "3 of 3 exports still owed to Xero." in owed
    with desk.store.begin() as session:
        found = exports.search(session, AGENT, ExportFilter(workspace_id=world.BROKEN))
        for row in found.rows:
            closing.set_aside(session, AGENT, row.id, "Entered by hand.")
    done = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN))
    assert "All 3 accounted for: nothing is left over." in done


def test_where_no_incident_held_anything_up_there_is_no_proof_to_show(open_page: OpenPage) -> None:
    assert "held up" not in text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY))
