"""Retry runs: progress, pause and cancel, and the work itself, lane by lane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services import answers, audit, calls, incidents, members, pausing, reference
from services.declined import Declined
from services.desk import Desk
from services.lane import Held, LaneWork, Parked
from services.members import Member, Permission
from services.reference import Imported
from services.sending import OTHER_ORGANISATION, send_next
from services.store import tables
from services.store.engine import utcnow
from services.store.states import GOES, ExportState, RunState
from services.xero.pace import MustWait

#: A lane is cut and queued again after so many batches, so that an urgent sync need not wait for it.
BATCHES_A_SLICE = 20
OWN_FAULT = "Relink itself failed here and is trying again"
FAULT_PAUSE = timedelta(seconds=30)
ENDED = (RunState.FINISHED, RunState.CANCELLED)


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


# What the worker does


def work_lane(desk: Desk, plan_id: str, workspace_id: str, slice_: int) -> None:
    """Work on one slice of a lane; run again after a crash, it goes on where the store says it stood."""
    work = _take_up(desk, plan_id, workspace_id, slice_)
    if work is None:
        return
    grant_id, organisation_id, by_itself = work
    try:
        with calls.xero(desk, grant_id=grant_id, organisation_id=organisation_id) as api:
            known = _known(desk, organisation_id)
            _work(LaneWork(desk, api, plan_id, workspace_id, organisation_id, known, by_itself))
    except Parked as pause_:
        queue_again(desk, plan_id, workspace_id, seconds=pause_.seconds, why=pause_.why)
    except MustWait as wait:
        why = f"Waiting for Xero's {wait.limit} limit"
        queue_again(desk, plan_id, workspace_id, seconds=wait.seconds, why=why)


def _take_up(desk: Desk, plan_id: str, workspace_id: str, slice_: int) -> tuple[str, str, bool] | None:
    with desk.store.begin() as session:
        lane = session.get_one(tables.Lane, (plan_id, workspace_id), with_for_update=True)
        if lane.slice != slice_ or lane.state not in (RunState.QUEUED, RunState.RUNNING):
            return None
        connection = session.get_one(tables.Connection, workspace_id)
        run = session.get_one(tables.RetryRun, plan_id)
        by_itself = run.started_by == audit.SYSTEM
        if by_itself and run.state is RunState.RUNNING and connection.paused_at is not None:
            lane.slice, lane.waiting_for = lane.slice + 1, pausing.PAUSED
            return None
        lane.state, lane.waiting_for = RunState.RUNNING, None
        if connection.grant_id is None:
            raise AssertionError("a connection is not given back while a lane of it is open")
        return connection.grant_id, lane.organisation_id, by_itself


def _known(desk: Desk, organisation_id: str) -> Imported:
    # Syncs of the organisation wait for this lane, so it stays true for the whole slice.
    with desk.store.read() as session:
        return reference.imported(session, organisation_id)


def _work(work: LaneWork) -> None:
    try:
        for _ in range(BATCHES_A_SLICE):
            state = _wanted(work)
            if state is not RunState.RUNNING:
                _end(work, state)
                return
            if not send_next(work):
                _finish(work, OTHER_ORGANISATION)
                return
    except Held as held:
        _finish(work, held.why)
        return
    queue_again(work.desk, work.plan_id, work.workspace_id, seconds=0, why=None)


def _finish(work: LaneWork, why: str) -> None:
    with work.desk.store.begin() as session:
        answers.settle_rest(session, work, why)
    _end(work, RunState.FINISHED)


def _wanted(work: LaneWork) -> RunState:
    with work.desk.store.read() as session:
        return session.get_one(tables.RetryRun, work.plan_id).state


def queue_again(desk: Desk, plan_id: str, workspace_id: str, *, seconds: float, why: str | None) -> None:
    """Queue a lane under way once more, not before so many seconds; `why` is shown meanwhile."""
    with desk.store.begin() as session:
        lane = session.get_one(tables.Lane, (plan_id, workspace_id), with_for_update=True)
        lane.state, lane.waiting_for = RunState.QUEUED, why
        lane.slice += 1
        lane.due_at = utcnow() + timedelta(seconds=seconds)


def queue_stranded_again(desk: Desk, plan_id: str, workspace_id: str, slice_: int) -> None:
    """Queue a lane again at which Relink itself failed."""
    with desk.store.begin() as session:
        lane = session.get_one(tables.Lane, (plan_id, workspace_id), with_for_update=True)
        if lane.slice != slice_ or lane.state not in (RunState.QUEUED, RunState.RUNNING):
            return
        lane.state, lane.slice = RunState.QUEUED, lane.slice + 1
        lane.waiting_for, lane.due_at = OWN_FAULT, utcnow() + FAULT_PAUSE


def _end(work: LaneWork, state: RunState) -> None:
    now = utcnow()
    with work.desk.store.begin() as session:
        # The run's row is the lock: of two lanes that end at once, the later one ends the run.
        run = session.get_one(tables.RetryRun, work.plan_id, with_for_update=True)
        lane = session.get_one(tables.Lane, (work.plan_id, work.workspace_id))
        if state is RunState.PAUSED and run.state is RunState.RUNNING:
            # Resumed between our look and now: the lane goes on instead of staying behind.
            lane.state, lane.slice, lane.due_at = RunState.QUEUED, lane.slice + 1, now
            return
        lane.state = state
        if state is RunState.CANCELLED:
            answers.leave_in_doubt(session, work.plan_id, work.workspace_id)
        session.flush()
        incidents.close_if_done(session, work.workspace_id, now=now)
        still = session.scalar(
            select(func.count())
            .select_from(tables.Lane)
            .where(tables.Lane.plan_id == work.plan_id, tables.Lane.state.not_in(ENDED))
        )
        # A pause that came while the last batch was under way leaves nothing to resume.
        if not still and run.state is not RunState.CANCELLED:
            run.state, run.finished_at = RunState.FINISHED, now
