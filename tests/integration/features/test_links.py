"""Reconnect links: who may send them to whom, one mail a recipient, never twice a day, and what is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from services import members
from services.declined import Declined
from services.desk import Desk
from services.links import course, recipients, sending
from services.links.link import Ended
from services.links.sending import Outcome
from services.members import Member, NotAllowed
from services.messages import Channel
from services.store import tables
from services.store.engine import utcnow
from services.store.states import LINK_LIVE, Health, IncidentState, LinkState, Role
from tests.integration.invited import (
    age,
    broken,
    copied,
    history,
    links_of,
    mailed_secrets,
    revoke,
    search,
    secrets_in,
    send,
)
from tests.integration.office import Office, Shop
from tests.integration.sandbox.driver import CHAT

OWNER = Member("olive@relink.example", "Olive Owner", Role.OWNER)
DAY = timedelta(days=1)


def test_a_link_goes_to_the_first_admin_and_the_incident_knows(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    (sent,) = send(office, shop)
    assert (sent.outcome, sent.recipient, sent.url) == (Outcome.MAILED, office.admin.email, None)
    assert len(mailed_secrets(office, office.admin.email)) == 1
    incident = office.incident(shop)
    assert incident is not None
    (link,) = links_of(office, shop)
    assert (incident.state, link.incident_id) == (IncidentState.ADMIN_TOLD, incident.id)
    assert (link.state, link.sent_by) == (LinkState.SENT, office.agent.email)
    assert link.expires_at - link.sent_at == timedelta(days=7)


def test_without_an_admin_it_goes_to_the_owner(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    office.admin_leaves(shop)
    (sent,) = send(office, shop)
    assert sent.recipient == "owner@shop.example"


def test_no_secret_and_no_address_is_kept_where_others_read(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    secret = copied(office, shop)
    (link,) = links_of(office, shop)
    kept = {column.name: str(getattr(link, column.name)) for column in link.__table__.columns}
    assert not [name for name, value in kept.items() if secret in value]
    assert "The reconnect link for a•••@shop.example was copied, to be handed over by hand." in history(
        office, shop
    )
    assert not [line for line in history(office, shop) if secret in line or office.admin.email in line]


def test_one_mail_holds_all_links_of_a_recipient(office: Office) -> None:
    shops = [office.shop() for _ in range(3)]
    broken(office, *shops)
    sent = send(office, *shops)
    assert [one.workspace_id for one in sent] == [shop.workspace_id for shop in shops]
    assert {one.outcome for one in sent} == {Outcome.MAILED}
    assert len(office.xero.mails(office.admin.email)) == 1
    assert len(set(mailed_secrets(office, office.admin.email))) == 3


def test_the_mail_the_reminder_and_the_ticket_say_what_is_wrong_with_this_connection(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    office.change(tables.Connection, shop.workspace_id, code="XERO12", health=Health.WRONG_ROLE)
    (sent,) = send(office, shop)
    age(office, shop, timedelta(days=2, minutes=1))
    assert course.chase(office.desk) == 1
    office.work_off()
    bodies = [mail.body for mail in office.xero.mails(office.admin.email)]
    for text in (*bodies, str(sent.reply)):
        assert "XERO12 Retired connection type: " in text
        assert "XERO11" not in text
    assert len(bodies) == 2


def test_nobody_is_mailed_twice_a_day_and_the_link_can_be_copied_instead(office: Office) -> None:
    first, second = office.shop(), office.shop()
    broken(office, first, second)
    send(office, first)
    (waits,) = send(office, second)
    assert (waits.outcome, waits.link_id, waits.url) == (Outcome.WAITS, None, None)
    assert "was mailed already" in waits.sentence
    assert links_of(office, second) == []
    (by_hand,) = send(office, second, channel=Channel.COPIED)
    assert by_hand.outcome is Outcome.COPIED
    assert by_hand.url is not None
    assert by_hand.url.startswith(f"{office.desk.settings.public_url}/link/")
    assert len(office.xero.mails(office.admin.email)) == 1


def test_a_day_later_a_recipient_is_mailed_again(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    send(office, shop)
    age(office, shop, DAY + timedelta(minutes=1))
    assert [one.outcome for one in send(office, shop)] == [Outcome.MAILED]


def test_two_senders_at_once_mail_a_recipient_once(office: Office) -> None:
    shops = [office.shop() for _ in range(4)]
    broken(office, *shops)
    with ThreadPoolExecutor(4) as pool:
        outcomes = [sent[0].outcome for sent in pool.map(lambda shop: _send_only(office, shop), shops)]
    assert sorted(outcomes) == sorted([Outcome.MAILED, *[Outcome.WAITS] * 3])


def _send_only(office: Office, shop: Shop) -> list[sending.Sent]:
    with office.desk.store.begin() as session:
        return sending.send(session, office.desk, office.agent, [shop.workspace_id], channel=Channel.EMAIL)


def test_a_link_for_chat_is_posted_there_and_mails_nobody(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    (sent,) = send(office, shop, channel=Channel.CHAT)
    assert sent.outcome is Outcome.POSTED
    assert len(secrets_in(office.xero.mails(CHAT)[-1].body)) == 1
    assert office.xero.mails(office.admin.email) == []


def test_a_newer_link_replaces_the_one_for_the_same_address_and_no_other(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    copied(office, shop, recipient="owner@shop.example")
    copied(office, shop)
    copied(office, shop)
    owners, replaced, newest = links_of(office, shop)
    assert (owners.state, newest.state) == (LinkState.SENT, LinkState.SENT)
    assert (replaced.state, replaced.ended_reason) == (LinkState.REVOKED, Ended.REPLACED)


def test_however_many_send_at_once_one_link_of_an_address_lives(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: copied(office, shop), range(8)))
    assert [link.state for link in links_of(office, shop) if link.state in LINK_LIVE] == [LinkState.SENT]
    assert len(links_of(office, shop)) == 8


def test_what_needs_no_reconnect_gets_no_link_and_does_not_stop_the_others(office: Office) -> None:
    healthy, sync_error, expired, never = (office.shop() for _ in range(4))
    broken(office, expired)
    broken(office, sync_error, health=Health.SYNC_ERROR)
    broken(office, never, health=Health.NOT_CONNECTED)
    sent = send(office, healthy, sync_error, expired, never)
    assert [one.outcome for one in sent] == [
        Outcome.DECLINED,
        Outcome.DECLINED,
        Outcome.MAILED,
        Outcome.MAILED,
    ]
    assert "healthy: there is nothing to reconnect" in sent[0].sentence


def test_a_workspace_nobody_knows_or_somebody_elses_is_said_to_be_unknown(office: Office) -> None:
    own, foreign = office.shop(), office.shop()
    broken(office, own, foreign)
    office.admin_leaves(foreign)
    with office.desk.store.begin() as session:
        ids = [foreign.workspace_id, "no-such-workspace", own.workspace_id, own.workspace_id]
        sent = sending.send(session, office.desk, office.admin, ids, channel=Channel.COPIED)
    assert [one.outcome for one in sent] == [Outcome.DECLINED, Outcome.DECLINED, Outcome.COPIED]
    assert all("There is no workspace" in one.sentence for one in sent[:2])


@pytest.mark.parametrize("role", [Role.MANAGER, Role.GUEST])
def test_a_manager_and_a_guest_send_and_see_no_links(office: Office, role: Role) -> None:
    shop = office.shop()
    broken(office, shop)
    person = Member("someone@relink.example", "Some One", role, shop.workspace_id)
    for act in (
        lambda: send(office, shop, member=person),
        lambda: search(office, person),
        lambda: revoke(office, person, "no-such-link"),
    ):
        with pytest.raises(NotAllowed, match=f"Your role, {role}, may not send reconnect links"):
            act()


# To whom


def test_an_agent_sends_to_the_workspaces_people_and_to_nobody_else(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    login = office.grant(shop).email
    assert login is not None
    for address in (office.admin.email, "OWNER@shop.example", login):
        (sent,) = send(office, shop, channel=Channel.COPIED, recipient=address)
        assert sent.outcome is Outcome.COPIED, sent.sentence
    (refused,) = send(office, shop, channel=Channel.COPIED, recipient="friend@evil.example")
    assert refused.outcome is Outcome.DECLINED
    assert "Ask an admin of the workspace or an owner of Relink" in refused.sentence


def test_the_address_of_the_xero_login_is_masked_for_staff(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    login = office.grant(shop).email
    assert login is not None
    with office.desk.store.read() as session:
        for_staff = recipients.for_workspace(session, office.agent, shop.workspace_id)
        for_admin = recipients.for_workspace(session, office.admin, shop.workspace_id)
    assert [offered.shown for offered in for_staff.offered] == [
        office.admin.email,
        "owner@shop.example",
        members.mask(login),
    ]
    assert for_admin.offered[-1].shown == login
    assert (for_staff.may_type, for_admin.may_type) == (False, True)
    (sent,) = send(office, shop, channel=Channel.COPIED, recipient=login)
    assert sent.recipient == members.mask(login)
    assert login not in f"{sent}"
    assert [row.address for row in search(office, office.agent).rows] == [members.mask(login)]
    assert [row.address for row in search(office, office.admin).rows] == [login]


@pytest.mark.parametrize("member", [OWNER, None])
def test_an_owner_and_the_workspaces_admin_may_type_any_address(
    office: Office, member: Member | None
) -> None:
    shop = office.shop()
    broken(office, shop)
    typed = " Bookkeeper@Accounts.Example "
    (sent,) = send(office, shop, member=member or office.admin, recipient=typed)
    assert (sent.outcome, sent.recipient) == (Outcome.MAILED, "bookkeeper@accounts.example")
    assert len(office.xero.mails("bookkeeper@accounts.example")) == 1
    assert [row.address for row in search(office, office.agent).rows] == ["b•••@accounts.example"]
    assert [row.address for row in search(office, OWNER).rows] == ["bookkeeper@accounts.example"]


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "nobody",
        "a@b",
        "a@b@c.example",
        "a b@c.example",
        "a@c.example, x@evil.example",
        "a@c.example;x@evil.example",
        "Ada <a@c.example>",
        "a(comment)@c.example",
        '"a"@c.example',
        "a@[127.0.0.1]",
        "a@c.example\r\nBcc: x@evil.example",
        "а@c.example",  # a Cyrillic a
        "a@c.example\u200b",
        "a@c..example",
        f"{'a' * 65}@c.example",
        f"a@{'c' * 250}.example",
        "\x00",
    ],
)
def test_what_is_no_address_gets_no_link(office: Office, typed: str) -> None:
    shop = office.shop()
    broken(office, shop)
    (sent,) = send(office, shop, member=OWNER, recipient=typed)
    assert (sent.outcome, links_of(office, shop)) == (Outcome.DECLINED, [])
    assert "is not an e-mail address" in sent.sentence


def test_too_many_at_once_are_declined_with_nothing_sent(office: Office) -> None:
    with office.desk.store.begin() as session:
        for channel, number in ((Channel.COPIED, 26), (Channel.EMAIL, 201)):
            ids = [f"{each}" for each in range(number)]
            with pytest.raises(Declined, match="too many at once"):
                sending.send(session, office.desk, office.agent, ids, channel=channel)


def test_a_channel_that_is_not_set_up_is_declined(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    settings = office.desk.settings.model_copy(update={"notify_urls": []})
    desk = Desk(office.desk.store, office.desk.vault, office.desk.app, settings)
    with desk.store.begin() as session, pytest.raises(Declined, match="not set up"):
        sending.send(session, desk, office.agent, [shop.workspace_id], channel=Channel.CHAT)


def test_a_workspace_that_is_being_disconnected_gets_no_link_and_one_that_is_paused_does(
    office: Office,
) -> None:
    never, paused, leaving = (office.shop() for _ in range(3))
    broken(office, paused, leaving)
    broken(office, never, health=Health.NOT_CONNECTED)
    office.change(tables.Connection, paused.workspace_id, paused_at=utcnow())
    office.change(tables.Connection, leaving.workspace_id, leaving_at=utcnow())
    sent = [send(office, shop, channel=Channel.COPIED)[0] for shop in (never, paused, leaving)]
    assert [one.outcome for one in sent] == [Outcome.COPIED, Outcome.COPIED, Outcome.DECLINED]
    assert "being disconnected" in sent[2].sentence
