"""Whether a call may reach an organisation: token, scope, connection and role."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from starlette.requests import Request

from services.sandbox import problems
from services.sandbox.models import CONNECTING_ROLES, AccessToken, Connection, Organisation, Role
from services.sandbox.store import now


@dataclass(frozen=True, slots=True)
class Access:
    """A call that was let through: which app, for which user, to which organisation."""

    client_id: str
    user_id: str
    organisation: Organisation
    scopes: frozenset[str]


def digest(token: str) -> str:
    """Return the form in which tokens are kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_token(session: Session, authorization: str | None) -> AccessToken | None:
    """Look up the token of an `Authorization` header, expired or not; `None` if it is not ours."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer":
        return None
    return session.get(AccessToken, digest(token.strip()))


def authenticate(session: Session, request: Request) -> AccessToken:
    """Return the call's live access token or raise the 401 that Xero answers."""
    token = find_token(session, request.headers.get("authorization"))
    if token is None:
        raise problems.unknown_token()
    if token.expires_at <= now(session):
        raise problems.token_expired(f"{token.expires_at:%m/%d/%Y %H:%M:%S}")
    return token


def visible_connections(client_id: str, user_id: str) -> Select[Connection, Organisation]:
    """Select the connections that work: not disconnected, and the user still has a connecting role."""
    return (
        select(Connection, Organisation)
        .join(Organisation, Organisation.id == Connection.organisation_id)
        .join(
            Role,
            (Role.organisation_id == Connection.organisation_id) & (Role.user_id == Connection.user_id),
        )
        .where(
            Connection.client_id == client_id,
            Connection.user_id == user_id,
            Connection.disconnected_at.is_(None),
            Role.name.in_(CONNECTING_ROLES),
        )
        .order_by(Connection.created_at, Connection.id)
    )


def authorise(session: Session, request: Request, *, scope: tuple[str, ...]) -> Access:
    """Let a call through to the organisation named by its `xero-tenant-id` header.

    `scope` holds the scopes of which the token needs any one. Raises `XeroProblem` (401 token, 401
    scope, 403 organisation not connected or role lost) or `PlainProblem` (503 organisation offline).
    """
    token = authenticate(session, request)
    if not set(scope) & set(token.scopes):
        raise problems.missing_scope()
    tenant_id = request.headers.get("xero-tenant-id", "").lower()
    reachable = visible_connections(token.client_id, token.user_id).where(Organisation.id == tenant_id)
    found = session.execute(reachable).first()
    if found is None:
        raise problems.not_connected()
    organisation = found[1]
    if organisation.status == "offline":
        raise problems.organisation_offline()
    return Access(token.client_id, token.user_id, organisation, frozenset(token.scopes))
