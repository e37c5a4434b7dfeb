"""Messages: sent once, word for word, and read by nobody but whom they are for."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from services import messages
from services.declined import Declined
from services.messages import Channel, Kind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import MessageState
from tests.integration.features.letterbox import (
    ANNA,
    BEN,
    BODY,
    SECRET,
    SUBJECT,
    channel_url,
    configured,
    queue,
    seen,
    stored,
)
from tests.integration.office import Office
from tests.integration.sandbox.driver import CHAT, Driver, Mail
from tests.integration.work import work_off

# What is sent


def test_a_message_is_sent_once_word_for_word(office: Office) -> None:
    message_id = queue(office, " Anna@Shop.example ")
    assert seen(office, message_id).state is MessageState.QUEUED
    assert office.work_off() == 1
    assert office.work_off(ahead=timedelta(days=1)) == 0
    assert office.xero.mails(ANNA) == [Mail(SUBJECT, BODY)]
    sent = seen(office, message_id)
    assert (sent.kind, sent.channel, sent.recipient) == (Kind.LINK, Channel.EMAIL, ANNA)
    assert (sent.state, sent.error) == (MessageState.SENT, None)
    assert sent.sent_at is not None


def test_a_message_to_the_channel_reaches_the_channel_alone(office: Office) -> None:
    queue(office, None, channel=Channel.CHAT)
    office.work_off()
    assert office.xero.mails(CHAT) == [Mail(SUBJECT, BODY)]
    assert office.xero.mails(ANNA) == []


def test_an_act_that_is_rolled_back_sends_nothing(office: Office) -> None:
    def act_and_fail() -> None:
        with office.desk.store.begin() as session:
            messages.queue(
                session,
                office.desk.vault,
                kind=Kind.LINK,
                channel=Channel.EMAIL,
                recipient=ANNA,
                subject=SUBJECT,
                body=BODY,
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act_and_fail()
    assert office.work_off() == 0


@pytest.mark.parametrize(
    "address",
    [
        "anna+xero@shop.example",
        "100%@shop.example",
        "a/b#c?d=e&f@shop.example",
    ],
)
def test_unusual_addresses_get_their_own_mail(office: Office, address: str) -> None:
    message_id = queue(office, address)
    office.work_off()
    assert seen(office, message_id).state is MessageState.SENT
    assert office.xero.mails(address) == [Mail(SUBJECT, BODY)]


def test_a_mail_that_its_service_would_take_to_somebody_else_is_not_sent(office: Office) -> None:
    message_id = queue(office, "o'brien@shop.example")
    office.work_off()
    assert (seen(office, message_id).state, seen(office, message_id).error) == (
        MessageState.FAILED,
        messages.UNREADABLE,
    )
    assert office.xero.mails("o'brien@shop.example") == office.xero.mails("brien@shop.example") == []


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "anna",
        "anna@",
        "@shop.example",
        "anna@shop.example, ben@shop.example",
        "anna@shop.example;ben@shop.example",
        "Anna <anna@shop.example>",
        "anna@shop.example\nBcc: ben@shop.example",
        "anna@shop.example\rben",
        "an\0na@shop.example",
        "anna@shop.example/?to=ben@shop.example",
        "anna@shop.example?cc=ben",
        f"{'a' * 65}@shop.example",
    ],
)
def test_what_is_no_single_address_is_declined(office: Office, address: str | None) -> None:
    with pytest.raises(Declined, match="no e-mail address"):
        queue(office, address)
    assert office.work_off() == 0


# Secrets


def test_its_text_is_encrypted_while_it_waits_and_gone_afterwards(office: Office) -> None:
    sent, failed = queue(office), queue(office, BEN)
    assert_unreadable(office)
    assert stored(office, sent).body is not None
    office.xero.mail_fails(BEN, times=4, status=503)
    office.work_off()
    assert_unreadable(office)
    assert stored(office, failed).body is not None
    office.work_off(ahead=timedelta(hours=1))
    assert_unreadable(office)
    assert stored(office, sent).body is stored(office, failed).body is None


def assert_unreadable(office: Office) -> None:
    """Look for the secret in everything that the store holds."""
    with office.desk.store.read() as session:
        assert SECRET not in str(session.execute(text("select * from messages")).all())
    path = make_url(str(office.desk.store.engine.url)).database
    if office.desk.store.engine.dialect.name == "sqlite" and path is not None:
        for file in Path(path).parent.glob(f"{Path(path).name}*"):
            assert SECRET.encode() not in file.read_bytes()


def test_no_log_tells_a_text_an_address_or_a_channel(
    office: Office, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    unusable = SecretStr("nosuch://user:a-password@mail.example/{to}")
    queue(office)
    queue(office, None, channel=Channel.CHAT)
    office.work_off()
    office.xero.mail_fails(BEN, status=503, body=BODY)
    office.xero.mail_fails(BEN, reset="before")
    for _ in range(2):
        queue(office, BEN)
    office.work_off()
    queue(office)
    work_off(configured(office, mail_url=unusable))
    told = caplog.text + "".join(capfd.readouterr())
    for secret in (SECRET, ANNA, BEN, "/mail/", "json://", "a-password", "nosuch"):
        assert secret not in told


# What is set up


def test_only_what_is_set_up_can_be_chosen_and_copying_always(office: Office) -> None:
    none = SecretStr("")
    for mail, chat, expected in (
        (True, True, (Channel.EMAIL, Channel.CHAT, Channel.COPIED)),
        (True, False, (Channel.EMAIL, Channel.COPIED)),
        (False, True, (Channel.CHAT, Channel.COPIED)),
        (False, False, (Channel.COPIED,)),
    ):
        given = office.desk.settings
        changed = {} if mail else {"mail_url": none}
        settings = given.model_copy(update={**changed, "notify_urls": given.notify_urls if chat else []})
        assert messages.channels(settings) == expected


@pytest.mark.parametrize("url", ["", "nosuch://mail.example/{to}", "mailto://{to}"])
def test_a_service_that_cannot_be_used_is_said_at_once(office: Office, url: str) -> None:
    message_id = queue(office)
    work_off(configured(office, mail_url=SecretStr(url)))
    assert (seen(office, message_id).state, seen(office, message_id).error) == (
        MessageState.FAILED,
        messages.UNUSABLE,
    )


def test_of_several_channels_only_the_one_that_failed_is_tried_again(office: Office) -> None:
    good, bad = channel_url(office, "good"), channel_url(office, "bad")
    desk = configured(office, notify_urls=[bad, good])
    office.xero.mail_fails("bad", times=2, status=503)
    message_id = queue(office, None, channel=Channel.CHAT)
    work_off(desk)
    assert came(office.xero, "good", "bad") == (1, 0)
    work_off(desk, ahead=timedelta(minutes=3))
    assert came(office.xero, "good", "bad") == (1, 1)
    assert seen(office, message_id).state is MessageState.SENT


def came(xero: Driver, *names: str) -> tuple[int, ...]:
    return tuple(len(xero.mails(name)) for name in names)


# When somebody was last written to


def test_when_relink_last_wrote_of_its_own_accord(office: Office) -> None:
    since = utcnow() - timedelta(hours=1)

    def last() -> object:
        with office.desk.store.read() as session:
            return messages.mailed_since(session, "Anna@shop.example", since)

    assert last() is None
    queue(office, BEN)
    queue(office, kind=Kind.CODE)
    office.change(tables.Message, queue(office), queued_at=since - timedelta(seconds=1))
    office.change(tables.Message, queue(office, kind=Kind.REMINDER), state=MessageState.FAILED)
    assert last() is None
    link = queue(office)
    assert last() == stored(office, link).queued_at
    office.work_off()
    assert last() == stored(office, link).queued_at
    reminder = queue(office, kind=Kind.REMINDER)
    assert last() == stored(office, reminder).queued_at


def test_a_message_that_does_not_exist_has_no_status(office: Office) -> None:
    with office.desk.store.read() as session:
        assert messages.view(session, "no-such-message") is None
