"""Bills that are paid in Xero by now: what to ask about them, and marking their exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from services import syncs
from services.store import tables
from services.store.engine import LOCK
from services.store.states import ExportKind, ExportState, SyncState
from services.xero.documents import PaidBill

CHUNK = 500  # ids a query: SQL parameter lists stay short
OVERLAP = timedelta(hours=1)  # clocks differ; a payment that is seen twice is marked once


@dataclass(frozen=True, slots=True)
class Question:
    """Which paid bills to ask Xero for."""

    since: datetime | None  #: changed then or later; None asks for all


def question(session: Session, workspace_id: str) -> Question | None:
    """Return what to ask Xero, or None while no delivered bill of the workspace is unpaid.

    What was paid before the last look was seen then. A bill that was found in Xero only after
    that look may have been paid before it, yet not before it was sent.
    """
    connection = session.get_one(tables.Connection, workspace_id)
    unpaid = _unpaid(connection)
    if session.execute(select(tables.Export.id).where(*unpaid).limit(1)).first() is None:
        return None
    looked_at = _last_look(session, connection)
    if looked_at is None:
        return Question(None)
    sent_at = session.scalar(
        select(func.min(tables.Attempt.sent_at))
        .join(tables.Export, tables.Export.id == tables.Attempt.export_id)
        .where(*unpaid, tables.Export.delivered_at > looked_at)
    )
    return Question(min(looked_at, sent_at or looked_at) - OVERLAP)


def mark(session: Session, workspace_id: str, bills: Sequence[PaidBill], *, now: datetime) -> list[int]:
    """Mark the workspace's exports whose bills these are, each once; return their ids."""
    paid = {bill.xero_id: bill for bill in bills}
    ids, unpaid = list(paid), _unpaid(session.get_one(tables.Connection, workspace_id))
    marked: list[int] = []
    for start in range(0, len(ids), CHUNK):
        chunk = tables.Export.xero_id.in_(ids[start : start + CHUNK])
        for export in session.scalars(select(tables.Export).where(*unpaid, chunk).with_for_update(**LOCK)):
            export.paid_at = _paid_at(paid[export.xero_id or ""], now)
            marked.append(export.id)
    return marked


def _paid_at(bill: PaidBill, now: datetime) -> datetime:
    return now if bill.paid_on is None else datetime.combine(bill.paid_on, time(), UTC)


def _unpaid(connection: tables.Connection) -> list[ColumnElement[bool]]:
    return [
        tables.Export.workspace_id == connection.workspace_id,
        tables.Export.organisation_id == connection.organisation_id,
        tables.Export.kind == ExportKind.BILL,
        tables.Export.state == ExportState.DELIVERED,
        tables.Export.paid_at.is_(None),
    ]


def _last_look(session: Session, connection: tables.Connection) -> datetime | None:
    """Return when the last sync of this connection that succeeded began to ask for paid bills."""
    looks = (
        select(func.max(tables.SyncStage.started_at))
        .join(tables.Sync, tables.Sync.id == tables.SyncStage.sync_id)
        .where(
            tables.Sync.workspace_id == connection.workspace_id,
            tables.Sync.state == SyncState.SUCCEEDED,
            tables.SyncStage.label == syncs.REIMBURSED,
            tables.SyncStage.left_out.is_(None),
        )
    )
    if connection.connected_at is not None:  # before, it may have been another organisation's
        looks = looks.where(tables.SyncStage.started_at > connection.connected_at)
    return session.scalar(looks)
