"""A change of the Xero admin on the pages: asked in the wizard, decided by support, seen by both."""

from __future__ import annotations

from dashboard import navigation
from services import admin_changes
from services.desk import Desk
from services.members import Member
from services.store import tables
from services.store.states import ChangeState, Role
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of
from tests.integration.web.test_reconnect_page import ADMIN, fail_sync

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)
WHY = "Amira <b>left</b> on 30 September"


def ask(desk: Desk) -> str:
    """Ask for a change, past the page."""
    with desk.store.begin() as session:
        return admin_changes.ask(session, ADMIN, world.BROKEN, WHY)


def change(desk: Desk) -> tables.AdminChange:
    """Return the only change there is."""
    with desk.store.read() as session:
        return session.query(tables.AdminChange).one()


def test_that_person_left_leads_to_asking_for_a_change(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="person-left").click().run()
    app.text_area(key="change-why").set_value(WHY).run()
    app.button(key="ask-change").click().run()

    assert (change(desk).state, change(desk).asked_by, change(desk).why) == (
        ChangeState.ASKED,
        world.ADMIN,
        WHY,
    )
    shown = text_of(app)
    assert "A change of the Xero admin is asked for" in shown
    assert "Amira &lt;b&gt;left&lt;/b&gt;" in shown


def test_asking_without_a_reason_says_so_and_keeps_the_page(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="person-left").click().run()
    app.button(key="ask-change").click().run()

    assert "Say why" in app.warning[0].value
    assert app.button(key="ask-change")


def test_i_dont_have_that_login_names_who_has_it(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="no-login").click().run()

    assert "Amira Admin" in " ".join(element.value for element in app.markdown)


def test_whoever_has_the_login_gets_a_link_to_this_one_wizard(desk: Desk, open_page: OpenPage) -> None:
    fail_sync(desk)
    with desk.store.begin() as session:
        session.get_one(tables.Grant, f"grant-{world.BROKEN}").email = "holder@harbour.example"
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="no-login").click().run()
    app.button(key="send-to-login").click().run()

    with desk.store.read() as session:
        link = session.query(tables.ReconnectLink).one()
    assert (link.workspace_id, link.email, link.sent_by) == (
        world.BROKEN,
        "holder@harbour.example",
        world.ADMIN,
    )


def test_support_finds_what_waits_for_an_answer_above_the_list(desk: Desk, open_page: OpenPage) -> None:
    ask(desk)

    assert "1 change of Xero admin to decide on" in text_of(open_page(navigation.WORKSPACES, world.AGENT))
    for other in (world.ADMIN, world.MANAGER):
        assert "to decide on" not in text_of(open_page(navigation.WORKSPACES, other))


def test_support_approves_on_the_workspaces_page_with_a_reason(desk: Desk, open_page: OpenPage) -> None:
    ask(desk)
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)

    app.text_input(key="change-reason").set_value("Called the owner back, ticket 4411").run()
    app.button(key="approve-change").click().run()

    assert change(desk).state is ChangeState.APPROVED
    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))
    assert "Another Xero login is accepted once" in shown
    assert "ticket 4411" in shown


def test_without_a_reason_nothing_is_decided(desk: Desk, open_page: OpenPage) -> None:
    ask(desk)
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)

    app.button(key="decline-change").click().run()

    assert change(desk).state is ChangeState.ASKED
    assert "how you know" in app.warning[0].value


def test_who_asked_can_take_it_back(desk: Desk, open_page: OpenPage) -> None:
    ask(desk)
    app = open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN)

    app.button(key="withdraw-change").click().run()

    assert change(desk).state is ChangeState.EXPIRED
    assert "A change of the Xero admin is asked for" not in text_of(app)


def test_a_declined_change_says_why_and_what_to_do(desk: Desk, open_page: OpenPage) -> None:
    change_id = ask(desk)
    with desk.store.begin() as session:
        admin_changes.decide(session, AGENT, change_id, approve=False, reason="The owner knows nothing of it")

    shown = text_of(open_page(navigation.RECONNECT, world.ADMIN, workspace=world.BROKEN))

    assert "The change of the Xero admin was declined" in shown
    assert "The owner knows nothing of it" in shown


def test_a_manager_sees_the_change_and_decides_nothing(desk: Desk, open_page: OpenPage) -> None:
    ask(desk)

    app = open_page(navigation.RECONNECT, world.MANAGER, workspace=world.BROKEN)

    assert "A change of the Xero admin is asked for" in text_of(app)
    assert not app.button
