"""Incidents: from the first failure of a connection to its last delivered export."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.orm import Session

from services import audit, catalogue, completeness, members
from services.completeness import RECONNECT_CODES
from services.insights import mark_stale
from services.members import Member, Permission
from services.paging import PAGE_SIZE, count, page_count, page_of
from services.store import tables
from services.store.engine import LOCK, new_id
from services.store.states import UNDELIVERED, ExportState, Health, IncidentState


@dataclass(frozen=True, slots=True)
class Stuck:
    """Exports of one workspace that are still owed to Xero."""

    count: int = 0
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One incident as a person sees it."""

    id: str
    workspace_id: str
    workspace_name: str
    state: IncidentState
    cause: str
    code: str
    detail: str
    correlation_id: str | None
    opened_at: datetime
    reconnected_at: datetime | None
    closed_at: datetime | None
    stuck_count: int
    stuck_amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One page of incidents and how many there are in all."""

    rows: tuple[IncidentView, ...]
    total: int
    pages: int


def open_or_join(
    session: Session,
    workspace_id: str,
    *,
    cause: Health,
    code: str,
    detail: str,
    correlation_id: str | None,
    now: datetime,
) -> tables.Incident:
    """Return the workspace's open incident, opening one where there is none.

    It begins with the first export that failed for want of a connection, which may lie before the
    call that found the connection broken. One that was repaired already is broken again.
    """
    incident = _open_incident(session, workspace_id)
    if incident is None:
        incident = tables.Incident(id=new_id(), workspace_id=workspace_id, state=IncidentState.OPEN)
        incident.opened_at = _first_failure(session, workspace_id) or now
        incident.cause, incident.code, incident.detail = cause.value, code, detail
        session.add(incident)
        session.flush()
        mark_stale(session, incident.opened_at)
        title = catalogue.get(code).title
        audit.record(
            session,
            "incident opened",
            f"{code}: {title}. {detail}",
            workspace_id=workspace_id,
            incident_id=incident.id,
            at=incident.opened_at,
        )
    elif incident.reconnected_at is not None:
        incident.state, incident.reconnected_at = IncidentState.OPEN, None
    if incident.cause != cause.value:
        mark_stale(session, incident.opened_at)
    incident.cause, incident.code, incident.detail = cause.value, code, detail
    incident.correlation_id = correlation_id
    session.flush()
    _adopt(session, incident)
    return incident


def _open_incident(session: Session, workspace_id: str) -> tables.Incident | None:
    return session.scalar(
        select(tables.Incident)
        .where(tables.Incident.workspace_id == workspace_id, tables.Incident.state != IncidentState.CLOSED)
        .with_for_update(**LOCK)
    )


def _first_failure(session: Session, workspace_id: str) -> datetime | None:
    return session.scalar(
        select(func.min(tables.Export.failed_at)).where(
            tables.Export.workspace_id == workspace_id,
            tables.Export.state == ExportState.FAILED,
            tables.Export.code.in_(RECONNECT_CODES),
        )
    )


def _adopt(session: Session, incident: tables.Incident) -> None:
    """Count to the incident what the broken connection holds up."""
    session.execute(
        update(tables.Export)
        .where(completeness.uncounted(incident))
        .values(incident_id=incident.id)
        .execution_options(synchronize_session=False)
    )


def advance(session: Session, workspace_id: str, state: IncidentState) -> str | None:
    """Move the open incident on to a later state, never back; return its id, or None without one."""
    incident = _open_incident(session, workspace_id)
    if incident is None:
        return None
    order = list(IncidentState)
    if order.index(state) > order.index(incident.state):
        incident.state = state
    return incident.id


def reconnected(session: Session, workspace_id: str, *, now: datetime) -> None:
    """Take in that a sync proved the repair; the incident closes at once if nothing waits."""
    incident = _open_incident(session, workspace_id)
    if incident is None:
        return
    if incident.reconnected_at is None:
        incident.reconnected_at = now
        incident.state = IncidentState.RECONNECTED
        audit.record(
            session,
            "repaired",
            "Xero answers again: a full sync succeeded.",
            workspace_id=workspace_id,
            incident_id=incident.id,
            at=now,
        )
    close_if_done(session, workspace_id, now=now)


def close_if_done(session: Session, workspace_id: str, *, now: datetime) -> bool:
    """Close the incident if its repair is proved and every export of it is delivered or set aside.

    Where somebody disconnected the workspace on purpose, there is nothing left to repair.
    """
    incident = _open_incident(session, workspace_id)
    if incident is None:
        return False
    if incident.reconnected_at is None and not _is_left(session, workspace_id):
        return False
    session.flush()
    _adopt(session, incident)
    if not completeness.is_complete(session, incident):
        return False
    incident.state, incident.closed_at = IncidentState.CLOSED, now
    mark_stale(session, now)
    audit.record(
        session,
        "incident closed",
        "Everything that failed has arrived in Xero or was set aside.",
        workspace_id=workspace_id,
        incident_id=incident.id,
        at=now,
    )
    return True


def lock_open(session: Session, workspace_id: str) -> None:
    """Hold the workspace's open incident, if there is one, until the commit.

    For who locks exports next: everybody takes the connection first, then the incident, then exports.
    """
    _open_incident(session, workspace_id)


def owed_again(session: Session, export: tables.Export, *, actor: str, now: datetime) -> None:
    """Count an export that is owed again: to the open incident, or else its own is open once more.

    Where neither is, the export never failed for want of a connection, and concerns no incident.
    """
    own = session.get(tables.Incident, export.incident_id) if export.incident_id else None
    session.flush()
    incident = _open_incident(session, export.workspace_id)
    if incident is not None:
        _adopt(session, incident)
    if own is None or own is incident:
        return
    if incident is None:
        _reopen(session, own)
    else:
        export.incident_id = incident.id
    audit.record(
        session,
        "incident reopened" if incident is None else "incident joined",
        f"{export.number} is owed to Xero again.",
        actor=actor,
        workspace_id=export.workspace_id,
        incident_id=export.incident_id,
        at=now,
        export=export.id,
    )


def _reopen(session: Session, incident: tables.Incident) -> None:
    mark_stale(session, incident.closed_at)
    incident.closed_at = None
    repaired = incident.reconnected_at is not None
    incident.state = IncidentState.RECONNECTED if repaired else IncidentState.OPEN


def _is_left(session: Session, workspace_id: str) -> bool:
    return session.get_one(tables.Connection, workspace_id).health is Health.NOT_CONNECTED


def stuck(session: Session, workspace_ids: Collection[str]) -> Mapping[str, Stuck]:
    """Return what is still owed to Xero, by workspace; a workspace that owes nothing is left out."""
    rows = session.execute(
        select(tables.Export.workspace_id, func.count(), func.sum(tables.Export.amount))
        .where(tables.Export.workspace_id.in_(workspace_ids), tables.Export.state.in_(UNDELIVERED))
        .group_by(tables.Export.workspace_id)
    )
    return {workspace_id: Stuck(number, amount) for workspace_id, number, amount in rows}


def for_workspace(session: Session, workspace_id: str) -> IncidentView | None:
    """Return the open incident of a workspace, or else its latest one, or None."""
    row = session.execute(
        _with_workspace()
        .where(tables.Incident.workspace_id == workspace_id)
        .order_by(tables.Incident.closed_at.is_not(None), tables.Incident.opened_at.desc())
        .limit(1)
    ).first()
    return None if row is None else _views(session, [row])[0]


def search(
    session: Session,
    member: Member,
    *,
    open_only: bool = True,
    cause: str | None = None,
    page: int = 1,
    page_size: int = PAGE_SIZE,
) -> IncidentPage:
    """Return one page of incidents, the oldest open first, or the latest first with the closed ones.

    Raises `NotAllowed` for a member who may not see incidents.
    """
    if not member.may(Permission.SEE_INCIDENTS):
        raise members.NotAllowed(f"Your role, {member.role}, may not see the incidents of all workspaces.")
    query = _with_workspace()
    if open_only:
        query = query.where(tables.Incident.state != IncidentState.CLOSED)
    if cause:
        query = query.where(tables.Incident.cause == cause)
    total = count(session, query)
    opened = tables.Incident.opened_at
    ordered = query.order_by(opened if open_only else opened.desc(), tables.Incident.id)
    rows = session.execute(page_of(ordered, page=page, page_size=page_size)).all()
    return IncidentPage(tuple(_views(session, rows)), total, page_count(total, page_size))


def _with_workspace() -> Select[tables.Incident, str, str]:
    return select(tables.Incident, tables.Workspace.name, tables.Workspace.currency).join(
        tables.Workspace, tables.Workspace.id == tables.Incident.workspace_id
    )


def _views(session: Session, rows: Sequence[Row[tables.Incident, str, str]]) -> list[IncidentView]:
    owed = stuck(session, [incident.workspace_id for incident, _, _ in rows])
    return [
        _view(incident, name, currency, owed.get(incident.workspace_id, Stuck()))
        for incident, name, currency in rows
    ]


def _view(incident: tables.Incident, name: str, currency: str, owed: Stuck) -> IncidentView:
    return IncidentView(
        id=incident.id,
        workspace_id=incident.workspace_id,
        workspace_name=name,
        state=incident.state,
        cause=incident.cause,
        code=incident.code,
        detail=incident.detail,
        correlation_id=incident.correlation_id,
        opened_at=incident.opened_at,
        reconnected_at=incident.reconnected_at,
        closed_at=incident.closed_at,
        stuck_count=owed.count,
        stuck_amount=owed.amount,
        currency=currency,
    )
