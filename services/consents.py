"""The way to Xero and back: the OAuth2 state, good once, for one member in one browser."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.declined import Declined
from services.desk import Desk
from services.members import mask
from services.refusals import Refusal, RefusalKind, describe
from services.store import tables
from services.store.engine import utcnow
from services.xero import oauth

LIFE = timedelta(minutes=15)  # between leaving for Xero and coming back


class ForeignState(Declined):
    """A return from Xero that cannot be used and changes nothing; the text is a sentence for the screen."""

    def __init__(self, refusal: Refusal, reconnect_id: str | None = None) -> None:
        super().__init__(f"{refusal.text} {refusal.way_out}")
        self.refusal = refusal
        self.reconnect_id = reconnect_id  #: where the state was ours


@dataclass(frozen=True, slots=True)
class Return:
    """A return from Xero whose state was ours, unused and this browser's."""

    reconnect_id: str
    code_verifier: str
    left_at: datetime
    too_late: bool


def _hash(value: str) -> str:
    return sha256(value.encode()).hexdigest()


def leave(
    desk: Desk,
    session: Session,
    *,
    reconnect_id: str,
    member_email: str,
    browser: str,
    login_hint: str | None,
) -> str:
    """Write down a new way to Xero and return the address to send the browser to."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    session.add(
        tables.Consent(
            state_hash=_hash(state),
            reconnect_id=reconnect_id,
            member_email=member_email,
            browser_hash=_hash(browser),
            code_verifier=desk.vault.seal(verifier),
            expires_at=utcnow() + LIFE,
        )
    )
    return oauth.authorization_url(desk.app, state=state, code_verifier=verifier, login_hint=login_hint)


def take(desk: Desk, *, query: Mapping[str, str], member_email: str, browser: str) -> Return:
    """Use up the state that came back from Xero.

    Raises `ForeignState`, with nothing used up, for a state that is unknown, another member's,
    another browser's, or used already.
    """
    now, user = utcnow(), mask(member_email)
    with desk.store.begin() as session:
        consent = session.get(tables.Consent, _hash(query.get("state", "")), with_for_update=True)
        if consent is None:
            raise ForeignState(describe(RefusalKind.UNKNOWN_STATE, {}))
        if kind := _objection(consent, member_email, browser):
            names = {"expected_user": mask(consent.member_email), "user": user}
            if consent.taken_over_by:
                names["taken_over_by"] = mask(consent.taken_over_by)
            raise ForeignState(describe(kind, names), consent.reconnect_id)
        consent.used_at = now
        return Return(
            reconnect_id=consent.reconnect_id,
            code_verifier=desk.vault.open(consent.code_verifier),
            left_at=consent.expires_at - LIFE,
            too_late=consent.expires_at < now,
        )


def _objection(consent: tables.Consent, member_email: str, browser: str) -> RefusalKind | None:
    if consent.member_email != member_email or consent.browser_hash != _hash(browser):
        return RefusalKind.FOREIGN_STATE
    if consent.used_at is not None:
        return RefusalKind.USED_STATE
    return RefusalKind.TAKEN_OVER if consent.taken_over_by else None


def take_over(session: Session, reconnect_id: str, *, by: str) -> None:
    """Close the way back for everybody else who is at Xero with this reconnect."""
    session.execute(
        update(tables.Consent)
        .where(tables.Consent.reconnect_id == reconnect_id, tables.Consent.member_email != by)
        .where(tables.Consent.used_at.is_(None))
        .values(taken_over_by=by)
    )
