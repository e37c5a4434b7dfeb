"""What is due: the syncs, lanes and disconnects that wait for a worker, told from our own tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services import audit, pausing
from services.store import tables
from services.store.states import RunState, SyncState

AT_MOST = 500  # rows a look; the next look sees the rest


class Kind(StrEnum):
    """The kinds of work that concern one organisation."""

    SYNC = "sync"
    LANE = "lane"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Due:
    """One piece of work that may start now."""

    kind: Kind
    id: str  #: unique for each time it is queued
    partition: str  #: the organisation: its work runs one after the other
    arguments: tuple[str | int, ...]


def due(session: Session, *, now: datetime) -> list[Due]:
    """Return what is due, syncs first: somebody watches those."""
    return [*_syncs(session, now), *_disconnects(session, now), *_lanes(session, now)]


def _syncs(session: Session, now: datetime) -> list[Due]:
    rows = session.execute(
        select(tables.Sync.id, tables.Sync.slice, tables.Sync.workspace_id, tables.Connection.organisation_id)
        .join(tables.Connection, tables.Connection.workspace_id == tables.Sync.workspace_id)
        .where(tables.Sync.state.in_([SyncState.QUEUED, SyncState.RUNNING]), tables.Sync.due_at <= now)
        .order_by(tables.Sync.due_at)
        .limit(AT_MOST)
    )
    return [
        Due(Kind.SYNC, f"sync:{sync_id}:{slice_}", organisation_id or workspace_id, (sync_id, slice_))
        for sync_id, slice_, workspace_id, organisation_id in rows
    ]


def _disconnects(session: Session, now: datetime) -> list[Due]:
    rows = session.scalars(
        select(tables.Connection)
        .where(tables.Connection.leaving_at.is_not(None), tables.Connection.leaving_due_at <= now)
        .order_by(tables.Connection.leaving_at)
        .limit(AT_MOST)
    )
    return [
        Due(
            Kind.DISCONNECT,
            f"disconnect:{row.workspace_id}:{row.leaving_slice}",
            row.organisation_id or row.workspace_id,
            (row.workspace_id, row.leaving_slice),
        )
        for row in rows
    ]


def _lanes(session: Session, now: datetime) -> list[Due]:
    runs_by_itself = (tables.RetryRun.started_by == audit.SYSTEM) & (
        tables.RetryRun.state == RunState.RUNNING
    )
    rows = session.scalars(
        select(tables.Lane)
        .join(tables.RetryRun, tables.RetryRun.plan_id == tables.Lane.plan_id)
        .join(tables.Connection, tables.Connection.workspace_id == tables.Lane.workspace_id)
        .where(tables.Lane.state.in_([RunState.QUEUED, RunState.RUNNING]), tables.Lane.due_at <= now)
        .where(or_(pausing.not_paused(), ~runs_by_itself))
        .order_by(tables.Lane.due_at)
        .limit(AT_MOST)
    )
    return [
        Due(
            Kind.LANE,
            f"lane:{lane.plan_id}:{lane.workspace_id}:{lane.slice}",
            lane.organisation_id,
            (lane.plan_id, lane.workspace_id, lane.slice),
        )
        for lane in rows
    ]
