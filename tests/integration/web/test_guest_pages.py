"""The guest of a reconnect link: one page, for as long as the link lives, and nothing else of Relink."""

from __future__ import annotations

import pytest
from markupsafe import escape
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from dashboard.identity import GUEST_COOKIE
from dashboard.navigation import PAGES, PageEntry
from services import reconnects, releasing, retries
from services.desk import Desk
from services.members import Member, mask
from services.store import tables
from services.store.states import Health, ReconnectState, Role
from tests.integration.web import doors, world
from tests.integration.web.conftest import ENTRY, OpenPage, claims, text_of


@pytest.fixture
def guest(desk: Desk, cookies: dict[str, str]) -> AppTest:
    """The browser of a guest who confirmed their address, at the entry page."""
    cookies[GUEST_COOKIE] = doors.come_in(desk, doors.hand_over(desk))
    app = AppTest.from_file(str(ENTRY), default_timeout=30)
    app.user = {"is_logged_in": False}
    app.run()
    assert not app.exception
    return app


def go(app: AppTest, entry: PageEntry, **query: str) -> AppTest:
    """Go to one of our pages."""
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"../pages/{entry.script}")
    app.run()
    assert not app.exception
    return app


def test_the_wizard_is_open_and_may_be_acted_on(desk: Desk, guest: AppTest) -> None:
    app = go(guest, navigation.RECONNECT, workspace=world.BROKEN)

    assert app.title[0].value == "Reconnect Xero"
    app.button(key="sync").click().run()

    assert not app.exception
    with desk.store.read() as session:
        (sync,) = session.query(tables.Sync).all()
    assert sync.requested_by == mask(world.ADMIN)


def test_a_guest_finds_no_way_to_a_page_that_is_not_theirs_while_exports_go(
    desk: Desk, guest: AppTest, cookies: dict[str, str], open_page: OpenPage
) -> None:
    person = Member(world.ADMIN, "Amira Admin", Role.ADMIN)
    with desk.store.begin() as session:
        reconnect_id = reconnects.start(session, person, world.BROKEN)
        session.get_one(tables.Reconnect, reconnect_id).state = ReconnectState.VERIFIED
        session.get_one(tables.Connection, world.BROKEN).health = Health.HEALTHY
        plan_id = releasing.retry_plan(session, person, world.BROKEN)
        retries.start(session, person, plan_id, "Reconnected.")
    to_workspace = escape(navigation.WORKSPACE.link(id=world.BROKEN))

    shown = text_of(go(guest, navigation.RECONNECT, workspace=world.BROKEN))

    assert "Workspaces of this retry" in shown
    assert to_workspace not in shown
    cookies.clear()
    assert to_workspace in text_of(open_page(navigation.RETRY, world.AGENT, plan=plan_id))


@pytest.mark.parametrize("workspace_id", [world.HEALTHY, world.FOREIGN, "no-such-workspace"])
def test_the_wizard_of_any_other_workspace_is_not(guest: AppTest, workspace_id: str) -> None:
    app = go(guest, navigation.RECONNECT, workspace=workspace_id)

    assert "There is no workspace" in app.warning[0].value
    assert "Northwind" not in text_of(app)


@pytest.mark.parametrize("entry", [entry for entry in PAGES if entry is not navigation.RECONNECT])
def test_no_other_page_runs(guest: AppTest, entry: PageEntry) -> None:
    # Not registered, so its script can be reached by no address at all.
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        guest.switch_page(f"../pages/{entry.script}").run()


def test_every_other_address_says_so_with_the_way_to_the_wizard(guest: AppTest) -> None:
    assert guest.title[0].value == "Your link opens one page only"
    assert f'href="/reconnect?workspace={world.BROKEN}"' in text_of(guest)
    assert "Harbour" not in text_of(guest)


def test_the_menu_is_empty_and_the_way_out_stands_above_the_page(guest: AppTest) -> None:
    assert '<form method="post" action="/link/leave">' in text_of(guest)
    person = Member("g@x.example", "g", Role.GUEST, world.BROKEN)
    assert [entry for entry in PAGES if navigation.may_open(person, entry)] == [navigation.RECONNECT]
    assert not [entry for entry in PAGES if navigation.may_open(person, entry) and entry.in_menu]


def test_a_link_that_is_revoked_closes_the_open_page_and_says_why(desk: Desk, guest: AppTest) -> None:
    app = go(guest, navigation.RECONNECT, workspace=world.BROKEN)
    doors.revoke(desk)

    app.run()

    assert app.title[0].value == "This link was revoked"
    assert "Has left the company." in text_of(app)
    assert "Harbour" not in text_of(app)


def test_a_press_after_the_link_was_revoked_does_nothing(desk: Desk, guest: AppTest) -> None:
    app = go(guest, navigation.RECONNECT, workspace=world.BROKEN)
    doors.revoke(desk)

    app.button(key="sync").click().run()

    assert "Your reconnect link has ended" in app.warning[0].value
    with desk.store.read() as session:
        assert session.scalar(select(func.count()).select_from(tables.Sync)) == 0


def test_a_link_that_moved_to_another_browser_says_so(desk: Desk, guest: AppTest) -> None:
    go(guest, navigation.RECONNECT, workspace=world.BROKEN)
    doors.change_link(desk, guest_hash="of-another-browser")

    guest.run()

    assert guest.title[0].value == "Your link is not in use here any more"


@pytest.mark.parametrize("cookie", ["made-up", "\x00", "x" * 5000])
def test_a_made_up_cookie_shows_nothing(desk: Desk, cookies: dict[str, str], cookie: str) -> None:
    cookies[GUEST_COOKIE] = cookie
    app = AppTest.from_file(str(ENTRY), default_timeout=30)
    app.user = {"is_logged_in": False}
    app.run()
    assert not app.exception
    assert app.title[0].value == "Your link is not in use here any more"
    assert "Harbour" not in text_of(app)


def test_a_member_who_may_reconnect_and_holds_a_link_is_the_member(guest: AppTest) -> None:
    guest.user = claims(world.ADMIN)
    guest.run()
    assert guest.title[0].value == "Workspaces"


def test_a_member_who_may_not_reconnect_and_holds_a_link_is_its_guest(guest: AppTest) -> None:
    guest.user = claims(world.AGENT)
    guest.run()
    assert guest.title[0].value == "Your link opens one page only"


def test_somebody_unknown_who_holds_a_link_is_its_guest(desk: Desk, guest: AppTest) -> None:
    guest.user = claims("stranger@relink.example")
    guest.run()
    assert guest.title[0].value == "Your link opens one page only"
