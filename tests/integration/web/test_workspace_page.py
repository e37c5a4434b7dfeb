"""One workspace: its health with age, who must act, Sync Now, Reconnect, and what waits."""

from __future__ import annotations

from dashboard import navigation
from services import exports, syncs
from services.desk import Desk
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.states import ExportState, Role, SyncState
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


def test_sync_now_asks_for_one_sync_and_shows_its_stages(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)

    app.button(key="sync-now").click().run()

    with desk.store.read() as session:
        sync = syncs.latest(session, world.BROKEN)
    assert sync is not None
    assert (sync.state, sync.requested_by) == (SyncState.QUEUED, world.AGENT)
    assert app.button(key="sync-now").disabled
    assert all(stage in text_of(app) for stage in syncs.STAGES)


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
