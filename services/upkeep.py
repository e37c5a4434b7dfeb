"""Upkeep by the clock: verified once a day, synced every night, never idle for so long that it expires."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from services import audit, calls, connections, grants, syncs
from services.connections import Trouble
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.states import NEEDS_RECONNECT, WORKING, Health, SyncState
from services.xero.connections import list_connections
from services.xero.errors import Fault, XeroError

SYNC_EVERY = timedelta(hours=24)
VERIFY_EVERY = timedelta(hours=24)
ASK_AGAIN_EVERY = timedelta(minutes=5)  # a connection that Xero did not answer for
REFRESH_IDLE_AFTER = timedelta(days=30)  # half of the 60 days after which Xero forgets a login
AT_RISK_AFTER = timedelta(days=45)  # half a month of refreshing did not help
AT_MOST = 500  # a turn; with one every five minutes 100,000 workspaces a day take 350
NO_ANSWER = "XERO46"

_CHECKABLE = (tables.Connection.grant_id.is_not(None), tables.Connection.organisation_id.is_not(None))


GONE = Trouble(Health.DISCONNECTED, "XERO11", "Xero no longer lists the organisation for this login.")


def queue_syncs(desk: Desk) -> int:
    """Queue the daily sync of every connection that works, and a new try where Xero did not answer.

    Each follows its own last sync by a day, so they spread by themselves; who waits longest goes
    first. Returns how many.
    """
    now = utcnow()
    works = tables.Connection.health.in_(WORKING)
    old = tables.Connection.last_synced_at < now - SYNC_EVERY
    silent = tables.Connection.health == Health.UNAVAILABLE
    with desk.store.begin() as session:
        due = session.scalars(
            select(tables.Connection.workspace_id)
            .where(or_(works & old, silent, _unproved()))
            .where(~_recently_asked(tables.Connection.workspace_id))
            .order_by(tables.Connection.last_synced_at.asc().nulls_first())
            .limit(AT_MOST)
        ).all()
        for workspace_id in due:
            syncs.enqueue(session, workspace_id, requested_by=audit.SYSTEM)
    return len(due)


def _unproved() -> ColumnElement[bool]:
    """Tell the broken connections that may be repaired: the login lives, and Xero did not answer the sync."""
    living = select(tables.Grant.id).where(tables.Grant.dead_since.is_(None))
    last_code = (
        select(tables.Sync.code)
        .where(tables.Sync.workspace_id == tables.Connection.workspace_id)
        .order_by(tables.Sync.requested_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    broken = tables.Connection.health.in_(NEEDS_RECONNECT)
    return broken & tables.Connection.grant_id.in_(living) & (last_code == NO_ANSWER)


def _recently_asked(workspace_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    recent = utcnow() - ASK_AGAIN_EVERY
    return (
        select(tables.Sync.id)
        .where(tables.Sync.workspace_id == workspace_id)
        .where(
            or_(
                tables.Sync.requested_at > recent,
                tables.Sync.state.in_([SyncState.QUEUED, SyncState.RUNNING]),
            )
        )
        .exists()
    )


def verify_grants(desk: Desk) -> int:
    """Check the connections of every grant not verified for a day, with one tenantless call a grant."""
    old = utcnow() - VERIFY_EVERY
    with desk.store.read() as session:
        grant_ids = session.scalars(
            select(tables.Connection.grant_id)
            .where(tables.Connection.verified_at < old, *_CHECKABLE)
            .distinct()
            .limit(AT_MOST)
        ).all()
    for grant_id in grant_ids:
        assert grant_id is not None  # noqa: S101 - filtered above
        verify(desk, grant_id)
    return len(grant_ids)


def verify(desk: Desk, grant_id: str) -> None:
    """Check every connection of one Xero user with a single tenantless call.

    An organisation missing from Xero's answer is disconnected, whatever the token says. When Xero
    does not answer, nothing changes.
    """
    try:
        with calls.tenantless(desk, grant_id) as api:
            listed = {connection.organisation_id for connection in list_connections(api)}
    except XeroError as error:
        if error.fault in {Fault.LOGIN_EXPIRED, Fault.APP_MISCONFIGURED}:
            _record_all(desk, grant_id, error)
        return
    now = utcnow()
    for workspace_id, organisation_id in _of_grant(desk, grant_id):
        with desk.store.begin() as session:
            if organisation_id in listed:
                connections.record_verified(session, workspace_id, now=now, synced=False)
            else:
                connections.record_trouble(session, workspace_id, GONE, now=now)


def _record_all(desk: Desk, grant_id: str, error: XeroError) -> None:
    now = utcnow()
    for workspace_id, _ in _of_grant(desk, grant_id):
        with desk.store.begin() as session:
            connections.record_failure(session, workspace_id, error, listed=False, now=now)


def _of_grant(desk: Desk, grant_id: str) -> list[tuple[str, str | None]]:
    """Return workspace and organisation of each connection that stands on a grant."""
    with desk.store.read() as session:
        rows = session.execute(
            select(tables.Connection.workspace_id, tables.Connection.organisation_id).where(
                tables.Connection.grant_id == grant_id, *_CHECKABLE
            )
        )
        return [(workspace_id, organisation_id) for workspace_id, organisation_id in rows]


def refresh_idle(desk: Desk) -> int:
    """Use every login that has been idle for 30 days, so that it never reaches Xero's 60.

    Returns how many were kept alive; each is an entry in the history of all its workspaces.
    """
    with desk.store.read() as session:
        idle = grants.idle_since(session, utcnow() - REFRESH_IDLE_AFTER)[:AT_MOST]
    return sum(_keep_alive(desk, grant_id, last_used_at) for grant_id, last_used_at in idle)


def _keep_alive(desk: Desk, grant_id: str, last_used_at: datetime) -> bool:
    verify(desk, grant_id)
    days = (utcnow() - last_used_at).days
    workspaces = _of_grant(desk, grant_id)
    with desk.store.begin() as session:
        if session.get_one(tables.Grant, grant_id).last_used_at == last_used_at:
            return False  # Xero did not answer, or the login is dead
        for workspace_id, _ in workspaces:
            audit.record(
                session,
                "kept alive",
                f"The Xero login was idle for {days} days and was used, so that it does not expire.",
                workspace_id=workspace_id,
                idle_days=days,
            )
    return True


def mark_at_risk(desk: Desk) -> int:
    """Put connections at risk whose login has been idle for 45 days, and back once it was used.

    Returns how many changed.
    """
    before = utcnow() - AT_RISK_AFTER
    with desk.store.begin() as session:
        return _change_health(
            session, Health.HEALTHY, Health.AT_RISK, tables.Grant.last_used_at <= before
        ) + _change_health(session, Health.AT_RISK, Health.HEALTHY, tables.Grant.last_used_at > before)


def _change_health(session: Session, source: Health, target: Health, where: ColumnElement[bool]) -> int:
    changed = session.execute(
        update(tables.Connection)
        .where(tables.Connection.health == source)
        .where(tables.Connection.grant_id.in_(select(tables.Grant.id).where(where)))
        .values(health=target, health_since=utcnow())
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]
