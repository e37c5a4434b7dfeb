"""Connection health: a failure is read once, here, and sets health, incident and held exports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services import audit, incidents, notices, syncs
from services.links import course
from services.store import tables
from services.store.states import NEEDS_PERSON, ExportState, Health
from services.xero.errors import Fault, XeroError

PROVE_AGAIN_AFTER = timedelta(minutes=5)  # a sync that found it broken is not repeated at once


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a connection, as read from one failed call."""

    health: Health
    code: str  #: XEROnn
    detail: str  #: what Xero answered, in words
    correlation_id: str | None = None


#: What a failed call says about the connection, where one call is enough to tell.
_BY_FAULT: dict[Fault, tuple[Health, str]] = {
    Fault.LOGIN_EXPIRED: (Health.EXPIRED, "XERO11"),
    Fault.TOKEN_EXPIRED: (Health.EXPIRED, "XERO11"),  # refused again after a refresh
    Fault.BAD_TOKEN: (Health.EXPIRED, "XERO45"),
    Fault.SCOPE_MISSING: (Health.MISSING_SCOPE, "XERO45"),
    Fault.NOT_CONNECTED: (Health.DISCONNECTED, "XERO11"),
    Fault.UNAVAILABLE: (Health.UNAVAILABLE, "XERO46"),
    Fault.ORGANISATION_OFFLINE: (Health.UNAVAILABLE, "XERO46"),
    Fault.THROTTLED: (Health.UNAVAILABLE, "XERO46"),
    Fault.MALFORMED: (Health.UNAVAILABLE, "XERO46"),
    Fault.INVALID: (Health.SYNC_ERROR, "XERO01"),
    Fault.NOT_FOUND: (Health.SYNC_ERROR, "XERO01"),
}

NO_ORGANISATION = Trouble(Health.NEEDS_ORGANISATION, "XERO84", "No Xero organisation is chosen.")
NO_ACCOUNTS = Trouble(
    Health.SYNC_ERROR, "XERO73", "No active account in Xero has Show in Expense Claims enabled."
)
NEVER_CONNECTED = Trouble(Health.NOT_CONNECTED, "XERO84", "This workspace is not connected to Xero.")


def read_trouble(error: XeroError, *, listed: bool = False) -> Trouble | None:
    """Say what a failed call means for the connection; None where our own Xero app is at fault.

    `listed` is whether `GET /connections` still shows the organisation to this login: a 403 then
    means that the login lost the role it needs, otherwise that the organisation was disconnected.
    """
    if error.fault is Fault.APP_MISCONFIGURED:
        return None
    health, code = _BY_FAULT[error.fault]
    if error.fault is Fault.NOT_CONNECTED and listed:
        health, code = Health.WRONG_ROLE, "XERO45"
    return Trouble(health, code, error.detail, error.correlation_id)


def record_failure(
    session: Session, workspace_id: str, error: XeroError, *, listed: bool, now: datetime
) -> str:
    """Take in a failed call and return the XEROnn code it amounts to."""
    trouble = read_trouble(error, listed=listed)
    if trouble is None:
        blame_app(session, error, now=now)
        return "XERO01"
    record_trouble(session, workspace_id, trouble, now=now)
    return trouble.code


def blame_app(session: Session, error: XeroError, *, now: datetime) -> None:
    """Raise the one banner that says that Xero refuses our own app; no workspace is at fault."""
    text = (
        f"Xero refuses Relink's own app: {error.detail} No workspace is at fault and no login can mend it. "
        "Whoever runs Relink has to check RELINK_XERO_CLIENT_ID and RELINK_XERO_CLIENT_SECRET."
    )
    notices.put(session, notices.APP_MISCONFIGURED, text, now=now)


def record_trouble(session: Session, workspace_id: str, trouble: Trouble, *, now: datetime) -> None:
    """Set the connection's health, hold what waits, and open or join the incident."""
    connection = session.get_one(tables.Connection, workspace_id, with_for_update=True)
    if trouble.health not in NEEDS_PERSON and connection.health in NEEDS_PERSON:
        return  # Xero being down says nothing new about a connection that is broken anyway
    _set_health(connection, trouble.health, now)
    connection.code, connection.detail = trouble.code, trouble.detail
    connection.correlation_id = trouble.correlation_id
    if trouble.health is not Health.UNAVAILABLE:
        connection.verified_at = now
    if trouble.health in NEEDS_PERSON:
        incident = incidents.open_or_join(
            session,
            workspace_id,
            cause=trouble.health,
            code=trouble.code,
            detail=trouble.detail,
            correlation_id=trouble.correlation_id,
            now=now,
        )
        connection.health_since = incident.opened_at
        hold_waiting(session, workspace_id, incident.id)


def hold_waiting(session: Session, workspace_id: str, incident_id: str) -> None:
    """Hold every export that waits for a broken connection, and count it to the incident."""
    session.execute(
        update(tables.Export)
        .where(tables.Export.workspace_id == workspace_id, tables.Export.state == ExportState.WAITING)
        .values(state=ExportState.HELD, incident_id=incident_id)
    )


def record_verified(session: Session, workspace_id: str, *, now: datetime, synced: bool) -> None:
    """Take in that Xero answered for this connection; after a full sync the incident is repaired."""
    connection = session.get_one(tables.Connection, workspace_id, with_for_update=True)
    if not synced and connection.health in NEEDS_PERSON:
        _have_it_proved(session, workspace_id, now)
        return
    connection.verified_at = now
    if not synced:
        return  # that Xero lists the organisation is a sign of life; only a sync proves that it works
    _set_health(connection, Health.HEALTHY, now)
    connection.code = connection.detail = connection.correlation_id = None
    connection.last_synced_at = now
    # Links are locked before the incident, as by whoever writes of a link into the incident's history.
    course.mark_verified(session, workspace_id, now)
    incidents.reconnected(session, workspace_id, now=now)


def _have_it_proved(session: Session, workspace_id: str, now: datetime) -> None:
    """Queue a sync of a broken connection that Xero lists: it heals it, or confirms what is wrong."""
    last = session.scalar(
        select(func.max(tables.Sync.requested_at)).where(tables.Sync.workspace_id == workspace_id)
    )
    if last is None or last < now - PROVE_AGAIN_AFTER:
        syncs.enqueue_by_itself(session, workspace_id)


def _set_health(connection: tables.Connection, health: Health, now: datetime) -> None:
    if connection.health is not health:
        connection.health, connection.health_since = health, now


def connect(
    session: Session,
    workspace_id: str,
    *,
    grant_id: str,
    organisation_id: str,
    xero_connection_id: str,
    actor: str,
    now: datetime,
) -> None:
    """Put a connection on a grant; its health stays as it is until a sync has proved the repair."""
    connection = session.get_one(tables.Connection, workspace_id, with_for_update=True)
    connection.grant_id = grant_id
    connection.organisation_id = organisation_id
    connection.xero_connection_id = xero_connection_id
    connection.connected_at = now
    organisation = session.get_one(tables.Organisation, organisation_id)
    audit.record(
        session,
        "connected",
        f"Connected to {organisation.name} in Xero.",
        actor=actor,
        workspace_id=workspace_id,
        at=now,
    )
