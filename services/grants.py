"""Grants: one token family a Xero user, refreshed by one caller at a time, whoever asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from services import notices, pausing
from services.desk import Desk
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import ReconnectState
from services.store.vault import Vault
from services.xero import oauth
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet

REFRESH_BEFORE = timedelta(minutes=5)  # a sync must not outlive its access token
LEASE = timedelta(seconds=60)  # longer than the token endpoint's timeout; then the next caller takes over
EXPIRED = "The login with Xero has expired or was revoked."
REPLACED = "The workspace was taken off this login, or put on another one, at this very moment."
POLL_SECONDS = 0.05  # how often a caller looks whether the other's refresh is done
LEFT_OVER_AFTER = timedelta(days=1)
IDLE_LIFE = timedelta(days=60)  # Xero: an unused refresh token ends


@dataclass(frozen=True, slots=True)
class _Held:
    """What the store holds of a grant at one moment."""

    id: str
    version: int
    access_token: str
    refresh_token: str
    expires_at: datetime


def keep(session: Session, vault: Vault, tokens: TokenSet) -> str:
    """Store a Xero user's new consent and return the grant's id; the user's old tokens are replaced.

    Xero gives tokens to a user, not to an organisation, so there is one grant for each Xero user.
    """
    grant = _of_user(session, tokens.xero_user_id)
    if grant is None:
        grant = tables.Grant(id=new_id(), xero_user_id=tokens.xero_user_id, version=0)
        session.add(grant)
    elif grant.dead_since is None and tokens.expires_at < grant.expires_at:
        return grant.id  # another consent, or a refresh, came later: Xero may have ended these
    grant.email = tokens.email or grant.email
    grant.full_name = tokens.full_name or grant.full_name
    grant.scopes = sorted(tokens.scopes)
    grant.version += 1
    grant.dead_since = None
    _store(session, grant, vault, tokens)
    session.flush()
    return grant.id


def renew(session: Session, vault: Vault, tokens: TokenSet) -> None:
    """Store a new consent of a Xero user whose grant lives; anybody else's is not kept.

    A consent ends the tokens of the user's earlier one, so not even a refused one may be lost: other
    workspaces stand on the same grant.
    """
    grant = _of_user(session, tokens.xero_user_id)
    if grant is not None and grant.dead_since is None:
        keep(session, vault, tokens)


def is_dead(session: Session, xero_user_id: str) -> bool:
    """Say whether this Xero user's login is known and has expired."""
    grant = _of_user(session, xero_user_id)
    return grant is not None and grant.dead_since is not None


def forget_unused(session: Session, grant_id: str) -> None:
    """Delete a grant with its tokens unless a connection stands on it, or may by the choice of a person."""
    stands = select(tables.Connection.workspace_id).where(tables.Connection.grant_id == grant_id).limit(1)
    offered = select(tables.Reconnect.detail).where(tables.Reconnect.state == ReconnectState.RETURNED)
    grant = session.get(tables.Grant, grant_id, with_for_update=True)
    if grant is None or session.scalar(stands) is not None:
        return
    if grant_id not in {detail.get("grant") for detail in session.scalars(offered)}:
        session.delete(grant)


def forget_left_over(desk: Desk) -> int:
    """Forget the logins on which nothing stands a day after they were given; return how many were looked at.

    Those are what a person never chose from, or what a crash left.
    """
    stands = select(tables.Connection.grant_id).where(tables.Connection.grant_id == tables.Grant.id)
    old = tables.Grant.last_used_at < utcnow() - LEFT_OVER_AFTER
    with desk.store.begin() as session:
        found = session.scalars(select(tables.Grant.id).where(old, ~stands.exists())).all()
        for grant_id in found:
            forget_unused(session, grant_id)
    return len(found)


def _of_user(session: Session, xero_user_id: str) -> tables.Grant | None:
    return session.scalar(
        select(tables.Grant).where(tables.Grant.xero_user_id == xero_user_id).with_for_update()
    )


def _store(session: Session, grant: tables.Grant, vault: Vault, tokens: TokenSet) -> None:
    grant.tokens = vault.seal([tokens.access_token, tokens.refresh_token])
    grant.expires_at = tokens.expires_at
    grant.last_used_at = utcnow()
    grant.lease_owner = grant.lease_until = None
    notices.clear(session, notices.APP_MISCONFIGURED)  # Xero gave tokens, so it accepts our app


def access_token(desk: Desk, grant_id: str, rejected: str | None = None) -> str:
    """Return an access token good for five minutes or more, refreshing it if need be.

    However many threads, processes and machines ask at once, one of them refreshes and the others
    wait for it. `rejected` is a token that Xero just refused as expired: it is not returned again.
    Raises `XeroError`: `LOGIN_EXPIRED` when only a person can help, others when Xero did not answer.
    """
    while True:
        held = _read(desk, grant_id)
        if held.access_token != rejected and held.expires_at - utcnow() > REFRESH_BEFORE:
            return held.access_token
        owner = _take_lease(desk, held)
        if owner is not None:
            return _refresh(desk, held, owner)
        time.sleep(POLL_SECONDS)


def _read(desk: Desk, grant_id: str) -> _Held:
    with desk.store.read() as session:
        grant = session.get(tables.Grant, grant_id)
        if grant is None:
            raise XeroError(fault=Fault.UNAVAILABLE, detail=REPLACED)
        if grant.dead_since is not None:
            raise XeroError(fault=Fault.LOGIN_EXPIRED, status=400, detail=EXPIRED)
        access, refresh = desk.vault.open(grant.tokens)
        return _Held(grant.id, grant.version, access, refresh, grant.expires_at)


def _take_lease(desk: Desk, held: _Held) -> str | None:
    owner, now = uuid4().hex, utcnow()
    free = or_(tables.Grant.lease_until.is_(None), tables.Grant.lease_until < now)
    with desk.store.begin() as session:
        taken = session.execute(
            update(tables.Grant)
            .where(tables.Grant.id == held.id, tables.Grant.version == held.version, free)
            .values(lease_owner=owner, lease_until=now + LEASE)
        )
    return owner if taken.rowcount == 1 else None  # type: ignore[attr-defined]


def _refresh(desk: Desk, held: _Held, owner: str) -> str:
    # A crash between Xero's answer and our save leaves the old token in place: Xero accepts it
    # once more for 30 minutes, and the lease lets the next caller try after it has run out.
    try:
        tokens = oauth.refresh(desk.app, held.refresh_token)
    except XeroError as error:
        _give_up(desk, held, owner, dead=error.fault is Fault.LOGIN_EXPIRED)
        raise
    with desk.store.begin() as session:
        grant = session.get(tables.Grant, held.id, with_for_update=True)
        if grant is not None and grant.version == held.version:
            grant.version += 1
            _store(session, grant, desk.vault, tokens)
    return tokens.access_token


def _give_up(desk: Desk, held: _Held, owner: str, *, dead: bool) -> None:
    # Where a new consent arrived meanwhile the version moved on and this changes nothing.
    with desk.store.begin() as session:
        session.execute(
            update(tables.Grant)
            .where(tables.Grant.id == held.id, tables.Grant.version == held.version)
            .where(tables.Grant.lease_owner == owner)
            .values(lease_owner=None, lease_until=None, dead_since=utcnow() if dead else None)
        )


def idle_since(session: Session, before: datetime, *, at_most: int) -> list[tuple[str, datetime]]:
    """Return the living grants last refreshed before that moment, and when that was, oldest first.

    Left out are those that stand behind no connection on which Relink may act by itself.
    """
    wanted = select(tables.Connection.workspace_id).where(
        tables.Connection.grant_id == tables.Grant.id, pausing.by_itself()
    )
    rows = session.execute(
        select(tables.Grant.id, tables.Grant.last_used_at)
        .where(tables.Grant.last_used_at < before, tables.Grant.dead_since.is_(None), wanted.exists())
        .order_by(tables.Grant.last_used_at)
        .limit(at_most)
    )
    return [(grant_id, last_used_at) for grant_id, last_used_at in rows]


def expires_at(last_used_at: datetime | None, dead_since: datetime | None) -> datetime | None:
    """Return when Xero ends a login unless it is used before; None where there is none or it has ended."""
    return None if last_used_at is None or dead_since is not None else last_used_at + IDLE_LIFE
