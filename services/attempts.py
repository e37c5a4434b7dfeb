"""Every attempt to send an export, as a person sees it: also what Xero's support asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.store import tables
from services.store.states import GOES, AttemptState

AT_MOST = 200  # an export that was tried more often shows its latest tries


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try to send an export."""

    sent_at: datetime
    answered_at: datetime | None
    state: AttemptState
    batch: str  #: the idempotency key of the call
    position: int  #: in the batch, from 1
    batch_size: int
    status: int | None  #: HTTP status
    correlation_id: str | None  #: Xero's
    message: str | None
    plan_id: str | None  #: of the retry it was part of

    @property
    def took_seconds(self) -> float | None:
        """Return how long Xero took to answer, or None where it did not."""
        return (self.answered_at - self.sent_at).total_seconds() if self.answered_at else None


def of_export(session: Session, export_id: int) -> tuple[AttemptView, ...]:
    """Return the attempts to send an export, the latest first."""
    rows = session.scalars(
        select(tables.Attempt)
        .where(tables.Attempt.export_id == export_id)
        .order_by(tables.Attempt.sent_at.desc(), tables.Attempt.id.desc())
        .limit(AT_MOST)
    ).all()
    sizes = _sizes(session, {row.batch for row in rows})
    runs = _runs(session, export_id)
    return tuple(
        AttemptView(
            sent_at=row.sent_at,
            answered_at=row.answered_at,
            state=row.state,
            batch=row.batch,
            position=row.position + 1,
            batch_size=sizes[row.batch],
            status=row.status,
            correlation_id=row.correlation_id,
            message=row.message,
            plan_id=_run_at(runs, row.sent_at),
        )
        for row in rows
    )


def _sizes(session: Session, batches: Collection[str]) -> Mapping[str, int]:
    counted = (
        select(tables.Attempt.batch, func.count())
        .where(tables.Attempt.batch.in_(batches))
        .group_by(tables.Attempt.batch)
    )
    return dict(session.execute(counted).all())


def _runs(session: Session, export_id: int) -> list[tuple[str, datetime]]:
    """Return the runs that worked on an export, the latest first: it is in one at a time."""
    rows = session.execute(
        select(tables.RetryRun.plan_id, tables.RetryRun.started_at)
        .join(tables.PlanItem, tables.PlanItem.plan_id == tables.RetryRun.plan_id)
        .where(tables.PlanItem.export_id == export_id, tables.PlanItem.verdict.in_(GOES))
        .order_by(tables.RetryRun.started_at.desc())
    )
    return [(plan_id, started_at) for plan_id, started_at in rows]


def _run_at(runs: Sequence[tuple[str, datetime]], moment: datetime) -> str | None:
    return next((plan_id for plan_id, started_at in runs if started_at <= moment), None)
