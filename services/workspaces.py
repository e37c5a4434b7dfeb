"""Workspaces: finding one, and everything a person needs to know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from services import grants, incidents, members, syncs
from services.finding import like
from services.incidents import IncidentView, Stuck
from services.members import Member, Permission, UnknownWorkspace, mask, own_workspaces
from services.paging import PAGE_SIZE, page_count, page_of
from services.store import tables
from services.store.states import NEEDS_PERSON, UNDELIVERED, Health, IncidentState, Role
from services.syncs import SyncView

__all__ = ["UnknownWorkspace", "follow", "get", "search"]


class Sort(StrEnum):
    """Orders of the list."""

    TROUBLE = "trouble"  #: who needs a person first, the longest broken first
    NAME = "name"
    STUCK = "stuck"  #: the most exports owed to Xero first
    SYNCED = "synced"  #: the longest not synced first


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceQuery:
    """What to look for: text in the name, id, owner or organisation, and any of these healths."""

    text: str = ""
    health: tuple[Health, ...] = ()
    sort: Sort = Sort.TROUBLE
    page: int = 1
    page_size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRow:
    """One line of the list."""

    id: str
    name: str
    organisation_name: str | None
    health: Health
    health_since: datetime
    verified_at: datetime | None
    code: str | None
    stuck_count: int
    stuck_amount: Decimal
    currency: str
    owner_email: str
    last_synced_at: datetime | None
    incident_id: str | None
    syncing: bool
    login_expires_at: datetime | None  #: unless it is used before; None where none lives
    paused: bool
    leaving: bool


@dataclass(frozen=True, slots=True)
class WorkspacePage:
    """One page of the list, with the counts that the health filter shows."""

    rows: tuple[WorkspaceRow, ...]
    total: int
    pages: int
    counts: Mapping[Health, int]  #: of all that match the text


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseView:
    """By whom a workspace was paused, since when and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingView:
    """A disconnect that was asked for and is not done yet."""

    at: datetime
    by: str
    reason: str
    revokes: bool  #: the login's whole access ends as well
    due_at: datetime  #: of the next try
    trouble: str | None  #: why the last try did not succeed


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """A workspace's connection to Xero, as far as this member may see it."""

    health: Health
    health_since: datetime
    verified_at: datetime | None
    code: str | None
    detail: str | None
    correlation_id: str | None
    organisation_id: str | None
    organisation_name: str | None
    login_email: str | None  #: masked for all but the workspace's own admins and a guest whose own it is
    login_name: str | None
    has_login: bool
    login_expires_at: datetime | None  #: unless it is used before; None where none lives
    connected_at: datetime | None
    last_synced_at: datetime | None
    pause: PauseView | None
    leaving: LeavingView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceView:
    """Everything about one workspace."""

    id: str
    name: str
    owner_email: str
    plan: str
    country: str
    currency: str
    admins: tuple[str, ...]
    connection: ConnectionView
    incident: IncidentView | None
    sync: SyncView | None
    stuck_count: int
    stuck_amount: Decimal


def search(session: Session, member: Member, query: WorkspaceQuery) -> WorkspacePage:
    """Return one page of the workspaces a member may see."""
    matching = [*own_workspaces(member), *_matching(query.text)]
    by_health = session.execute(
        select(tables.Connection.health, func.count())
        .join(tables.Workspace, tables.Workspace.id == tables.Connection.workspace_id)
        .where(*matching)
        .group_by(tables.Connection.health)
    )
    counts = dict(by_health.all())
    total = sum(number for health, number in counts.items() if not query.health or health in query.health)
    listed = _listed().where(*matching)
    if query.health:
        listed = listed.where(tables.Connection.health.in_(query.health))
    ordered = listed.order_by(*_ORDERS[query.sort], tables.Workspace.id)
    rows = session.execute(page_of(ordered, page=query.page, page_size=query.page_size)).all()
    owed = incidents.stuck(session, [workspace.id for workspace, *_ in rows])
    return WorkspacePage(
        rows=tuple(_row(*row, owed.get(row[0].id, Stuck())) for row in rows),
        total=total,
        pages=page_count(total, query.page_size),
        counts=counts,
    )


def _matching(text: str) -> list[ColumnElement[bool]]:
    words = text.lower().split()
    return [tables.Workspace.search_text.like(like(word), escape="/") for word in words]


def _listed() -> Select[tables.Workspace, tables.Connection, str, datetime, datetime | None, str, bool]:
    syncing = (
        select(tables.Sync.id)
        .where(
            tables.Sync.workspace_id == tables.Workspace.id,
            tables.Sync.state.in_(syncs.UNDER_WAY),
        )
        .exists()
    )
    open_incident = (tables.Incident.workspace_id == tables.Workspace.id) & (
        tables.Incident.state != IncidentState.CLOSED
    )
    return (
        select(
            tables.Workspace,
            tables.Connection,
            tables.Organisation.name,
            tables.Grant.last_used_at,
            tables.Grant.dead_since,
            tables.Incident.id,
            syncing,
        )
        .join(tables.Connection, tables.Connection.workspace_id == tables.Workspace.id)
        .outerjoin(tables.Organisation, tables.Organisation.id == tables.Connection.organisation_id)
        .outerjoin(tables.Grant, tables.Grant.id == tables.Connection.grant_id)
        .outerjoin(tables.Incident, open_incident)
    )


_BROKEN_FIRST = case((tables.Connection.health.in_(NEEDS_PERSON), 0), else_=1)
_STUCK = (
    select(func.count())
    .where(tables.Export.workspace_id == tables.Workspace.id, tables.Export.state.in_(UNDELIVERED))
    .scalar_subquery()
)
_ORDERS: Mapping[Sort, tuple[ColumnElement[Any], ...]] = {
    Sort.TROUBLE: (_BROKEN_FIRST, tables.Incident.opened_at.asc().nulls_last(), tables.Workspace.name.asc()),
    Sort.NAME: (tables.Workspace.name.asc(),),
    Sort.STUCK: (_STUCK.desc(), tables.Workspace.name.asc()),
    Sort.SYNCED: (tables.Connection.last_synced_at.asc().nulls_first(), tables.Workspace.name.asc()),
}


def _row(
    workspace: tables.Workspace,
    connection: tables.Connection,
    organisation_name: str | None,
    login_used_at: datetime | None,
    login_dead_since: datetime | None,
    incident_id: str | None,
    syncing: bool,
    owed: Stuck,
) -> WorkspaceRow:
    return WorkspaceRow(
        id=workspace.id,
        name=workspace.name,
        organisation_name=organisation_name,
        health=connection.health,
        health_since=connection.health_since,
        verified_at=connection.verified_at,
        code=connection.code,
        stuck_count=owed.count,
        stuck_amount=owed.amount,
        currency=workspace.currency,
        owner_email=workspace.owner_email,
        last_synced_at=connection.last_synced_at,
        incident_id=incident_id,
        syncing=syncing,
        login_expires_at=grants.expires_at(login_used_at, login_dead_since),
        paused=connection.paused_at is not None,
        leaving=connection.leaving_at is not None,
    )


def get(session: Session, member: Member, workspace_id: str) -> WorkspaceView:
    """Return one workspace. Raises `UnknownWorkspace`, also for somebody else's, and `NotAllowed`."""
    members.require(session, member, Permission.SEE_WORKSPACES, workspace_id)
    return _view(session, member, workspace_id)


def follow(session: Session, member: Member, workspace_id: str) -> WorkspaceView:
    """Return one workspace to somebody who follows its reconnect, a link guest included.

    Raises as `get` does.
    """
    members.require(session, member, Permission.FOLLOW, workspace_id)
    return _view(session, member, workspace_id)


def _view(session: Session, member: Member, workspace_id: str) -> WorkspaceView:
    workspace = session.get_one(tables.Workspace, workspace_id)
    owed = incidents.stuck(session, [workspace_id]).get(workspace_id, Stuck())
    admins = session.scalars(
        select(tables.WorkspaceAdmin.email)
        .where(tables.WorkspaceAdmin.workspace_id == workspace_id)
        .order_by(tables.WorkspaceAdmin.email)
    )
    return WorkspaceView(
        id=workspace.id,
        name=workspace.name,
        owner_email=_seen_by_guest(member, workspace.owner_email),
        plan=workspace.plan,
        country=workspace.country,
        currency=workspace.currency,
        admins=tuple(_seen_by_guest(member, admin) for admin in admins),
        connection=_connection(session, member, workspace_id),
        incident=incidents.for_workspace(session, workspace_id),
        sync=syncs.latest(session, workspace_id),
        stuck_count=owed.count,
        stuck_amount=owed.amount,
    )


def _seen_by_guest(member: Member, email: str) -> str:
    """Return an address as it is; to a link guest only their own, and others masked."""
    foreign = member.role is Role.GUEST and email.lower() != member.email
    return mask(email) if foreign else email


def _connection(session: Session, member: Member, workspace_id: str) -> ConnectionView:
    row = session.get_one(tables.Connection, workspace_id)
    organisation = session.get(tables.Organisation, row.organisation_id) if row.organisation_id else None
    grant = session.get(tables.Grant, row.grant_id) if row.grant_id else None
    email = grant.email if grant else None
    return ConnectionView(
        health=row.health,
        health_since=row.health_since,
        verified_at=row.verified_at,
        code=row.code,
        detail=row.detail,
        correlation_id=row.correlation_id,
        organisation_id=row.organisation_id,
        organisation_name=organisation.name if organisation else None,
        login_email=_login(member, email),
        login_name=grant.full_name if grant else None,
        has_login=grant is not None,
        login_expires_at=grants.expires_at(grant.last_used_at, grant.dead_since) if grant else None,
        connected_at=row.connected_at,
        last_synced_at=row.last_synced_at,
        pause=_pause(row),
        leaving=_leaving(row),
    )


def _pause(row: tables.Connection) -> PauseView | None:
    if row.paused_at is None:
        return None
    return PauseView(at=row.paused_at, by=row.paused_by or "", reason=row.paused_reason or "")


def _leaving(row: tables.Connection) -> LeavingView | None:
    if row.leaving_at is None:
        return None
    return LeavingView(
        at=row.leaving_at,
        by=row.leaving_by or "",
        reason=row.leaving_reason or "",
        revokes=row.leaving_revokes,
        due_at=row.leaving_due_at or row.leaving_at,
        trouble=row.leaving_trouble,
    )


def _login(member: Member, email: str | None) -> str | None:
    if email is None:
        return None
    return mask(email) if member.sees_everything else _seen_by_guest(member, email)
