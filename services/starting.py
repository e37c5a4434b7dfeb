"""What the start of a run leaves out: a plan's exports looked at once more, in SQL, under lock."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from services import catalogue, claiming, under_way, verdicts
from services.catalogue import RetryClass
from services.store import tables
from services.store.states import GOES, ExportState, Verdict

#: After a new failure with one of these, the same export is not sent again as it is.
_SAME_AGAIN_IS_VAIN = sorted(
    code.code for code in catalogue.CODES.values() if code.retry in {RetryClass.FIX_FIRST, RetryClass.NEVER}
)


def look_again(
    session: Session, plan: tables.RetryPlan, connections: Mapping[str, tables.Connection]
) -> None:
    """Give every export that would go another verdict where it must not go any more."""
    for condition, reason in _changes(plan):
        of_item = exists().where(tables.Export.id == tables.PlanItem.export_id, condition)
        _turn(session, plan.id, of_item, Verdict.CHANGED, reason)
    for workspace_id, connection in connections.items():
        if (why := verdicts.blocked(connection)) is not None:
            _turn(session, plan.id, tables.PlanItem.workspace_id == workspace_id, Verdict.CHANGED, why)
    for run in under_way.others(session, plan.id, verdicts=GOES):
        there = tables.PlanItem.export_id.in_(under_way.exports_of(run.plan_id))
        _turn(session, plan.id, there, Verdict.UNDER_WAY, run.why)


def numbers(session: Session, plan_id: str) -> dict[str, int]:
    """Return how many exports of each workspace a plan sends, or looks up first."""
    items, number = tables.PlanItem, func.count()
    rows = session.execute(
        select(items.workspace_id, number)
        .where(items.plan_id == plan_id, items.verdict.in_(GOES))
        .group_by(items.workspace_id)
    )
    return dict(rows.all())


def leave_out(session: Session, plan_id: str, workspace_ids: Collection[str], by: str) -> None:
    """Leave out the exports of workspaces that were not chosen."""
    there = tables.PlanItem.workspace_id.in_(workspace_ids)
    _turn(session, plan_id, there, Verdict.LEFT_OUT, f"{by} did not choose this workspace at the start.")


def left_out(session: Session, plan_id: str) -> dict[str, int]:
    """Return why exports that the plan would have sent are not sent after all, and how many each."""
    items = tables.PlanItem
    rows = session.execute(
        select(items.reason, func.count())
        .where(items.plan_id == plan_id, items.verdict.in_(_AT_THE_START))
        .group_by(items.reason)
    )
    return dict(rows.all())


_AT_THE_START = (Verdict.CHANGED, Verdict.UNDER_WAY, Verdict.LEFT_OUT)


def _changes(plan: tables.RetryPlan) -> Iterator[tuple[ColumnElement[bool], str]]:
    """Return what may have become of an export since the plan, and what is said of it then."""
    export = tables.Export
    yield (
        (export.state == ExportState.DELIVERED) & (tables.PlanItem.verdict != Verdict.RECEIPTS),
        "It was delivered after this plan was made, and is in Xero.",
    )
    yield (
        (export.state != ExportState.DELIVERED) & (tables.PlanItem.verdict == Verdict.RECEIPTS),
        claiming.OWED_AGAIN,
    )
    yield export.state == ExportState.SET_ASIDE, "It was set aside after this plan was made."
    yield export.changed_at > plan.made_at, claiming.CHANGED
    yield (
        (export.state == ExportState.FAILED)
        & (export.failed_at > plan.made_at)
        & export.code.in_(_SAME_AGAIN_IS_VAIN),
        "It was tried and refused after this plan was made: plan it again to see what to do first.",
    )
    connected = select(tables.Connection.organisation_id).where(
        tables.Connection.workspace_id == export.workspace_id
    )
    yield (
        export.organisation_id.is_distinct_from(connected.scalar_subquery()),
        "The workspace was connected to another organisation after this plan was made.",
    )


def _turn(session: Session, plan_id: str, which: ColumnElement[bool], verdict: Verdict, reason: str) -> None:
    items = tables.PlanItem
    session.execute(
        update(items)
        .where(items.plan_id == plan_id, items.verdict.in_(GOES), which)
        .values(verdict=verdict, reason=reason),
        execution_options={"synchronize_session": False},
    )
