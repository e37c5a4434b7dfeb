"""What becomes of a link by itself: authorised, verified, no longer needed, reminded of once, expired."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services import audit, letters, members, messages, pausing
from services.desk import Desk
from services.links import sending
from services.links.invitations import invitation
from services.links.link import MENDABLE, Ended, end, hash_of, is_live, is_revocable, live_of, record
from services.members import mask
from services.messages import Channel, Kind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import LINK_LIVE, LinkState, MessageState

CHASE_AFTER = timedelta(days=2)
AT_MOST = 500  # a turn


def mark_authorised(session: Session, workspace_id: str, email: str, now: datetime) -> None:
    """Take in that the holder of a link gave consent at Xero, and that it was accepted."""
    for link in live_of(session, workspace_id, email=email.lower()):
        if is_live(link, now) and link.state is not LinkState.AUTHORISED:
            link.state, link.authorised_at = LinkState.AUTHORISED, now
            record(
                session,
                link,
                "reconnect link authorised",
                "led to consent at Xero",
                actor=mask(link.email),
                now=now,
            )


def mark_verified(session: Session, workspace_id: str, now: datetime) -> None:
    """Take in that a full sync proved the repair: the link that led to it is done, others are not needed."""
    for link in live_of(session, workspace_id):
        if link.state is LinkState.AUTHORISED:
            link.state, link.verified_at = LinkState.VERIFIED, now
            record(session, link, "reconnect link verified", "led to the repair", actor=audit.SYSTEM, now=now)
        else:
            end(session, link, Ended.REPAIRED, now=now)


def mark_disconnected(session: Session, workspace_id: str, now: datetime) -> None:
    """Take in that a workspace was disconnected on purpose: no link leads in, and whoever is in is out."""
    links = session.scalars(
        select(tables.ReconnectLink)
        .where(
            tables.ReconnectLink.workspace_id == workspace_id,
            tables.ReconnectLink.state.in_(LINK_LIVE | {LinkState.VERIFIED}),
            tables.ReconnectLink.expires_at > now,
        )
        .order_by(tables.ReconnectLink.id)
        .with_for_update()
    )
    for link in links.all():
        if is_revocable(link, now):
            end(session, link, Ended.DISCONNECTED, now=now)


def expire(desk: Desk) -> int:
    """End the links whose seven days are over; return how many."""
    now = utcnow()
    with desk.store.begin() as session:
        over = session.scalars(
            select(tables.ReconnectLink)
            .where(tables.ReconnectLink.state.in_(LINK_LIVE), tables.ReconnectLink.expires_at <= now)
            .order_by(tables.ReconnectLink.id)
            .limit(AT_MOST)
            .with_for_update(skip_locked=True)
        ).all()
        for link in over:
            end(session, link, Ended.EXPIRED, now=link.expires_at)
    return len(over)


def chase(desk: Desk) -> int:
    """Remind, once, those who have not opened their link for two days; return how many links that were.

    One mail a recipient holds all their links, each with a fresh secret; the first ones stay good.
    Left out are workspaces that are paused, being disconnected or work again, who was mailed in the last
    24 hours, and whom the first mail never reached.
    """
    if Channel.EMAIL not in messages.channels(desk.settings):
        return 0
    with desk.store.read() as session:
        recipients = session.scalars(
            select(tables.ReconnectLink.email)
            .join(tables.Connection, tables.Connection.workspace_id == tables.ReconnectLink.workspace_id)
            .where(*_unopened(utcnow()))
            .distinct()
            .limit(AT_MOST)
        ).all()
    return sum(_remind(desk, email) for email in sorted(recipients))


def _unopened(now: datetime) -> list[ColumnElement[bool]]:
    link, connection, first = tables.ReconnectLink, tables.Connection, tables.Message
    was_given_up = select(first.id).where(first.id == link.message_id, first.state == MessageState.FAILED)
    return [
        link.state == LinkState.SENT,
        link.sent_at <= now - CHASE_AFTER,
        link.expires_at > now,
        link.chased_at.is_(None),
        link.channel == Channel.EMAIL,
        ~was_given_up.exists(),
        connection.health.in_(MENDABLE),
        pausing.by_itself(),
    ]


def _remind(desk: Desk, email: str) -> int:
    now = utcnow()
    with desk.store.begin() as session:
        if sending.mailed_lately(session, email, now) is not None:
            return 0
        found = session.scalars(
            select(tables.ReconnectLink)
            .join(tables.Connection, tables.Connection.workspace_id == tables.ReconnectLink.workspace_id)
            .where(tables.ReconnectLink.email == email, *_unopened(now))
            .order_by(tables.ReconnectLink.id)
            .with_for_update(of=tables.ReconnectLink)
        ).all()
        invitations = []
        for link in found:
            secret = secrets.token_urlsafe(32)
            link.chase_hash, link.chased_at = hash_of(secret), now
            invitations.append(invitation(session, desk, link, secret))
            record(session, link, "reconnect link sent again", "was sent again", actor=audit.SYSTEM, now=now)
        if invitations:
            letter = letters.remind(invitations, sender=_sender(session, found[0]))
            sending.queue_letter(session, desk, Kind.REMINDER, Channel.EMAIL, email, letter)
    return len(invitations)


def _sender(session: Session, link: tables.ReconnectLink) -> str:
    sender = members.find(session, link.sent_by)
    return sender.name if sender else audit.SYSTEM
