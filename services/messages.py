"""Messages to people and channels: queued with the act that causes them, sent by the worker."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import courier
from services.courier import Outcome, Parcel
from services.declined import Declined
from services.desk import Desk
from services.settings import Settings
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import MessageState
from services.store.vault import Vault


class Channel(StrEnum):
    """How a message reaches whom it is for."""

    EMAIL = "e-mail"
    CHAT = "chat"
    COPIED = "copied"  #: handed over by hand, never queued


class Kind(StrEnum):
    """What a message is about."""

    LINK = "link"
    REMINDER = "reminder"
    CODE = "code"
    RUN = "retry run"


#: What Relink writes of its own accord; a code and a run's end are answers to somebody who waits for them.
UNASKED = (Kind.LINK, Kind.REMINDER)

PAUSES = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
TRIES = len(PAUSES) + 1
SILENT_AFTER = timedelta(minutes=5)  # a try that lasts longer was cut off: its worker was killed
CODE_LIFE = timedelta(minutes=15)  # a code that comes later is a riddle to whoever gets it

UNKNOWN = "It is not known whether this was sent: the try was cut off. Ask, before it is sent again."
TOO_LATE = "The code could not be sent while it was still good for something. Ask for a new one."
NOT_TAKEN = "The service that carries these messages did not take it, {} times within a quarter of an hour."
UNUSABLE = "The service that carries these messages cannot be used: whoever runs Relink has to set it up."
UNREADABLE = (
    "The mail service cannot write to an address with such characters. Hand the message over by hand."
)
OWN_FAULT = "Relink itself could not send this. Tell whoever runs Relink."

_ADDRESS = re.compile(
    r"[^\s\x00-\x1f\x7f@,;:<>\"()\[\]\\]{1,64}@[^\s\x00-\x1f\x7f@,;:<>\"()\[\]\\/?#]{1,190}"
)
_ENDED = (MessageState.SENT, MessageState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One message as a person sees it; its text is nobody's but the recipient's."""

    id: str
    kind: Kind
    channel: Channel
    recipient: str | None
    state: MessageState
    sent_at: datetime | None
    error: str | None


def channels(settings: Settings) -> tuple[Channel, ...]:
    """Return the channels that are set up; handing over by hand always is."""
    set_up = (
        (Channel.EMAIL, bool(settings.mail_url.get_secret_value())),
        (Channel.CHAT, bool(settings.notify_urls)),
        (Channel.COPIED, True),
    )
    return tuple(channel for channel, usable in set_up if usable)


def queue(
    session: Session,
    vault: Vault,
    *,
    kind: Kind,
    channel: Channel,
    recipient: str | None,
    subject: str,
    body: str,
) -> str:
    """Queue a message and return its id; the text is encrypted until it is sent, and then gone.

    `recipient` is an e-mail address, and None for the chat channels. That the channel is set up is
    for the caller to see. Raises `Declined` where an e-mail has no address that can be written to.
    """
    now = utcnow()
    message = tables.Message(
        id=new_id(),
        kind=kind,
        channel=channel,
        recipient=_address(recipient) if channel is Channel.EMAIL else None,
        subject=subject,
        body=vault.seal({"text": body, "reached": []}),
        state=MessageState.QUEUED,
        queued_at=now,
        due_at=now,
        tries=0,
    )
    session.add(message)
    session.flush()
    return message.id


def _address(recipient: str | None) -> str:
    address = (recipient or "").strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise Declined(
            "This is no e-mail address that can be written to. Correct it, or choose somebody else."
        )
    return address


def count_since(session: Session, recipient: str, kind: Kind, since: datetime) -> int:
    """Return how many messages of a kind were queued for an address since that moment."""
    message = tables.Message
    sent = select(func.count()).where(
        message.recipient == recipient, message.queued_at >= since, message.kind == kind.value
    )
    return session.scalar(sent.select_from(message)) or 0


def mailed_since(session: Session, recipient: str, since: datetime) -> datetime | None:
    """Return when Relink last wrote to this address of its own accord, or None if not since then."""
    return session.scalar(
        select(func.max(tables.Message.queued_at)).where(
            tables.Message.recipient == recipient.strip().lower(),
            tables.Message.queued_at >= since,
            tables.Message.kind.in_(UNASKED),
            tables.Message.state != MessageState.FAILED,
        )
    )


def troubles(session: Session, message_ids: Collection[str]) -> dict[str, str]:
    """Return, of the messages that were given up, why: a sentence by id."""
    given_up = session.execute(
        select(tables.Message.id, func.coalesce(tables.Message.error, OWN_FAULT)).where(
            tables.Message.id.in_(message_ids), tables.Message.state == MessageState.FAILED
        )
    )
    return dict(given_up.all())


def view(session: Session, message_id: str) -> MessageView | None:
    """Return what became of a message, or None where there is none with this id."""
    message = session.get(tables.Message, message_id)
    if message is None:
        return None
    return MessageView(
        id=message.id,
        kind=Kind(message.kind),
        channel=Channel(message.channel),
        recipient=message.recipient,
        state=message.state,
        sent_at=message.sent_at,
        error=message.error,
    )


@dataclass(slots=True)
class _Letter:
    """One message in the hands of a worker."""

    parcel: Parcel
    urls: Sequence[str]  #: of the services that are to carry it
    reached: list[str]  #: of those services, by fingerprint, that have taken it, or may have


def send(desk: Desk, message_id: str, try_: int) -> None:
    """Send a queued message; one that was being sent when its worker was killed is given up.

    Nothing is done where this try was begun already, so nobody gets a message twice by a crash.
    """
    letter = _claim(desk, message_id, try_)
    if letter is None:
        return
    outcome = _carry(letter)
    with desk.store.begin() as session:
        message = session.get_one(tables.Message, message_id, with_for_update=True)
        if message.state is MessageState.SENDING and message.tries == try_ + 1:
            _settle(message, outcome, desk.vault, letter)


def _claim(desk: Desk, message_id: str, try_: int) -> _Letter | None:
    now = utcnow()
    with desk.store.begin() as session:
        message = session.get_one(tables.Message, message_id, with_for_update=True)
        if message.state in _ENDED or message.tries != try_:
            return None
        if message.state is MessageState.SENDING:
            _give_up(message, UNKNOWN)
        elif message.kind == Kind.CODE and now - message.queued_at > CODE_LIFE:
            _give_up(message, TOO_LATE)
        else:
            letter = _open(desk, message)
            message.state, message.tries = MessageState.SENDING, try_ + 1
            message.due_at = now + SILENT_AFTER
            return letter
    return None


def _open(desk: Desk, message: tables.Message) -> _Letter:
    assert message.body is not None  # noqa: S101 - gone only when the message ended
    sealed = desk.vault.open(message.body)
    parcel = Parcel(recipient=message.recipient, subject=message.subject, body=sealed["text"])
    return _Letter(parcel, _urls(desk.settings, Channel(message.channel)), sealed["reached"])


def _urls(settings: Settings, channel: Channel) -> list[str]:
    found = [settings.mail_url] if channel is Channel.EMAIL else settings.notify_urls
    return [url.get_secret_value() for url in found if url.get_secret_value()]


def _carry(letter: _Letter) -> Outcome:
    """Hand the letter to every service that has not taken it, and return the worst that happened."""
    outcomes = [Outcome.TAKEN] if letter.urls else [Outcome.UNUSABLE]
    for url in letter.urls:
        fingerprint = hashlib.sha256(url.encode()).hexdigest()
        if fingerprint not in letter.reached:
            outcomes.append(courier.hand_over(url, letter.parcel))
            if outcomes[-1] in (Outcome.TAKEN, Outcome.UNKNOWN):
                letter.reached.append(fingerprint)
    return min(outcomes, key=_WORST_FIRST.index)


#: One channel that may work at the next try is worth it; what may have been taken is not sent again.
_WORST_FIRST = (
    Outcome.REFUSED,
    Outcome.UNKNOWN,
    Outcome.UNREADABLE,
    Outcome.UNUSABLE,
    Outcome.TAKEN,
)
_SENTENCES = {
    Outcome.UNKNOWN: UNKNOWN,
    Outcome.UNREADABLE: UNREADABLE,
    Outcome.UNUSABLE: UNUSABLE,
}


def _settle(message: tables.Message, outcome: Outcome, vault: Vault, letter: _Letter) -> None:
    if outcome is Outcome.TAKEN:
        message.state, message.sent_at, message.body = MessageState.SENT, utcnow(), None
    elif outcome is not Outcome.REFUSED:
        _give_up(message, _SENTENCES[outcome])
    elif message.tries >= TRIES:
        _give_up(message, NOT_TAKEN.format(TRIES))
    else:
        message.state = MessageState.QUEUED
        message.due_at = utcnow() + PAUSES[message.tries - 1]
        message.body = vault.seal({"text": letter.parcel.body, "reached": letter.reached})


def _give_up(message: tables.Message, why: str) -> None:
    message.state, message.error, message.body = MessageState.FAILED, why, None


def queue_stranded_again(desk: Desk, message_id: str, try_: int) -> None:
    """Queue a message again at which Relink itself failed before it was sent; in the end it is given up."""
    with desk.store.begin() as session:
        message = session.get_one(tables.Message, message_id, with_for_update=True)
        if message.state in _ENDED or message.tries != try_:
            return
        if message.state is MessageState.SENDING:
            _give_up(message, UNKNOWN)
        elif try_ + 1 >= TRIES:
            _give_up(message, OWN_FAULT)
        else:
            message.tries += 1
