"""Siblings: the other workspaces that stand on the same Xero login, and heal with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import syncs
from services.members import Member, own_workspaces
from services.store import tables
from services.store.states import Health

SHOWN_AT_MOST = 100  # an accountant's clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """One other workspace of the login."""

    workspace_id: str
    name: str
    health: Health
    code: str | None
    verified_at: datetime | None
    syncing: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class Siblings:
    """The other workspaces of a login: those the member may see, and how many others there are."""

    seen: tuple[Sibling, ...] = ()
    unseen: int = 0


def siblings(session: Session, member: Member, workspace_id: str) -> Siblings:
    """Return the workspaces that stand on the same Xero login as this one, by name."""
    grant_id = session.get_one(tables.Connection, workspace_id).grant_id
    if grant_id is None:
        return Siblings()
    of_login = (tables.Connection.grant_id == grant_id, tables.Connection.workspace_id != workspace_id)
    everybody = session.scalars(select(tables.Connection.workspace_id).where(*of_login)).all()
    rows = session.execute(
        select(tables.Workspace.name, tables.Connection)
        .join(tables.Connection, tables.Connection.workspace_id == tables.Workspace.id)
        .where(*of_login, *own_workspaces(member))
        .order_by(tables.Workspace.name)
        .limit(SHOWN_AT_MOST)
    ).all()
    syncing = _syncing(session, [connection.workspace_id for _, connection in rows])
    seen = tuple(
        Sibling(
            workspace_id=connection.workspace_id,
            name=name,
            health=connection.health,
            code=connection.code,
            verified_at=connection.verified_at,
            syncing=connection.workspace_id in syncing,
            paused=connection.paused_at is not None,
        )
        for name, connection in rows
    )
    return Siblings(seen, len(everybody) - len(seen))


def _syncing(session: Session, workspace_ids: Sequence[str]) -> frozenset[str]:
    running = select(tables.Sync.workspace_id).where(
        tables.Sync.workspace_id.in_(workspace_ids), tables.Sync.state.in_(syncs.UNDER_WAY)
    )
    return frozenset(session.scalars(running))


def stamp(session: Session, workspace_id: str) -> str:
    """Return a text that changes whenever a workspace of the same login heals, breaks, or ends a sync."""
    login = select(tables.Connection.grant_id).where(tables.Connection.workspace_id == workspace_id)
    of_login = tables.Connection.grant_id == login.scalar_subquery()
    healths = (
        select(tables.Connection.health, func.count())
        .where(of_login)
        .group_by(tables.Connection.health)
        .order_by(tables.Connection.health)
    )
    syncing = (
        select(func.count())
        .join_from(tables.Sync, tables.Connection, tables.Connection.workspace_id == tables.Sync.workspace_id)
        .where(of_login, tables.Sync.state.in_(syncs.UNDER_WAY))
    )
    counted = [f"{health} {number}" for health, number in session.execute(healths)]
    return ", ".join([*counted, f"syncing {session.scalar(syncing)}"])
