"""Sync Now: check the connection, then import what exports need, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from services import audit, members, pausing
from services.members import Member, Permission
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import SyncState

#: The platform's own labels, in the order in which the stages run here.
STARTING = "Importing Xero data"
CHECKING = "Checking Xero connection"
SYNCING = "Syncing Xero data"
LOADING = "Loading data"
ACCOUNTS = "Syncing chart of accounts"
CATEGORIES = "Syncing categories"
TRACKING = "Syncing tracking categories"
CUSTOMERS = "Syncing customers"
BANK_ACCOUNTS = "Syncing bank accounts"
TAX_RATES = "Syncing tax rates"
REIMBURSED = "Marking Expensify reports as reimbursed"
PAYING = "Marking Xero bills and invoices as paid"
STORING = "Waiting for imported data to load"
STAGES = (
    STARTING,
    CHECKING,
    SYNCING,
    LOADING,
    ACCOUNTS,
    CATEGORIES,
    TRACKING,
    CUSTOMERS,
    BANK_ACCOUNTS,
    TAX_RATES,
    REIMBURSED,
    PAYING,
    STORING,
)

#: Stages of the platform's that no sync runs here, and why.
LEFT_OUT = {PAYING: "Relink makes no payments in Xero"}

STALLED_AFTER = timedelta(minutes=20)  # the platform gives up at 20 minutes
UNDER_WAY = (SyncState.QUEUED, SyncState.RUNNING)


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of a sync."""

    label: str
    started_at: datetime
    ended_at: datetime | None
    count: int | None
    left_out: str | None  #: why it did no work: Xero refused what a sync can do without


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncView:
    """One sync as a person sees it."""

    id: str
    state: SyncState
    requested_by: str
    requested_at: datetime
    due_at: datetime  #: not before; later than asked for while a limit of Xero's parks it
    started_at: datetime | None
    finished_at: datetime | None
    code: str | None
    message: str | None
    stages: tuple[StageView, ...]

    @property
    def running(self) -> bool:
        """Say whether the sync still waits or works."""
        return self.state in UNDER_WAY

    def parked_seconds(self, now: datetime) -> float:
        """Return for how long a limit of Xero's still parks the sync; 0 where none does."""
        waits = self.state is SyncState.QUEUED and self.due_at > now
        return (self.due_at - now).total_seconds() if waits else 0.0

    def stalled(self, now: datetime) -> bool:
        """Say whether the sync has been under way for longer than it should."""
        return self.running and now - self.due_at > STALLED_AFTER


def request(session: Session, member: Member, workspace_id: str) -> str:
    """Ask for a sync and return its id; one that is under way is joined.

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` while the workspace is being disconnected.
    """
    members.require(session, member, Permission.SYNC, workspace_id)
    pausing.require_staying(pausing.lock(session, workspace_id))
    sync_id = enqueue(session, workspace_id, requested_by=member.shown)
    audit.record(session, "sync asked for", "Sync Now.", actor=member.shown, workspace_id=workspace_id)
    return sync_id


def enqueue(session: Session, workspace_id: str, *, requested_by: str) -> str:
    """Queue a sync of a workspace and return its id; one that is under way is joined."""
    # The connection's row is the lock: two requests at once must not make two syncs.
    session.get_one(tables.Connection, workspace_id, with_for_update=True)
    running = session.scalar(
        select(tables.Sync.id).where(
            tables.Sync.workspace_id == workspace_id, tables.Sync.state.in_(UNDER_WAY)
        )
    )
    if running is not None and _join(session, running, requested_by):
        return running
    now = utcnow()
    sync = tables.Sync(
        id=new_id(),
        workspace_id=workspace_id,
        requested_by=requested_by,
        requested_at=now,
        state=SyncState.QUEUED,
        slice=0,
        due_at=now,
    )
    session.add(sync)
    session.flush()
    return sync.id


def _join(session: Session, sync_id: str, requested_by: str) -> bool:
    """Say whether a sync is still under way; one of Relink's own becomes that of the person who joins it.

    A pause stops what Relink does by itself, and must not stop what somebody waits for.
    """
    if requested_by == audit.SYSTEM:
        return True
    joined = session.execute(
        update(tables.Sync)
        .where(tables.Sync.id == sync_id, tables.Sync.state.in_(UNDER_WAY))
        .values(
            requested_by=case(
                (tables.Sync.requested_by == audit.SYSTEM, requested_by), else_=tables.Sync.requested_by
            )
        )
    )
    return int(joined.rowcount) == 1  # type: ignore[attr-defined]


def enqueue_by_itself(session: Session, workspace_id: str) -> str | None:
    """Queue a sync that nobody asked for and return its id; None where Relink may not act by itself."""
    connection = pausing.lock(session, workspace_id)
    if connection.paused_at is not None or connection.leaving_at is not None:
        return None
    return enqueue(session, workspace_id, requested_by=audit.SYSTEM)


def latest(session: Session, workspace_id: str) -> SyncView | None:
    """Return the newest sync of a workspace, or None."""
    sync = session.scalar(
        select(tables.Sync)
        .where(tables.Sync.workspace_id == workspace_id)
        .order_by(tables.Sync.requested_at.desc())
        .limit(1)
    )
    return None if sync is None else _view(session, sync)


def _view(session: Session, sync: tables.Sync) -> SyncView:
    stages = session.scalars(
        select(tables.SyncStage)
        .where(tables.SyncStage.sync_id == sync.id)
        .order_by(tables.SyncStage.position)
    )
    return SyncView(
        id=sync.id,
        state=sync.state,
        requested_by=sync.requested_by,
        requested_at=sync.requested_at,
        due_at=sync.due_at,
        started_at=sync.started_at,
        finished_at=sync.finished_at,
        code=sync.code,
        message=sync.message,
        stages=tuple(
            StageView(row.label, row.started_at, row.ended_at, row.count, row.left_out) for row in stages
        ),
    )
