"""The door that a reconnect link opens: first a code to the address that it is bound to, then the wizard."""

from __future__ import annotations

import hmac
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services import audit, letters, members, messages
from services.declined import Declined
from services.desk import Desk
from services.links import sending
from services.links.link import Ended, end, hash_of, is_live, lets_guest_in, record
from services.members import Member, Permission, mask
from services.messages import CODE_LIFE, Channel, Kind
from services.store import tables
from services.store.engine import utcnow
from services.store.locks import lock_word
from services.store.states import LinkState, Role

CODE_DIGITS = 6
CODE_AT_MOST_EVERY = timedelta(seconds=30)
CODES_IN_A_ROW = 5  # then an hour without a new one
CODES_AGAIN_AFTER = timedelta(hours=1)
CODES_AN_ADDRESS = 10  # within that hour, whatever links they are for
TRIES_A_CODE = 5
TRIES_IN_ALL = 15  # wrong codes after which somebody is guessing
HOLDER = "whoever holds the link"  # in the history; who that is, only a right code shows


class Answer(StrEnum):
    """What the door says to whoever opens it."""

    UNKNOWN = "unknown"  #: a secret that is none, or never was
    EXPIRED = "expired"
    REPLACED = "replaced"
    REPAIRED = "repaired"  #: the connection works again; nothing to do
    REVOKED = "revoked"
    ASK = "ask"  #: the address is to be confirmed
    INSIDE = "inside"  #: it is confirmed, in this very browser


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What stands behind a secret; nothing of the workspace before the address is confirmed."""

    answer: Answer
    since: datetime | None = None  #: of an end or a repair
    reason: str | None = None  #: in the words of who took it back
    address: str = ""  #: masked
    code_until: datetime | None = None  #: of a code that is still to be entered
    elsewhere_since: datetime | None = None  #: it is in use in another browser
    can_mail: bool = True
    workspace_id: str = ""  #: only inside


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The address was confirmed: the secret for this browser's cookie, good until the link's end."""

    guest: str
    seconds: int
    workspace_id: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """It was not; the sentence says what to do."""

    sentence: str


def look(session: Session, desk: Desk, secret: str, guest: str) -> Door:
    """Return what to say to a browser that holds this secret, and perhaps the cookie of a guest.

    Changes nothing: mail scanners follow links, too.
    """
    link, now = _find(session, secret), utcnow()
    if link is None:
        return Door(answer=Answer.UNKNOWN)
    if guest and _is_guest(link, guest, now):
        return Door(answer=Answer.INSIDE, workspace_id=link.workspace_id)
    if not is_live(link, now):
        return _ended(link)
    waits = link.code_hash is not None and link.code_expires_at is not None and link.code_expires_at > now
    return Door(
        answer=Answer.ASK,
        address=mask(link.email),
        code_until=link.code_expires_at if waits else None,
        elsewhere_since=link.guest_since if link.guest_hash else None,
        can_mail=Channel.EMAIL in messages.channels(desk.settings),
    )


def _find(session: Session, secret: str, *, lock: bool = False) -> tables.ReconnectLink | None:
    if not secret:
        return None
    kept = hash_of(secret)
    query = select(tables.ReconnectLink).where(
        or_(tables.ReconnectLink.secret_hash == kept, tables.ReconnectLink.chase_hash == kept)
    )
    return session.scalar(query.with_for_update() if lock else query)


def _is_guest(link: tables.ReconnectLink, guest: str, now: datetime) -> bool:
    """Say whether the cookie is that of the one browser, and still lets it in."""
    kept = link.guest_hash or ""
    return lets_guest_in(link, now) and hmac.compare_digest(kept, hash_of(guest))


_BY_ITSELF: Mapping[str, Answer] = {Ended.REPLACED: Answer.REPLACED, Ended.REPAIRED: Answer.REPAIRED}


def _ended(link: tables.ReconnectLink) -> Door:
    if link.state is LinkState.VERIFIED:
        return Door(answer=Answer.REPAIRED, since=link.verified_at)
    if link.state is not LinkState.REVOKED:
        return Door(answer=Answer.EXPIRED, since=link.expires_at)
    by_itself = _BY_ITSELF.get(link.ended_reason or "") if link.ended_by == audit.SYSTEM else None
    return Door(answer=by_itself or Answer.REVOKED, since=link.ended_at, reason=link.ended_reason)


def ask_code(session: Session, desk: Desk, secret: str) -> None:
    """Send a fresh code to the link's address; from the first one on, the link counts as opened.

    Raises `Declined`: the link has ended, e-mail is not set up, or it is too soon for another code.
    """
    link, now = _live(session, secret), utcnow()
    if Channel.EMAIL not in messages.channels(desk.settings):
        raise Declined("E-mail is not set up here, so no code can be sent. Tell whoever sent you the link.")
    _refuse_haste(link, now)
    _refuse_flood(session, link.email, now)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    link.code_hash, link.code_expires_at = _code_hash(desk, link, code), now + CODE_LIFE
    link.code_tries, link.codes_sent = 0, link.codes_sent + 1
    letter = letters.confirm(code, minutes=int(CODE_LIFE.total_seconds() // 60))
    sending.queue_letter(session, desk, Kind.CODE, Channel.EMAIL, link.email, letter)
    if link.state is LinkState.SENT:
        link.state, link.opened_at = LinkState.OPENED, now
        record(session, link, "reconnect link opened", "was opened", actor=HOLDER, now=now)


def _live(session: Session, secret: str) -> tables.ReconnectLink:
    """Return a live link, locked. Raises `Declined` for any other."""
    link = _find(session, secret, lock=True)
    if link is None or not is_live(link, utcnow()):
        raise Declined("This link leads nowhere any more. Ask for a new one.")
    return link


def _refuse_haste(link: tables.ReconnectLink, now: datetime) -> None:
    if link.code_expires_at is None:
        return
    passed = now - (link.code_expires_at - CODE_LIFE)
    if passed < CODE_AT_MOST_EVERY:
        left = math.ceil((CODE_AT_MOST_EVERY - passed).total_seconds())
        raise Declined(f"A code was sent just now. Look into the mailbox, or ask again in {left} seconds.")
    if link.codes_sent >= CODES_IN_A_ROW and passed < CODES_AGAIN_AFTER:
        left = math.ceil((CODES_AGAIN_AFTER - passed).total_seconds() / 60)
        raise Declined(f"{CODES_IN_A_ROW} codes were sent. Ask for another one in {left} minutes.")
    if link.codes_sent >= CODES_IN_A_ROW:
        link.codes_sent = 0


def _refuse_flood(session: Session, email: str, now: datetime) -> None:
    """Raise when an address was sent many codes lately, by whatever links: nobody's mailbox is filled."""
    lock_word(session, f"codes to {email}")
    if messages.count_since(session, email, Kind.CODE, now - CODES_AGAIN_AFTER) >= CODES_AN_ADDRESS:
        raise Declined(
            f"{CODES_AN_ADDRESS} codes were sent to this address within the hour. Ask for another one later."
        )


def _code_hash(desk: Desk, link: tables.ReconnectLink, code: str) -> str:
    # Six digits alone could be found from their hash; without the key they cannot.
    key = desk.settings.cookie_secret.get_secret_value().encode()
    return hmac.digest(key, f"{link.id} {code}".encode(), "sha256").hex()


def confirm(session: Session, desk: Desk, secret: str, typed: str) -> Confirmed | Wrong:
    """Judge a code that was typed: the right one lets this browser in, and any earlier one out.

    Five wrong ones end the code, fifteen in all the link. Raises `Declined` for a link that has ended.
    """
    link, now, code = _live(session, secret), utcnow(), "".join(typed.split())
    if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
        return Wrong(f"The code has {CODE_DIGITS} digits. Type it as it stands in the mail.")
    if link.code_hash is None or link.code_expires_at is None or link.code_expires_at <= now:
        return Wrong("That code is no longer good. Ask for a new one.")
    if not hmac.compare_digest(link.code_hash, _code_hash(desk, link, code)):
        return _count_wrong(session, link, now)
    return _let_in(session, link, now)


def _count_wrong(session: Session, link: tables.ReconnectLink, now: datetime) -> Wrong:
    link.code_tries, link.wrong_codes = link.code_tries + 1, link.wrong_codes + 1
    record(session, link, "wrong code", "was tried with a wrong code", actor=HOLDER, now=now)
    if link.wrong_codes >= TRIES_IN_ALL:
        end(session, link, Ended.WRONG_CODES, now=now)
        return Wrong("Too many wrong codes: the link was revoked.")
    left = TRIES_A_CODE - link.code_tries
    if not left:
        link.code_hash = None
        return Wrong("That was the fifth wrong code, so this code is no longer good. Ask for a new one.")
    return Wrong(f"That is not the code. {left} {'try is' if left == 1 else 'tries are'} left.")


def _let_in(session: Session, link: tables.ReconnectLink, now: datetime) -> Confirmed:
    guest = secrets.token_urlsafe(32)
    what = "was confirmed in another browser; the first one is out" if link.guest_hash else "was confirmed"
    link.guest_hash, link.guest_since = hash_of(guest), now
    link.code_hash, link.code_tries = None, 0
    record(session, link, "address confirmed", what, actor=mask(link.email), now=now)
    return Confirmed(guest, int((link.expires_at - now).total_seconds()), link.workspace_id)


def guest(session: Session, cookie: str) -> Member | None:
    """Return the guest whose browser holds this cookie, or None once the link has ended or moved on."""
    link = _of_guest(session, cookie)
    if link is None or not _is_guest(link, cookie, utcnow()):
        return None
    return Member(link.email, link.email.partition("@")[0], Role.GUEST, link.workspace_id)


def visitor(session: Session, member: Member | None, cookie: str) -> Member | None:
    """Return who a browser is that may have both a sign-in and a link guest's cookie.

    The member, but for one who could not reconnect the workspace of the link they confirmed.
    """
    came = guest(session, cookie)
    if member is None or came is None:
        return member or came
    return member if members.can(session, member, Permission.RECONNECT, came.only_workspace) else came


def _of_guest(session: Session, cookie: str, *, lock: bool = False) -> tables.ReconnectLink | None:
    query = select(tables.ReconnectLink).where(tables.ReconnectLink.guest_hash == hash_of(cookie))
    return session.scalar(query.with_for_update() if lock else query) if cookie else None


def why_out(session: Session, cookie: str) -> Door:
    """Return why this cookie lets nobody in any more; unknown where the link moved to another browser."""
    link = _of_guest(session, cookie)
    return Door(answer=Answer.UNKNOWN) if link is None else _ended(link)


def leave(session: Session, cookie: str) -> None:
    """End the guest's session in this browser; the link stays good."""
    link = _of_guest(session, cookie, lock=True)
    if link is not None:
        link.guest_hash = link.guest_since = None
        record(session, link, "guest left", "was left", actor=mask(link.email), now=utcnow())
