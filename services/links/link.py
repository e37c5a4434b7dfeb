"""What a reconnect link is: seven days into one workspace's wizard, and how that ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import audit
from services.members import mask
from services.store import tables
from services.store.engine import utcnow
from services.store.states import LINK_LIVE, NEEDS_RECONNECT, Health, LinkState

LIFE = timedelta(days=7)
READ_AFTERWARDS = timedelta(hours=24)  # once verified: to finish the wizard and read how it went
MAIL_AT_MOST_EVERY = timedelta(hours=24)  # nobody is mailed twice a day

#: Healths of a connection that a link can lead to the repair of.
MENDABLE = NEEDS_RECONNECT | {Health.NOT_CONNECTED}


class Ended(StrEnum):
    """Why a link ended that nobody took back."""

    EXPIRED = "seven days are over"
    REPLACED = "replaced by a newer one"
    REPAIRED = "repaired without it"
    WRONG_CODES = "too many wrong codes"
    DISCONNECTED = "the workspace was disconnected from Xero"


def hash_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return sha256(secret.encode("utf-8", "ignore")).hexdigest()


def is_live(link: tables.ReconnectLink, now: datetime) -> bool:
    """Say whether a link still leads to its wizard."""
    return link.state in LINK_LIVE and link.expires_at > now


def good_until(link: tables.ReconnectLink) -> datetime:
    """Return when a link stops to let its guest in by itself; once verified that is soon."""
    if link.state is not LinkState.VERIFIED or link.verified_at is None:
        return link.expires_at
    return min(link.expires_at, link.verified_at + READ_AFTERWARDS)


def lets_guest_in(link: tables.ReconnectLink, now: datetime) -> bool:
    """Say whether the browser that a link is used in still gets into the wizard."""
    good = link.state in LINK_LIVE or link.state is LinkState.VERIFIED
    return good and link.guest_hash is not None and good_until(link) > now


def is_revocable(link: tables.ReconnectLink, now: datetime) -> bool:
    """Say whether a link still lets somebody in, now or after a code, so that it can be taken back."""
    return is_live(link, now) or lets_guest_in(link, now)


def has_guest(session: Session, workspace_id: str, email: str) -> bool:
    """Say whether a link still lets the person of this address into the workspace's wizard."""
    links = select(tables.ReconnectLink).where(
        tables.ReconnectLink.workspace_id == workspace_id, tables.ReconnectLink.email == email
    )
    return any(lets_guest_in(link, utcnow()) for link in session.scalars(links))


def live_of(
    session: Session, workspace_id: str, *, email: str | None = None
) -> Sequence[tables.ReconnectLink]:
    """Return the live links of a workspace, or those of one address, locked, always in the same order."""
    query = select(tables.ReconnectLink).where(
        tables.ReconnectLink.workspace_id == workspace_id, tables.ReconnectLink.state.in_(LINK_LIVE)
    )
    if email is not None:
        query = query.where(tables.ReconnectLink.email == email)
    return session.scalars(query.order_by(tables.ReconnectLink.id).with_for_update()).all()


def end(
    session: Session, link: tables.ReconnectLink, reason: str, *, by: str = audit.SYSTEM, now: datetime
) -> None:
    """End a live link: revoked, or expired where `reason` says so."""
    expired = reason == Ended.EXPIRED and by == audit.SYSTEM
    link.state = LinkState.EXPIRED if expired else LinkState.REVOKED
    link.ended_at, link.ended_by, link.ended_reason = now, by, str(reason)
    link.code_hash = None
    what = "has expired" if expired else "was revoked"
    record(session, link, f"reconnect link {link.state}", what, actor=by, reason=str(reason), now=now)


def record(
    session: Session,
    link: tables.ReconnectLink,
    action: str,
    what: str,
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Write into the workspace's history what happened to a link; the address is masked."""
    audit.record(
        session,
        action,
        f"The reconnect link for {mask(link.email)} {what}.",
        actor=actor,
        workspace_id=link.workspace_id,
        incident_id=link.incident_id,
        reason=reason,
        at=now,
        link=link.id,
        channel=link.channel,
    )
