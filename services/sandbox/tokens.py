"""Consents and the tokens that descend from them: issue, rotate, expire, revoke."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from services.sandbox.access import digest
from services.sandbox.models import AccessToken, Connection, Consent, RefreshToken, User, new_id
from services.sandbox.signing import at_hash, sign
from services.sandbox.store import now

ACCESS_SECONDS = 30 * 60
ID_TOKEN_SECONDS = 5 * 60
#: A refresh token dies when it is not used for this long.
IDLE = timedelta(days=60)
#: A used refresh token still works this long after its first use (Xero FAQ, oauth2).
GRACE = timedelta(minutes=30)


class OAuthError(Exception):
    """A refusal of the token endpoint; `code` is its whole body's `error`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Authentication:
    """What tokens are issued for: a consent as it came out of one authentication event."""

    issuer: str
    consent: Consent
    authentication_event_id: str
    nonce: str | None = None


def give_consent(
    session: Session, client_id: str, user_id: str, organisation_ids: list[str], scopes: list[str]
) -> str:
    """Record a consent and the connections chosen in it; returns its authentication event id.

    A repeated consent adds its scopes to the earlier ones and renews the chosen connections.
    """
    consent = find_consent(session, client_id, user_id) or Consent(client_id=client_id, user_id=user_id)
    consent.scopes = sorted({*(consent.scopes or ()), *scopes})
    consent.given_at = now(session)
    session.add(consent)
    event_id = new_id()
    for organisation_id in organisation_ids:
        _connect(session, consent, organisation_id, event_id)
    session.flush()
    return event_id


def find_consent(session: Session, client_id: str, user_id: str) -> Consent | None:
    """Return the user's standing consent to the app."""
    return session.scalar(select(Consent).filter_by(client_id=client_id, user_id=user_id))


def exchange(session: Session, authentication: Authentication) -> dict[str, Any]:
    """Issue the first tokens after a consent; earlier refresh tokens enter their grace period."""
    unused = update(RefreshToken).filter_by(consent_id=authentication.consent.id, first_used_at=None)
    session.execute(unused.values(first_used_at=now(session)))
    return _issue(session, authentication)


def rotate(session: Session, issuer: str, client_id: str, refresh_token: str) -> dict[str, Any]:
    """Exchange a refresh token for new tokens of the same consent; raises `OAuthError`."""
    found = session.get(RefreshToken, digest(refresh_token))
    if found is None or not _is_usable(found, now(session)):
        raise OAuthError("invalid_grant")
    consent = session.get_one(Consent, found.consent_id)
    if consent.client_id != client_id:
        raise OAuthError("invalid_grant")
    found.first_used_at = found.first_used_at or now(session)
    return _issue(session, Authentication(issuer, consent, found.authentication_event_id))


def expire_logins(session: Session, user_id: str) -> None:
    """End every token of the user as if its time were up; connections stay listed."""
    owned = select(Consent.id).filter_by(user_id=user_id)
    session.execute(delete(RefreshToken).where(RefreshToken.consent_id.in_(owned)))
    live = AccessToken.user_id == user_id, AccessToken.expires_at > now(session)
    session.execute(update(AccessToken).where(*live).values(expires_at=now(session)))


def revoke(session: Session, consent: Consent) -> None:
    """Forget the consent, its tokens and all its connections, as the revocation endpoint does."""
    for table in (RefreshToken, AccessToken):
        session.execute(delete(table).where(table.consent_id == consent.id))
    theirs = update(Connection).filter_by(client_id=consent.client_id, user_id=consent.user_id)
    session.execute(theirs.values(disconnected_at=now(session)))
    session.delete(consent)


def remove_scope(session: Session, user_id: str, scope: str) -> None:
    """Take a scope out of the user's consents and of the tokens already issued."""
    for consent in session.scalars(select(Consent).filter_by(user_id=user_id)):
        consent.scopes = [kept for kept in consent.scopes if kept != scope]
    for token in session.scalars(select(AccessToken).filter_by(user_id=user_id)):
        token.scopes = [kept for kept in token.scopes if kept != scope]


def _issue(session: Session, authentication: Authentication) -> dict[str, Any]:
    scopes = authentication.consent.scopes
    access_token = _access_token(session, authentication)
    response: dict[str, Any] = {
        "access_token": access_token,
        "expires_in": ACCESS_SECONDS,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
    }
    if "openid" in scopes:
        response = {"id_token": _id_token(session, authentication, access_token), **response}
    if "offline_access" in scopes:
        response["refresh_token"] = _refresh_token(session, authentication)
    return response


def _connect(session: Session, consent: Consent, organisation_id: str, event_id: str) -> None:
    key = {
        "client_id": consent.client_id,
        "user_id": consent.user_id,
        "organisation_id": organisation_id,
    }
    at = now(session)
    found = session.scalar(select(Connection).filter_by(**key))
    connection = found or Connection(**key, created_at=at)
    connection.auth_event_id = event_id
    connection.updated_at = at
    connection.disconnected_at = None
    session.add(connection)


def _is_usable(token: RefreshToken, at: datetime) -> bool:
    within_grace = token.first_used_at is None or at < token.first_used_at + GRACE
    return within_grace and at < token.expires_at


def _access_token(session: Session, authentication: Authentication) -> str:
    consent = authentication.consent
    claims = _claims(authentication, ACCESS_SECONDS) | {
        "aud": "https://identity.xero.com/resources",
        "client_id": consent.client_id,
        "jti": secrets.token_hex(16),
        "scope": list(consent.scopes),
        "authentication_event_id": authentication.authentication_event_id,
    }
    token = sign(session, claims)
    session.add(
        AccessToken(
            digest=digest(token),
            consent_id=consent.id,
            client_id=consent.client_id,
            user_id=consent.user_id,
            scopes=list(consent.scopes),
            expires_at=now(session) + timedelta(seconds=ACCESS_SECONDS),
        )
    )
    return token


def _id_token(session: Session, authentication: Authentication, access_token: str) -> str:
    user = session.get_one(User, authentication.consent.user_id)
    claims = _claims(authentication, ID_TOKEN_SECONDS) | {
        "aud": authentication.consent.client_id,
        "at_hash": at_hash(access_token),
        "preferred_username": user.email,
        "email": user.email,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "name": user.name,
    }
    if authentication.nonce is not None:
        claims["nonce"] = authentication.nonce
    return sign(session, claims)


def _claims(authentication: Authentication, seconds: int) -> dict[str, Any]:
    # Timed by the wall clock: moving the sandbox's clock does not move that of whoever reads the token.
    issued_at = int(datetime.now(UTC).timestamp())
    session_id = authentication.consent.id.replace("-", "")
    return {
        "iss": authentication.issuer,
        "sub": authentication.consent.user_id.replace("-", ""),
        "nbf": issued_at,
        "iat": issued_at,
        "exp": issued_at + seconds,
        "auth_time": int(authentication.consent.given_at.timestamp()),
        "sid": session_id,
        "global_session_id": session_id,
        "xero_userid": authentication.consent.user_id,
    }


def _refresh_token(session: Session, authentication: Authentication) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        RefreshToken(
            digest=digest(token),
            consent_id=authentication.consent.id,
            authentication_event_id=authentication.authentication_event_id,
            expires_at=now(session) + IDLE,
        )
    )
    return token
