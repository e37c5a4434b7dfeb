"""What becomes of links by themselves: authorised, verified, not needed any more, reminded once, expired."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from services import audit
from services.declined import Declined
from services.links import course, door, lists, sending
from services.links.door import Answer
from services.links.link import Ended
from services.links.lists import LinkView
from services.messages import Channel
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Health, LinkState, ReconnectState
from tests.integration.invited import (
    age,
    broken,
    come_in,
    copied,
    guest,
    links_of,
    look,
    mailed_secrets,
    send,
)
from tests.integration.office import Office, Shop
from tests.integration.trips import leave, reconnect

TWO_DAYS = timedelta(days=2, minutes=1)


def states(office: Office, shop: Shop) -> list[LinkState]:
    return [link.state for link in links_of(office, shop)]


def test_the_link_that_led_to_the_repair_is_verified_and_the_others_are_not_needed(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    owners = copied(office, shop, recipient="owner@shop.example")
    secret = copied(office, shop)
    judged = come_in(office, secret, office.admin.email)
    person = guest(office, judged.guest)
    trip = leave(office, shop, member=person)
    trip.come_back(trip.consent(), member=person)
    assert states(office, shop) == [LinkState.SENT, LinkState.AUTHORISED]
    office.work_off()
    assert office.connection(shop).health is Health.HEALTHY
    assert states(office, shop) == [LinkState.REVOKED, LinkState.VERIFIED]
    assert links_of(office, shop)[0].ended_reason == Ended.REPAIRED
    assert [look(office, other).answer for other in (owners, secret)] == [Answer.REPAIRED] * 2
    assert guest(office, judged.guest) == person, "the done page can still be read"
    with office.desk.store.read() as session:
        done = [entry.action for entry in audit.history(session, shop.workspace_id)]
    assert {"reconnect link authorised", "reconnect link verified", "reconnect link revoked"} <= set(done)


def test_an_admin_who_signs_in_instead_counts_for_their_link_too(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    copied(office, shop)
    assert reconnect(office, shop).state is ReconnectState.VERIFIED
    assert states(office, shop) == [LinkState.AUTHORISED]


def test_a_repair_from_elsewhere_ends_the_link_and_says_so(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    judged = come_in(office, copied(office, shop), office.admin.email)
    office.repair(shop)
    assert states(office, shop) == [LinkState.REVOKED]
    with office.desk.store.read() as session:
        assert door.why_out(session, judged.guest).answer is Answer.REPAIRED


def verified(office: Office, shop: Shop) -> tuple[str, str]:
    """Have a guest's link lead to the repair of a workspace; return its id and the guest's cookie."""
    broken(office, shop)
    judged = come_in(office, copied(office, shop), office.admin.email)
    (link,) = links_of(office, shop)
    with office.desk.store.begin() as session:
        course.mark_authorised(session, shop.workspace_id, office.admin.email, utcnow())
        course.mark_verified(session, shop.workspace_id, utcnow())
    return link.id, judged.guest


def test_a_verified_link_lets_its_guest_in_for_a_day_and_no_longer(office: Office) -> None:
    shop = office.shop()
    _, cookie = verified(office, shop)
    with time_machine.travel(utcnow(), tick=False) as clock:
        clock.shift(timedelta(hours=23))
        assert guest(office, cookie) is not None
        clock.shift(timedelta(hours=1, minutes=1))
        assert guest(office, cookie) is None
        assert [row.live for row in listed(office, shop)] == [False]
    with office.desk.store.read() as session:
        assert door.why_out(session, cookie).answer is Answer.REPAIRED


def test_a_verified_link_never_lets_its_guest_in_beyond_its_end(office: Office) -> None:
    shop = office.shop()
    link_id, cookie = verified(office, shop)
    soon = utcnow() + timedelta(minutes=1)
    office.change(tables.ReconnectLink, link_id, expires_at=soon)
    assert [(row.live, row.good_until) for row in listed(office, shop)] == [(True, soon)]
    with time_machine.travel(soon, tick=False):
        assert guest(office, cookie) is None


def test_a_verified_link_can_be_taken_back_while_it_lets_its_guest_in(office: Office) -> None:
    shop = office.shop()
    link_id, cookie = verified(office, shop)
    assert [row.live for row in listed(office, shop)] == [True]
    with office.desk.store.begin() as session:
        sending.revoke(session, office.agent, link_id, "Has left the company.")
    assert guest(office, cookie) is None
    with office.desk.store.begin() as session, pytest.raises(Declined, match="nothing to revoke"):
        sending.revoke(session, office.agent, link_id, "Twice.")


def listed(office: Office, shop: Shop) -> list[LinkView]:
    with office.desk.store.read() as session:
        return lists.for_workspace(session, office.agent, shop.workspace_id)


# Reminders


def test_who_has_not_opened_their_links_for_two_days_is_reminded_once_of_all(office: Office) -> None:
    first, second = office.shop(), office.shop()
    broken(office, first, second)
    send(office, first, second)
    before = mailed_secrets(office, office.admin.email)
    assert course.chase(office.desk) == 0
    for shop in (first, second):
        age(office, shop, TWO_DAYS)
    assert course.chase(office.desk) == 2
    office.work_off()
    after = mailed_secrets(office, office.admin.email)
    assert len(office.xero.mails(office.admin.email)) == 2
    assert not set(before) & set(after)
    assert {look(office, secret).answer for secret in (*before, *after)} == {Answer.ASK}
    for shop in (first, second):
        age(office, shop, TWO_DAYS)
    assert course.chase(office.desk) == 0


def opened(office: Office, shop: Shop) -> None:
    office.change(tables.ReconnectLink, links_of(office, shop)[0].id, state=LinkState.OPENED)


def works_again(office: Office, shop: Shop) -> None:
    broken(office, shop, health=Health.HEALTHY)


def paused(office: Office, shop: Shop) -> None:
    office.change(tables.Connection, shop.workspace_id, paused_at=utcnow())


def leaving(office: Office, shop: Shop) -> None:
    office.change(tables.Connection, shop.workspace_id, leaving_at=utcnow())


def expired(office: Office, shop: Shop) -> None:
    age(office, shop, timedelta(days=6))


def by_chat(office: Office, shop: Shop) -> None:
    office.change(tables.ReconnectLink, links_of(office, shop)[0].id, channel=Channel.CHAT)


def mailed_today(office: Office, shop: Shop) -> None:
    other = office.shop()
    broken(office, other)
    send(office, other)


@pytest.mark.parametrize("why", [opened, works_again, paused, leaving, expired, by_chat, mailed_today])
def test_nobody_is_reminded_needlessly(office: Office, why: object) -> None:
    shop = office.shop()
    broken(office, shop)
    send(office, shop)
    age(office, shop, TWO_DAYS)
    assert callable(why)
    why(office, shop)
    assert course.chase(office.desk) == 0
    assert links_of(office, shop)[0].chase_hash is None


def test_a_workspace_that_is_resumed_is_reminded_then(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    send(office, shop)
    age(office, shop, TWO_DAYS)
    paused(office, shop)
    assert course.chase(office.desk) == 0
    office.change(tables.Connection, shop.workspace_id, paused_at=None)
    assert course.chase(office.desk) == 1


# Expiry


def test_links_expire_after_seven_days_and_the_history_says_so(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    secret = copied(office, shop)
    assert course.expire(office.desk) == 0
    age(office, shop, timedelta(days=7, hours=1))
    assert course.expire(office.desk) == 1
    assert course.expire(office.desk) == 0
    (link,) = links_of(office, shop)
    assert (link.state, link.ended_at) == (LinkState.EXPIRED, link.expires_at)
    found = look(office, secret)
    assert (found.answer, found.since) == (Answer.EXPIRED, link.expires_at)
    with office.desk.store.read() as session:
        assert any(
            entry.action == "reconnect link expired" for entry in audit.history(session, shop.workspace_id)
        )
