"""Retry runs as people see them: progress, and pause, resume and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services import answers, audit, members, receipts
from services.declined import Declined
from services.members import Member, Permission
from services.store import tables
from services.store.engine import utcnow
from services.store.states import GOES, ExportState, RunState


@dataclass(frozen=True, slots=True)
class LaneView:
    """The part of a run that belongs to one workspace."""

    workspace_id: str
    workspace_name: str
    state: RunState
    done: int
    total: int
    waiting_for: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run and how far it is."""

    plan_id: str
    state: RunState
    started_by: str
    reason: str
    started_at: datetime
    finished_at: datetime | None
    total: int
    done: int
    delivered: int
    failed: int
    in_doubt: int
    held: int
    receipts_missing: int  #: of its documents that are in Xero
    lanes: tuple[LaneView, ...]

    @property
    def live(self) -> bool:
        """Say whether the run still works or will go on by itself."""
        return self.state in (RunState.QUEUED, RunState.RUNNING)


class UnknownPlan(Declined):
    """There is no such plan or run, or not for this member; the text is a sentence for the screen."""


def run_view(session: Session, plan_id: str) -> RunView | None:
    """Return a plan's run, or None where it was not started."""
    run = session.get(tables.RetryRun, plan_id)
    if run is None:
        return None
    by_workspace = _counts(session, plan_id)
    results = {
        result: sum(numbers.get(result, 0) for numbers in by_workspace.values())
        for result in (None, *ExportState)
    }
    total = sum(results.values())
    return RunView(
        plan_id=plan_id,
        state=run.state,
        started_by=run.started_by,
        reason=run.reason,
        started_at=run.started_at,
        finished_at=run.finished_at,
        total=total,
        done=total - results[None],
        delivered=results[ExportState.DELIVERED],
        failed=results[ExportState.FAILED],
        in_doubt=results[ExportState.IN_DOUBT],
        held=results[ExportState.HELD],
        receipts_missing=receipts.number_missing(session, plan_id),
        lanes=tuple(_lane_views(session, plan_id, by_workspace)),
    )


_Counts = Mapping[str, Mapping[ExportState | None, int]]


def _counts(session: Session, plan_id: str) -> _Counts:
    found: dict[str, dict[ExportState | None, int]] = {}
    rows = session.execute(
        select(tables.PlanItem.workspace_id, tables.PlanItem.result, func.count())
        .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.verdict.in_(GOES))
        .group_by(tables.PlanItem.workspace_id, tables.PlanItem.result)
    )
    for workspace_id, result, number in rows:
        found.setdefault(workspace_id, {})[result] = number
    return found


def _lane_views(session: Session, plan_id: str, counts: _Counts) -> list[LaneView]:
    rows = session.execute(
        select(tables.Lane, tables.Workspace.name)
        .join(tables.Workspace, tables.Workspace.id == tables.Lane.workspace_id)
        .where(tables.Lane.plan_id == plan_id)
        .order_by(tables.Workspace.name)
    )
    return [
        LaneView(
            workspace_id=lane.workspace_id,
            workspace_name=name,
            state=lane.state,
            done=sum(number for result, number in counts[lane.workspace_id].items() if result is not None),
            total=sum(counts[lane.workspace_id].values()),
            waiting_for=lane.waiting_for,
        )
        for lane, name in rows
    ]


def recent(session: Session, member: Member, *, limit: int = 10) -> list[RunView]:
    """Return the latest runs: everybody's, or for a workspace admin those they started."""
    query = select(tables.RetryRun.plan_id).order_by(tables.RetryRun.started_at.desc()).limit(limit)
    if not member.sees_everything:
        query = query.where(tables.RetryRun.started_by == member.email)
    views = (run_view(session, plan_id) for plan_id in session.scalars(query).all())
    return [view for view in views if view is not None]


# What a person does to a run


def pause(session: Session, member: Member, plan_id: str) -> None:
    """Stop a run after the batches under way; `resume` goes on with it."""
    _turn(session, member, plan_id, source=RunState.RUNNING, target=RunState.PAUSED, word="paused")


def resume(session: Session, member: Member, plan_id: str) -> None:
    """Go on with a paused run."""
    _turn(session, member, plan_id, source=RunState.PAUSED, target=RunState.RUNNING, word="resumed")
    session.execute(
        update(tables.Lane)
        .where(tables.Lane.plan_id == plan_id, tables.Lane.state == RunState.PAUSED)
        .values(state=RunState.QUEUED, slice=tables.Lane.slice + 1, due_at=utcnow())
    )


def cancel(session: Session, member: Member, plan_id: str) -> None:
    """End a run after the batches under way; what was not sent stays as it is."""
    for source in (RunState.RUNNING, RunState.PAUSED):
        _turn(session, member, plan_id, source=source, target=RunState.CANCELLED, word="cancelled")
    for lane in session.scalars(
        select(tables.Lane).where(tables.Lane.plan_id == plan_id, tables.Lane.state == RunState.PAUSED)
    ).all():
        lane.state = RunState.CANCELLED
        answers.leave_in_doubt(session, plan_id, lane.workspace_id)


def _turn(
    session: Session, member: Member, plan_id: str, *, source: RunState, target: RunState, word: str
) -> None:
    workspaces = session.scalars(select(tables.Lane.workspace_id).where(tables.Lane.plan_id == plan_id)).all()
    if not workspaces:
        raise UnknownPlan("There is no such retry here. Go back to Failed exports and choose again.")
    for workspace_id in workspaces:
        members.require(session, member, Permission.RETRY, workspace_id)
    run = session.get_one(tables.RetryRun, plan_id, with_for_update=True)
    if run.state is not source:
        return
    run.state = target
    if target is RunState.CANCELLED:
        run.finished_at = utcnow()
    for workspace_id in workspaces:
        audit.record(
            session,
            f"retry {word}",
            f"The retry was {word}.",
            actor=member.shown,
            workspace_id=workspace_id,
            plan=plan_id,
        )
