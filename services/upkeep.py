"""Upkeep by the clock: verified once a day, synced every night, never idle for so long that it expires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from zlib import crc32

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from services import audit, calls, connections, grants, insights, pausing, syncs
from services.connections import Trouble
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.states import NEEDS_RECONNECT, WORKING, Health, SyncState
from services.xero.connections import list_connections
from services.xero.errors import Fault, XeroError

SYNC_EVERY = timedelta(hours=24)
VERIFY_EVERY = timedelta(hours=24)
VERIFY_EARLY = timedelta(hours=4)  # the longest that a login is asked about before its day is over
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
            .where(pausing.by_itself(), ~_recently_asked(tables.Connection.workspace_id))
            .order_by(tables.Connection.last_synced_at.asc().nulls_first())
            .limit(AT_MOST)
        ).all()
        queued = [syncs.enqueue_by_itself(session, workspace_id) for workspace_id in sorted(due)]
    return len(queued) - queued.count(None)


def _unproved() -> ColumnElement[bool]:
    """Tell the broken connections that may be repaired: the login lives, and Xero did not answer the sync."""
    living = select(tables.Grant.id).where(tables.Grant.dead_since.is_(None))
    last_code = (
        select(tables.Sync.code)
        .where(tables.Sync.workspace_id == tables.Connection.workspace_id)
        .where(tables.Sync.started_at.is_not(None))
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
    """Check the connections of every grant not verified for a day, with one tenantless call a grant.

    Who waits longest goes first. Returns how many grants were asked about.
    """
    with desk.store.read() as session:
        grant_ids = list(islice(_to_verify(session, utcnow()), AT_MOST))
    return sum(_verify_if_wanted(desk, grant_id) for grant_id in grant_ids)


def _to_verify(session: Session, now: datetime) -> Iterator[str]:
    verified_at = func.min(tables.Connection.verified_at)
    rows = session.execute(
        select(tables.Connection.grant_id, verified_at)
        .where(*_CHECKABLE, pausing.by_itself(), tables.Connection.verified_at.is_not(None))
        .group_by(tables.Connection.grant_id)
        .having(verified_at < now - VERIFY_EVERY + VERIFY_EARLY)
        .order_by(verified_at, tables.Connection.grant_id)
    )
    return (
        grant_id for grant_id, since in rows if grant_id and since and verify_due_at(grant_id, since) < now
    )


def verify_due_at(grant_id: str, verified_at: datetime) -> datetime:
    """Return when a grant that was verified then is due again, a day later at the latest.

    Grants of one moment, as after a seed or an outage, would stay together for ever if each waited a
    day: how much earlier each is asked about follows from its id, so they part and stay spread.
    """
    share = crc32(grant_id.encode()) / 2**32
    return verified_at + VERIFY_EVERY - share * VERIFY_EARLY


def _verify_if_wanted(desk: Desk, grant_id: str) -> bool:
    """Verify a grant, unless all its workspaces were paused since the look: a turn of many takes long."""
    wanted = (
        select(tables.Connection.workspace_id)
        .where(tables.Connection.grant_id == grant_id, pausing.by_itself())
        .limit(1)
    )
    with desk.store.read() as session:
        if session.scalar(wanted) is None:
            return False
    verify(desk, grant_id)
    return True


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
    for workspace_id in _of_grant(desk, grant_id):
        with desk.store.begin() as session:
            connection = _still_on(session, workspace_id, grant_id)
            if connection is None:
                continue
            if connection.organisation_id in listed:
                connections.record_verified(session, workspace_id, now=now, synced=False)
            else:
                connections.record_trouble(session, workspace_id, GONE, now=now)


def _record_all(desk: Desk, grant_id: str, error: XeroError) -> None:
    now = utcnow()
    for workspace_id in _of_grant(desk, grant_id):
        with desk.store.begin() as session:
            if _still_on(session, workspace_id, grant_id) is not None:
                connections.record_failure(session, workspace_id, error, listed=False, now=now)


def _still_on(session: Session, workspace_id: str, grant_id: str) -> tables.Connection | None:
    """Return the connection, unless it was disconnected here since Xero was asked: that is no break."""
    connection = pausing.lock(session, workspace_id)
    leaves = connection.grant_id != grant_id or connection.leaving_at is not None
    return None if leaves else connection


def _of_grant(desk: Desk, grant_id: str) -> list[str]:
    """Return the workspaces whose connections stand on a grant."""
    with desk.store.read() as session:
        return list(
            session.scalars(
                select(tables.Connection.workspace_id)
                .where(tables.Connection.grant_id == grant_id, *_CHECKABLE)
                .order_by(tables.Connection.workspace_id)
            )
        )


def refresh_idle(desk: Desk) -> int:
    """Use every login that has been idle for 30 days, so that it never reaches Xero's 60.

    A login all of whose workspaces are paused is left alone. Returns how many were kept alive; each
    is an entry in the history of all its workspaces, and an expiry prevented in the day's figures.
    """
    with desk.store.read() as session:
        idle = grants.idle_since(session, utcnow() - REFRESH_IDLE_AFTER, at_most=AT_MOST)
    return sum(_keep_alive(desk, grant_id, last_used_at) for grant_id, last_used_at in idle)


def _keep_alive(desk: Desk, grant_id: str, last_used_at: datetime) -> bool:
    if not _verify_if_wanted(desk, grant_id):
        return False
    now = utcnow()
    days = (now - last_used_at).days
    workspaces = _of_grant(desk, grant_id)
    with desk.store.begin() as session:
        grant = session.get(tables.Grant, grant_id)
        if grant is None or grant.last_used_at == last_used_at:
            return False  # Xero did not answer, or the login is dead
        for workspace_id in workspaces:
            audit.record(
                session,
                audit.KEPT_ALIVE,
                f"The Xero login was idle for {days} days and was used, so that it does not expire.",
                workspace_id=workspace_id,
                at=now,
                idle_days=days,
            )
        insights.mark_stale(session, now)
    return True


def mark_at_risk(desk: Desk) -> int:
    """Put connections at risk whose login has been idle for 45 days, and back once it was used.

    Returns how many changed.
    """
    before, lives = utcnow() - AT_RISK_AFTER, tables.Grant.dead_since.is_(None)
    with desk.store.begin() as session:
        return _change_health(
            session, Health.HEALTHY, Health.AT_RISK, lives & (tables.Grant.last_used_at <= before)
        ) + _change_health(
            session, Health.AT_RISK, Health.HEALTHY, lives & (tables.Grant.last_used_at > before)
        )


def break_dead(desk: Desk) -> int:
    """Break the connections that still count as working on a login that Xero has ended.

    One workspace's call finds the end, and its siblings need not wait for their own. Returns how many.
    """
    dead = (
        select(tables.Connection.workspace_id, tables.Connection.grant_id)
        .join(tables.Grant, tables.Grant.id == tables.Connection.grant_id)
        .where(tables.Grant.dead_since.is_not(None), tables.Connection.health.in_(WORKING))
        .order_by(tables.Connection.workspace_id)
        .limit(AT_MOST)
    )
    with desk.store.read() as session:
        found = session.execute(dead).all()
    return sum(_break(desk, workspace_id, grant_id) for workspace_id, grant_id in found if grant_id)


def _break(desk: Desk, workspace_id: str, grant_id: str) -> bool:
    ended = XeroError(fault=Fault.LOGIN_EXPIRED, status=400, detail=grants.EXPIRED)
    with desk.store.begin() as session:
        grant = session.get(tables.Grant, grant_id)
        if grant is None or grant.dead_since is None or _still_on(session, workspace_id, grant_id) is None:
            return False
        connections.record_failure(session, workspace_id, ended, listed=False, now=utcnow())
    return True


def _change_health(session: Session, source: Health, target: Health, where: ColumnElement[bool]) -> int:
    changed = session.execute(
        update(tables.Connection)
        .where(tables.Connection.health == source)
        .where(tables.Connection.grant_id.in_(select(tables.Grant.id).where(where)))
        .values(health=target, health_since=utcnow())
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]
