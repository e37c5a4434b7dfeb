"""Exports that are under way: in a run that still works on them, so that no second one takes them up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from services import audit
from services.store import tables
from services.store.states import GOES, ExportState, ReceiptState, RunState, Verdict

#: States of runs that hold on to their exports; a paused one goes on with them, or is cancelled.
HOLDS = (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)


@dataclass(frozen=True, slots=True)
class OtherRun:
    """A run that has exports in hand which another plan has as well."""

    plan_id: str
    started_by: str
    started_at: datetime
    exports: int

    @property
    def why(self) -> str:
        """Return the sentence that is said of these exports."""
        return reason(self.started_by, self.started_at)


def reason(started_by: str, started_at: datetime) -> str:
    """Say in whose retry an export is."""
    who = "Relink itself" if started_by == audit.SYSTEM else started_by
    return f"It is in the retry that {who} started on {started_at.astimezone(UTC):%-d %b %Y, %H:%M} UTC."


def reasons(session: Session, export_ids: Collection[int]) -> dict[int, str]:
    """Return those of the exports that are in a run, each with the sentence that says in whose."""
    rows = session.execute(
        _held(tables.PlanItem.export_id, tables.RetryRun.started_by, tables.RetryRun.started_at).where(
            tables.PlanItem.export_id.in_(export_ids)
        )
    )
    return {export_id: reason(by, at) for export_id, by, at in rows}


def others(session: Session, plan_id: str, *, verdicts: Collection[Verdict]) -> Sequence[OtherRun]:
    """Return the other runs that have exports of a plan in hand which have one of these verdicts there."""
    run = tables.RetryRun
    rows = session.execute(
        _held(run.plan_id, run.started_by, run.started_at, func.count())
        .where(run.plan_id != plan_id, tables.PlanItem.export_id.in_(_of_plan(plan_id, verdicts)))
        .group_by(run.plan_id, run.started_by, run.started_at)
        .order_by(run.started_at)
    )
    return [OtherRun(*row) for row in rows]


def exports_of(plan_id: str) -> Select[int]:
    """Return the query of the exports that a run has in hand."""
    return _held(tables.PlanItem.export_id).where(tables.PlanItem.plan_id == plan_id)


def _of_plan(plan_id: str, verdicts: Collection[Verdict]) -> Select[int]:
    items = tables.PlanItem.__table__.alias("wanted")
    return select(items.c.export_id).where(items.c.plan_id == plan_id, items.c.verdict.in_(verdicts))


def _held(*columns: Any) -> Select[Any]:
    item, run, connection = tables.PlanItem, tables.RetryRun, tables.Connection
    return (
        select(*columns)
        .select_from(item)
        .join(run, run.plan_id == item.plan_id)
        .join(connection, connection.workspace_id == item.workspace_id)
        .where(
            run.state.in_(HOLDS),
            item.verdict.in_(GOES),
            or_(item.result.is_(None), _has_receipts_to_come()),
            ~_stands_still(),
        )
    )


def _has_receipts_to_come() -> ColumnElement[bool]:
    """The document is in Xero, and its lane is not done with the receipts."""
    item, lane, receipt = tables.PlanItem, tables.Lane, tables.Receipt
    in_hand = exists().where(
        lane.plan_id == item.plan_id, lane.workspace_id == item.workspace_id, lane.state.in_(HOLDS)
    )
    waits = exists().where(receipt.export_id == item.export_id, receipt.state == ReceiptState.WAITING)
    return and_(item.result == ExportState.DELIVERED, in_hand, waits)


def _stands_still() -> ColumnElement[bool]:
    """Relink's own run does nothing while its workspace is paused; what a person does by hand goes on."""
    return (tables.RetryRun.started_by == audit.SYSTEM) & tables.Connection.paused_at.is_not(None)
