"""What is due: all that waits for a worker, told from our own tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zlib import crc32

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from services import audit, pausing
from services.store import tables
from services.store.states import CAN_EXPORT, MarkState, MessageState, RunState, SyncState

AT_MOST = 500  # rows a look; the next look sees the rest
#: So many messages of a kind at once: a mail server that hangs must not keep the syncs waiting.
DOORS = 4


class Kind(StrEnum):
    """The kinds of work: those that concern one organisation, plans to judge, and messages."""

    SYNC = "sync"
    PLAN = "plan"
    LANE = "lane"
    DISCONNECT = "disconnect"
    MESSAGE = "message"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Due:
    """One piece of work that may start now."""

    kind: Kind
    id: str  #: unique for each time it is queued
    partition: str  #: whose work runs one after the other: an organisation, a plan, some recipients
    arguments: tuple[str | int, ...]


def due(session: Session, *, now: datetime) -> list[Due]:
    """Return what is due, syncs first: somebody watches those."""
    return [
        *_syncs(session, now),
        *_disconnects(session, now),
        *_plans(session, now),
        *_messages(session, now),
        *_marks(session, now),
        *_lanes(session, now),
    ]


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


def _plans(session: Session, now: datetime) -> list[Due]:
    rows = session.execute(
        select(tables.RetryPlan.id, tables.RetryPlan.slice)
        .where(tables.RetryPlan.judging_due_at <= now)
        .order_by(tables.RetryPlan.judging_due_at)
        .limit(AT_MOST)
    )
    return [
        Due(Kind.PLAN, f"plan:{plan_id}:{slice_}", plan_id, (plan_id, slice_)) for plan_id, slice_ in rows
    ]


def _messages(session: Session, now: datetime) -> list[Due]:
    # One that is being sent is due again when its worker must have been killed.
    rows = session.execute(
        select(
            tables.Message.id,
            tables.Message.tries,
            tables.Message.kind,
            func.coalesce(tables.Message.recipient, tables.Message.channel),
        )
        .where(
            tables.Message.state.in_([MessageState.QUEUED, MessageState.SENDING]),
            tables.Message.due_at <= now,
        )
        .order_by(tables.Message.due_at)
        .limit(AT_MOST)
    )
    return [
        Due(Kind.MESSAGE, f"message:{message_id}:{tries}", _door(kind, whom), (message_id, tries))
        for message_id, tries, kind, whom in rows
    ]


def _door(kind: str, whom: str) -> str:
    return f"{kind} {crc32(whom.encode()) % DOORS}"


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


def _marks(session: Session, now: datetime) -> list[Due]:
    # While the connection is broken a mark waits, and with it the export: it is not sent unchecked.
    rows = session.execute(
        select(tables.XeroMark.id, tables.XeroMark.slice, tables.Export.organisation_id)
        .join(tables.Export, tables.Export.id == tables.XeroMark.export_id)
        .join(tables.Connection, tables.Connection.workspace_id == tables.Export.workspace_id)
        .where(
            tables.XeroMark.state == MarkState.ASKED,
            tables.XeroMark.due_at <= now,
            tables.Connection.organisation_id == tables.Export.organisation_id,
            tables.Connection.grant_id.is_not(None),
            tables.Connection.leaving_at.is_(None),
            tables.Connection.health.in_(CAN_EXPORT),
        )
        .order_by(tables.XeroMark.due_at)
        .limit(AT_MOST)
    )
    return [
        Due(Kind.MARK, f"mark:{mark_id}:{slice_}", organisation_id, (mark_id, slice_))
        for mark_id, slice_, organisation_id in rows
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
