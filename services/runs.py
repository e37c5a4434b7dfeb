"""Retry runs as people see them: progress, and pause, resume and cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import audit, members, receipts, stopping
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
    starts_at: datetime | None  #: not before; None for at once
    at_most_a_minute: int | None  #: exports; None for as fast as Xero allows
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

    @property
    def scheduled(self) -> bool:
        """Say whether the run waits for the time that was chosen for it."""
        return self.live and self.starts_at is not None and self.starts_at > utcnow()


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
        starts_at=run.starts_at,
        at_most_a_minute=run.at_most_a_minute,
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
    if _turn(session, member, plan_id, RunState.RUNNING, RunState.PAUSED, "paused"):
        for lane in _lanes(session, plan_id, RunState.QUEUED):
            lane.state = RunState.PAUSED


def resume(session: Session, member: Member, plan_id: str) -> None:
    """Go on with a paused run: at once, or at the time that was chosen for it."""
    if _turn(session, member, plan_id, RunState.PAUSED, RunState.RUNNING, "resumed"):
        starts_at, now = session.get_one(tables.RetryRun, plan_id).starts_at, utcnow()
        for lane in _lanes(session, plan_id, RunState.PAUSED):
            lane.state, lane.waiting_for = RunState.QUEUED, None
            lane.slice, lane.due_at = lane.slice + 1, max(now, starts_at or now)


def cancel(session: Session, member: Member, plan_id: str) -> None:
    """End a run after the batches under way; what was not sent stays as it is."""
    for source in (RunState.RUNNING, RunState.PAUSED):
        if _turn(session, member, plan_id, source, RunState.CANCELLED, "cancelled"):
            session.get_one(tables.RetryRun, plan_id).finished_at = utcnow()
            for lane in _lanes(session, plan_id, RunState.QUEUED, RunState.PAUSED):
                lane.state = RunState.CANCELLED
                stopping.leave_in_doubt(session, plan_id, lane.workspace_id)


def start_now(session: Session, member: Member, plan_id: str) -> None:
    """Begin with a scheduled run before its time; on any other it changes nothing."""
    run = _locked(session, member, plan_id)
    now = utcnow()
    if run.state is not RunState.RUNNING or run.starts_at is None or run.starts_at <= now:
        return
    run.starts_at = now
    for lane in _lanes(session, plan_id, RunState.QUEUED):
        lane.due_at = now
    _record(session, member, plan_id, "started before its time")


def _lanes(session: Session, plan_id: str, *states: RunState) -> list[tables.Lane]:
    """Return the lanes in one of these states. All are locked: one may be queued at this very moment."""
    locked = session.scalars(
        select(tables.Lane)
        .where(tables.Lane.plan_id == plan_id)
        .order_by(tables.Lane.workspace_id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    return [lane for lane in locked.all() if lane.state in states]


def _turn(
    session: Session, member: Member, plan_id: str, source: RunState, target: RunState, word: str
) -> bool:
    """Turn a run from one state to another, and say whether it was in the first."""
    run = _locked(session, member, plan_id)
    if run.state is not source:
        return False
    run.state = target
    _record(session, member, plan_id, word)
    return True


def _locked(session: Session, member: Member, plan_id: str) -> tables.RetryRun:
    workspaces = _workspaces(session, plan_id)
    if not workspaces:
        raise UnknownPlan("There is no such retry here. Go back to Failed exports and choose again.")
    for workspace_id in workspaces:
        members.require(session, member, Permission.RETRY, workspace_id)
    return session.get_one(tables.RetryRun, plan_id, with_for_update=True, populate_existing=True)


def _workspaces(session: Session, plan_id: str) -> Sequence[str]:
    return session.scalars(select(tables.Lane.workspace_id).where(tables.Lane.plan_id == plan_id)).all()


def _record(session: Session, member: Member, plan_id: str, word: str) -> None:
    for workspace_id in _workspaces(session, plan_id):
        audit.record(
            session,
            f"retry {word}",
            f"The retry was {word}.",
            actor=member.shown,
            workspace_id=workspace_id,
            plan=plan_id,
        )
