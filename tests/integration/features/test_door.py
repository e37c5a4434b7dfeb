"""The door of a reconnect link: a code to its address, one browser at a time, an answer to everything."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from services import audit, reconnects, workspaces
from services.declined import Declined
from services.desk import Desk
from services.links import door, sending
from services.links.door import Answer, Confirmed, Wrong
from services.links.link import Ended
from services.members import Permission
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Health, LinkState, Role
from tests.integration.invited import (
    age,
    ask,
    broken,
    come_in,
    confirm,
    copied,
    guest,
    links_of,
    look,
    mailed_code,
    other_code,
    send,
)
from tests.integration.office import Office, Shop


@pytest.fixture
def shop(office: Office) -> Shop:
    """A workspace whose connection is broken."""
    shop = office.shop()
    broken(office, shop)
    return shop


@pytest.fixture
def secret(office: Office, shop: Shop) -> str:
    """The secret of a link to it for its admin."""
    return copied(office, shop)


def actions(office: Office, shop: Shop) -> list[str]:
    with office.desk.store.read() as session:
        return [entry.action for entry in audit.history(session, shop.workspace_id)]


def test_looking_changes_nothing_since_mail_scanners_look_too(
    office: Office, shop: Shop, secret: str
) -> None:
    for _ in range(3):
        found = look(office, secret)
    assert (found.answer, found.address, found.workspace_id) == (Answer.ASK, "a•••@shop.example", "")
    (link,) = links_of(office, shop)
    assert (link.state, link.opened_at, link.codes_sent) == (LinkState.SENT, None, 0)


def test_asking_for_the_code_opens_the_link(office: Office, shop: Shop, secret: str) -> None:
    ask(office, secret)
    (link,) = links_of(office, shop)
    assert (link.state, link.codes_sent) == (LinkState.OPENED, 1)
    assert look(office, secret).code_until == link.code_expires_at
    assert "reconnect link opened" in actions(office, shop)


def test_the_right_code_lets_in_and_the_guest_sees_one_workspace(
    office: Office, shop: Shop, secret: str
) -> None:
    judged = come_in(office, secret, office.admin.email)
    person = guest(office, judged.guest)
    assert person is not None
    assert (person.role, person.email, person.only_workspace) == (
        Role.GUEST,
        office.admin.email,
        shop.workspace_id,
    )
    assert judged.workspace_id == shop.workspace_id
    assert 0 < judged.seconds <= timedelta(days=7).total_seconds()
    assert look(office, secret, judged.guest).answer is Answer.INSIDE
    assert "address confirmed" in actions(office, shop)
    (link,) = links_of(office, shop)
    assert judged.guest not in str(vars(link))


def test_a_code_is_good_once(office: Office, secret: str) -> None:
    ask(office, secret)
    code = mailed_code(office, office.admin.email)
    assert isinstance(confirm(office, secret, f" {code[:3]} {code[3:]} "), Confirmed)
    assert isinstance(confirm(office, secret, code), Wrong)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "१२३४५६", "\x00", "1" * 5000])
def test_what_is_no_code_counts_as_no_try(office: Office, shop: Shop, secret: str, typed: str) -> None:
    ask(office, secret)
    assert confirm(office, secret, typed) == Wrong("The code has 6 digits. Type it as it stands in the mail.")
    assert links_of(office, shop)[0].wrong_codes == 0


def test_five_wrong_codes_end_the_code_and_not_the_link(office: Office, shop: Shop, secret: str) -> None:
    ask(office, secret)
    code = mailed_code(office, office.admin.email)
    said = [confirm(office, secret, other_code(code)) for _ in range(5)]
    assert said[0] == Wrong("That is not the code. 4 tries are left.")
    assert said[3] == Wrong("That is not the code. 1 try is left.")
    assert "no longer good" in str(said[4])
    assert confirm(office, secret, code) == Wrong("That code is no longer good. Ask for a new one.")
    assert actions(office, shop).count("wrong code") == 5
    assert look(office, secret).code_until is None


def test_fifteen_wrong_codes_end_the_link_and_the_history_says_so(
    office: Office, shop: Shop, secret: str
) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _ in range(3):
            ask(office, secret)
            code = mailed_code(office, office.admin.email)
            for _ in range(5):
                confirm(office, secret, other_code(code))
            clock.shift(31)
    (link,) = links_of(office, shop)
    assert (link.state, link.ended_reason) == (LinkState.REVOKED, Ended.WRONG_CODES)
    assert "reconnect link revoked" in actions(office, shop)
    assert look(office, secret).reason == "too many wrong codes"


def test_a_code_is_good_for_a_quarter_of_an_hour(office: Office, secret: str) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        ask(office, secret)
        code = mailed_code(office, office.admin.email)
        clock.shift(15 * 60)
        assert confirm(office, secret, code) == Wrong("That code is no longer good. Ask for a new one.")


def test_a_new_code_ends_the_one_before(office: Office, secret: str) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        ask(office, secret)
        first = mailed_code(office, office.admin.email)
        clock.shift(31)
        ask(office, secret)
        second = mailed_code(office, office.admin.email)
        if first != second:
            assert isinstance(confirm(office, secret, first), Wrong)
        assert isinstance(confirm(office, secret, second), Confirmed)


def test_codes_do_not_flood_a_mailbox(office: Office, secret: str) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _ in range(5):
            ask(office, secret)
            with pytest.raises(Declined, match="ask again in 30 seconds"):
                ask(office, secret)
            clock.shift(31)
        with pytest.raises(Declined, match="Ask for another one in 60 minutes"):
            ask(office, secret)
        clock.shift(3600)
        ask(office, secret)
    assert len(office.xero.mails(office.admin.email)) <= 6


def test_the_code_goes_to_the_address_of_the_link_whoever_asks(office: Office, shop: Shop) -> None:
    secret = copied(office, shop, recipient="owner@shop.example")
    ask(office, secret)
    office.work_off()
    assert len(office.xero.mails("owner@shop.example")) == 1
    assert office.xero.mails(office.admin.email) == []


def test_without_e_mail_the_door_says_that_no_code_can_be_sent(office: Office, secret: str) -> None:
    settings = office.desk.settings.model_copy(update={"mail_url": type(office.desk.settings.mail_url)("")})
    desk = Desk(office.desk.store, office.desk.vault, office.desk.app, settings)
    with desk.store.begin() as session:
        assert not door.look(session, desk, secret, "").can_mail
        with pytest.raises(Declined, match="E-mail is not set up"):
            door.ask_code(session, desk, secret)


# Browsers


def test_confirming_elsewhere_moves_the_link_there(office: Office, secret: str) -> None:
    with time_machine.travel(utcnow(), tick=False) as clock:
        first = come_in(office, secret, office.admin.email)
        assert look(office, secret).elsewhere_since == utcnow()
        clock.shift(60)
        second = come_in(office, secret, office.admin.email)
    assert guest(office, first.guest) is None
    assert guest(office, second.guest) is not None
    with office.desk.store.read() as session:
        assert door.why_out(session, first.guest).answer is Answer.UNKNOWN


def test_who_leaves_is_out_and_the_link_stays_good(office: Office, secret: str) -> None:
    judged = come_in(office, secret, office.admin.email)
    with office.desk.store.begin() as session:
        door.leave(session, judged.guest)
    assert guest(office, judged.guest) is None
    found = look(office, secret, judged.guest)
    assert (found.answer, found.elsewhere_since) == (Answer.ASK, None)


def test_a_link_that_was_revoked_lets_its_guest_out_at_once(office: Office, shop: Shop, secret: str) -> None:
    judged = come_in(office, secret, office.admin.email)
    with office.desk.store.begin() as session:
        sending.revoke(session, office.agent, links_of(office, shop)[0].id, "Has left the company.")
    assert guest(office, judged.guest) is None
    with office.desk.store.read() as session:
        out = door.why_out(session, judged.guest)
    assert (out.answer, out.reason) == (Answer.REVOKED, "Has left the company.")


@pytest.mark.parametrize("cookie", ["", "made-up", "\x00", "x" * 9000, "\ud800"])
def test_a_made_up_cookie_is_nobody(office: Office, secret: str, cookie: str) -> None:
    come_in(office, secret, office.admin.email)
    assert guest(office, cookie) is None


# Links that lead nowhere


@pytest.mark.parametrize("made_up", ["", "guess", "\x00", "x" * 9000, "' OR 1=1 --", "\ud800"])
def test_a_guessed_secret_is_unknown(office: Office, secret: str, made_up: str) -> None:
    assert look(office, made_up).answer is Answer.UNKNOWN
    with pytest.raises(Declined):
        ask(office, made_up)
    with pytest.raises(Declined):
        confirm(office, made_up, "123456")


def test_a_link_ends_after_seven_days_even_before_the_worker_ends_it(
    office: Office, shop: Shop, secret: str
) -> None:
    judged = come_in(office, secret, office.admin.email)
    age(office, shop, timedelta(days=7))
    assert look(office, secret, judged.guest).answer is Answer.EXPIRED
    assert guest(office, judged.guest) is None
    with pytest.raises(Declined, match="Ask for a new one"):
        ask(office, secret)


def test_a_replaced_link_says_so(office: Office, shop: Shop, secret: str) -> None:
    copied(office, shop)
    assert look(office, secret).answer is Answer.REPLACED


def test_a_person_who_gives_relinks_own_words_as_reason_is_taken_at_theirs(
    office: Office, shop: Shop, secret: str
) -> None:
    with office.desk.store.begin() as session:
        sending.revoke(session, office.agent, links_of(office, shop)[0].id, str(Ended.REPAIRED))
    assert look(office, secret).answer is Answer.REVOKED


# What a guest may do


def test_a_guest_follows_the_reconnect_of_one_workspace_alone(
    office: Office, shop: Shop, secret: str
) -> None:
    other = office.shop()
    person = guest(office, come_in(office, secret, office.admin.email).guest)
    assert person is not None
    assert not person.may(Permission.SEE_WORKSPACES)
    with office.desk.store.begin() as session:
        assert workspaces.follow(session, person, shop.workspace_id).id == shop.workspace_id
        assert reconnects.start(session, person, shop.workspace_id)
        for act in (workspaces.follow, reconnects.start):
            with pytest.raises(workspaces.UnknownWorkspace):
                act(session, person, other.workspace_id)


def test_a_guest_sees_their_own_address_and_others_masked(office: Office, shop: Shop) -> None:
    login = office.grant(shop).email
    assert login is not None
    for address, shown in ((office.admin.email, None), (login, login)):
        secret = copied(office, shop, recipient=address)
        person = guest(office, come_in(office, secret, address).guest)
        assert person is not None
        with office.desk.store.read() as session:
            seen = workspaces.follow(session, person, shop.workspace_id)
        own_admin = address == office.admin.email
        assert seen.admins == ((office.admin.email,) if own_admin else ("a•••@shop.example",))
        assert seen.owner_email == "o•••@shop.example"
        assert (seen.connection.login_email == login) is (shown is not None)
        assert shown or "•••" in str(seen.connection.login_email)


def test_the_workspace_of_a_healthy_connection_gets_no_door(office: Office, shop: Shop) -> None:
    broken(office, shop, health=Health.HEALTHY)
    assert send(office, shop)[0].link_id is None
    with office.desk.store.read() as session:
        assert session.query(tables.ReconnectLink).count() == 0


def test_nobodys_mailbox_is_filled_with_codes_whatever_the_links(office: Office) -> None:
    for _ in range(door.CODES_AN_ADDRESS):
        shop = office.shop()
        broken(office, shop)
        ask(office, copied(office, shop))
    shop = office.shop()
    broken(office, shop)
    with pytest.raises(Declined, match="within the hour"):
        ask(office, copied(office, shop))


def test_a_member_who_could_not_reconnect_comes_in_as_the_guest_of_their_link(
    office: Office, shop: Shop, secret: str
) -> None:
    cookie = come_in(office, secret, office.admin.email).guest
    with office.desk.store.read() as session:
        assert door.visitor(session, office.admin, cookie) == office.admin
        as_guest = door.visitor(session, office.manager, cookie)
        assert door.visitor(session, office.manager, "") == office.manager
    assert as_guest is not None
    assert as_guest.only_workspace == shop.workspace_id
