"""Reconnect links on the pages: sent for what is selected, copied once, listed, and taken back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from services import messages
from services.desk import Desk
from services.messages import Channel
from services.store import tables
from services.store.states import LinkState, MessageState
from tests.integration.web import doors, world
from tests.integration.web.conftest import OpenPage, select_rows, text_of

OWNER_OF_FOREIGN = f"owner-{world.FOREIGN.lower()}@example.com"


def stored(desk: Desk) -> list[tables.ReconnectLink]:
    with desk.store.read() as session:
        return session.query(tables.ReconnectLink).order_by(tables.ReconnectLink.workspace_id).all()


def copied(app: AppTest) -> list[str]:
    """Return the links that stand on the page to be copied, each alone and in the words for the ticket."""
    return [code.value for code in app.code if "/link/" in code.value]


def test_all_that_match_get_a_link_at_one_press(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.LINKS, world.AGENT)
    assert app.button(key="links-send").label == "Send 2 reconnect links"

    app.button(key="links-send").click().run()

    assert not app.exception
    assert [(link.workspace_id, link.email) for link in stored(desk)] == [
        (world.BROKEN, world.ADMIN),
        (world.FOREIGN, OWNER_OF_FOREIGN),
    ]
    shown = text_of(app)
    assert "on its way by e-mail" in shown
    assert "Nobody waits for a link" in shown
    assert copied(app) == [], "who gets a mail needs no copy"


def test_only_what_is_selected_gets_a_link(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.LINKS, world.AGENT)
    select_rows(app, "unsent", [1])
    app.run()
    app.button(key="links-send").click().run()
    assert len(stored(desk)) == 1


def test_the_health_filter_chooses(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.LINKS, world.AGENT, health="expired")
    assert app.button(key="links-send").label == "Send 1 reconnect link"
    app.button(key="links-send").click().run()
    assert [link.workspace_id for link in stored(desk)] == [world.BROKEN]


def test_an_admin_sees_and_sends_for_their_own_workspaces(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.LINKS, world.ADMIN)
    app.button(key="links-send").click().run()
    assert [link.workspace_id for link in stored(desk)] == [world.BROKEN]


def test_a_manager_has_no_such_page(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACES, world.MANAGER)
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        app.switch_page(f"../pages/{navigation.LINKS.script}").run()


def test_sent_links_are_listed_by_state_and_revoked_with_a_reason(desk: Desk, open_page: OpenPage) -> None:
    doors.hand_over(desk)
    app = open_page(navigation.LINKS, world.AGENT, show="Sent")
    assert any("sent 1" in button.label for button in app.button)
    select_rows(app, "links", [0])
    app.run()
    app.button(key="links-revoke").click().run()
    app.text_area(key="revoke-reason").set_value("Sent to the wrong person")
    app.button(key="revoke-now").click().run()

    assert not app.exception
    (link,) = stored(desk)
    assert (link.state, link.ended_by, link.ended_reason) == (
        LinkState.REVOKED,
        world.AGENT,
        "Sent to the wrong person",
    )


def test_without_a_reason_nothing_is_revoked(desk: Desk, open_page: OpenPage) -> None:
    doors.hand_over(desk)
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    app.button(key=f"revoke-{stored(desk)[0].id}").click().run()
    app.button(key="revoke-now").click().run()
    assert "Say why" in app.warning[0].value
    assert stored(desk)[0].state is LinkState.SENT


def test_a_link_to_copy_is_shown_once_with_words_for_the_ticket(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    app.radio(key="link-channel").set_value(Channel.COPIED).run()
    app.button(key="link-send").click().run()

    address, for_ticket = copied(app)
    assert address.startswith("http://localhost:8501/link/")
    assert address in for_ticket
    app.button(key=f"links-sent-{world.BROKEN}-done").click().run()
    assert copied(app) == []
    assert copied(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (messages.UNUSABLE, f"not sent: {messages.UNUSABLE} Or make a link to copy"),
        (messages.UNKNOWN, f"in doubt: {messages.UNKNOWN} Or make a link to copy"),
    ],
)
def test_a_mail_that_failed_is_not_shown_as_sent(
    desk: Desk, open_page: OpenPage, error: str, words: str
) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    app.button(key="link-send").click().run()
    assert "not sent" not in text_of(app)
    with desk.store.begin() as session:
        message = session.query(tables.Message).one()
        message.state, message.error = MessageState.FAILED, error
    assert words in text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN))
    app = open_page(navigation.LINKS, world.AGENT, show="Sent")
    [row] = app.dataframe[0].value.to_dict("records")
    assert row["Trouble"].startswith(words)
    assert row["State"].endswith(words.partition(":")[0])


def test_a_link_is_sent_to_whom_the_agent_chose(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.FOREIGN)
    choices = app.selectbox(key="link-to").options
    assert choices == [f"{OWNER_OF_FOREIGN}, owner", "a•••@harbour.example, Xero login"]
    app.selectbox(key="link-to").select_index(1).run()
    app.button(key="link-send").click().run()

    assert not app.exception
    assert [link.email for link in stored(desk)] == ["amira@harbour.example"]
    assert not [piece for piece in app.get("html") if "amira@harbour.example" in piece.proto.body]


def test_an_admin_may_type_an_address_and_a_wrong_one_is_said_to_be_none(
    desk: Desk, open_page: OpenPage
) -> None:
    app = open_page(navigation.WORKSPACE, world.ADMIN, id=world.BROKEN)
    app.selectbox(key="link-to").select_index(len(app.selectbox(key="link-to").options) - 1).run()
    app.text_input(key="link-address").set_value("not an address").run()
    app.button(key="link-send").click().run()
    assert "is not an e-mail address" in text_of(app)
    app.text_input(key="link-address").set_value("Bookkeeper@Harbour.example").run()
    app.button(key="link-send").click().run()
    assert [link.email for link in stored(desk)] == ["bookkeeper@harbour.example"]


def test_a_workspace_that_works_and_never_had_a_link_shows_nothing_of_them(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY)
    assert "Reconnect links" not in [header.value for header in app.subheader]


def test_a_manager_reads_who_can_reconnect(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.MANAGER, id=world.BROKEN)
    assert world.ADMIN in text_of(app)
    assert not [button.key for button in app.button]


def test_what_others_wrote_is_shown_as_text(desk: Desk, open_page: OpenPage) -> None:
    doors.hand_over(desk, workspace_id=world.FOREIGN, recipient=OWNER_OF_FOREIGN)
    doors.revoke(desk, world.HOSTILE)
    shown = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.FOREIGN))
    assert "<img src=x" not in "".join(line for line in shown.splitlines() if "revoked" in line)
