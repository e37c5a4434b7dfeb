"""The way to Xero and back: the OAuth2 state, good once, for one member in one browser."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.declined import Declined
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.xero import oauth

LIFE = timedelta(minutes=15)  # between leaving for Xero and coming back


class ForeignState(Declined):
    """A return from Xero that cannot be used and changes nothing; the text is a sentence for the screen."""


@dataclass(frozen=True, slots=True)
class Return:
    """A return from Xero whose state was ours, unused and this browser's."""

    reconnect_id: str
    code_verifier: str
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
    now = utcnow()
    with desk.store.begin() as session:
        consent = session.get(tables.Consent, _hash(query.get("state", "")))
        if consent is None:
            raise ForeignState(
                "This return from Xero does not belong to a reconnect that was started here. Nothing was "
                "changed. Open the workspace and press Reconnect."
            )
        if consent.member_email != member_email or consent.browser_hash != _hash(browser):
            raise ForeignState(
                "This reconnect was started by somebody else or in another browser. Nothing was changed. "
                "Go on in that browser, or open the workspace and press Reconnect here."
            )
        used = session.execute(
            update(tables.Consent)
            .where(tables.Consent.state_hash == consent.state_hash, tables.Consent.used_at.is_(None))
            .values(used_at=now)
        )
        if used.rowcount != 1:  # type: ignore[attr-defined]
            raise ForeignState(
                "This return from Xero was used already. Nothing was changed; the workspace's page shows "
                "how the reconnect went."
            )
        return Return(
            reconnect_id=consent.reconnect_id,
            code_verifier=desk.vault.open(consent.code_verifier),
            too_late=consent.expires_at < now,
        )
