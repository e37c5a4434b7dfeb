"""Retry runs as people see them: progress, and pause, resume and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Case, Subquery, case, func, select
from sqlalchemy.orm import Session

from services import audit, members, progress, receipts, stopping
from services.declined import Declined
from services.members import Member, Permission
from services.paging import page_of
from services.progress import Counts
from services.store import tables
from services.store.engine import utcnow
from services.store.states import RunState

#: States in which nothing more comes of a run, or of a lane.
ENDED = (RunState.FINISHED, RunState.CANCELLED)


LANES_A_PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """The part of a run that belongs to one workspace."""

    workspace_id: str
    workspace_name: str
    state: RunState
    counts: Counts
    waiting_for: str | None
    due_at: datetime  #: when it goes on, where it waits for something

    @property
    def done(self) -> int:
        """Return how many of its exports have a result."""
        return self.counts.done

    @property
    def total(self) -> int:
        """Return how many exports the run works on in this workspace."""
        return self.counts.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What several workspaces of a run wait for, and until when."""

    why: str
    workspaces: int
    until: datetime  #: when the last of them goes on


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
    counts: Counts
    lanes: tuple[LaneView, ...]  #: one page of them, those that need attention first
    lanes_total: int
    waits: tuple[Wait, ...]  #: those of most workspaces first
    at_work: int  #: workspaces of which something may be on its way to Xero
    a_minute: float  #: exports with an answer, lately
    finishes_at: datetime | None  #: about; None while nothing tells
    receipts_missing: int  #: of its documents that are in Xero

    @property
    def live(self) -> bool:
        """Say whether the run still works or will go on by itself."""
        return self.state in (RunState.QUEUED, RunState.RUNNING)

    @property
    def ended(self) -> bool:
        """Say whether nothing more comes of the run; a cancelled one finishes what is on its way first."""
        return self.state in ENDED and not self.at_work

    @property
    def total(self) -> int:
        """Return how many exports the run works on."""
        return self.counts.total

    @property
    def done(self) -> int:
        """Return how many exports have a result."""
        return self.counts.done

    @property
    def delivered(self) -> int:
        """Return how many exports arrived in Xero."""
        return self.counts.delivered

    @property
    def failed(self) -> int:
        """Return how many exports were refused."""
        return self.counts.failed

    @property
    def in_doubt(self) -> int:
        """Return of how many exports it is unknown whether they arrived."""
        return self.counts.in_doubt

    @property
    def held(self) -> int:
        """Return how many exports were not tried; the result of each says why."""
        return self.counts.held

    @property
    def scheduled(self) -> bool:
        """Say whether the run waits for the time that was chosen for it."""
        return self.live and self.starts_at is not None and self.starts_at > utcnow()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run in a list of runs."""

    plan_id: str
    state: RunState
    started_by: str
    reason: str
    started_at: datetime
    counts: Counts


class UnknownPlan(Declined):
    """There is no such plan or run, or not for this member; the text is a sentence for the screen."""


def run_view(session: Session, plan_id: str, *, page: int = 1) -> RunView | None:
    """Return a plan's run with one page of its workspaces, or None where it was not started."""
    run = session.get(tables.RetryRun, plan_id, populate_existing=True)
    if run is None:
        return None
    now = utcnow()
    lanes, lanes_total, counted = _lane_page(session, plan_id, page)
    waits, at_work, resumes_at = _waits(session, plan_id, now)
    live = run.state in (RunState.QUEUED, RunState.RUNNING)
    a_minute = progress.exports_a_minute(session, plan_id, since=_began(run), now=now) if live else 0.0
    return RunView(
        plan_id=plan_id,
        state=run.state,
        started_by=run.started_by,
        reason=run.reason,
        started_at=run.started_at,
        finished_at=run.finished_at,
        starts_at=run.starts_at,
        at_most_a_minute=run.at_most_a_minute,
        counts=counted,
        lanes=tuple(lanes),
        lanes_total=lanes_total,
        waits=tuple(waits),
        at_work=at_work,
        a_minute=a_minute,
        finishes_at=progress.finishes_at(left=counted.left, a_minute=a_minute, resumes_at=resumes_at, now=now)
        if live
        else None,
        receipts_missing=receipts.number_missing(session, plan_id),
    )


def _began(run: tables.RetryRun) -> datetime:
    return max(run.started_at, run.starts_at) if run.starts_at else run.started_at


def _lane_page(session: Session, plan_id: str, page: int) -> tuple[list[LaneView], int, Counts]:
    """Return a page of lanes, how many there are, and the counts of all of them: one walk over the items."""
    lane, counted = tables.Lane, progress.by_workspace(plan_id)
    names = ("total", *progress.COUNTED)
    own = [func.coalesce(counted.c[name], 0).label(name) for name in names]
    everywhere = [func.sum(column).over() for column in own]
    query = (
        select(lane, tables.Workspace.name, func.count().over(), *own, *everywhere)
        .join(tables.Workspace, tables.Workspace.id == lane.workspace_id)
        .outerjoin(counted, counted.c.workspace_id == lane.workspace_id)
        .where(lane.plan_id == plan_id)
        .order_by(_attention(counted), tables.Workspace.name, lane.workspace_id)
    )
    rows = session.execute(page_of(query, page=page, page_size=LANES_A_PAGE)).all()
    if not rows:
        return ([], 0, Counts()) if page == 1 else _lane_page(session, plan_id, 1)
    figures = [[int(number) for number in row[3:]] for row in rows]
    views = [
        _lane_view(row[0], row[1], Counts(**dict(zip(names, numbers, strict=False))))
        for row, numbers in zip(rows, figures, strict=True)
    ]
    return views, rows[0][2], Counts(**dict(zip(names, figures[0][len(names) :], strict=True)))


def _attention(counted: Subquery) -> Case[int]:
    """Order workspaces that wait first, then those with failures, then those at work, then those done."""
    lane = tables.Lane
    trouble = counted.c.failed + counted.c.in_doubt + counted.c.held > 0
    # Between two slices a lane is queued for a moment: it must not jump about in the list for that.
    return case(
        (lane.state.not_in(ENDED) & lane.waiting_for.is_not(None), 0),
        (trouble, 1),
        (lane.state.not_in(ENDED), 2),
        else_=3,
    )


def _lane_view(lane: tables.Lane, name: str, counts: Counts) -> LaneView:
    return LaneView(
        workspace_id=lane.workspace_id,
        workspace_name=name,
        state=lane.state,
        counts=counts,
        waiting_for=None if lane.state in ENDED else lane.waiting_for,
        due_at=lane.due_at,
    )


def _waits(session: Session, plan_id: str, now: datetime) -> tuple[list[Wait], int, datetime | None]:
    """Return what the lanes wait for, how many are at work, and when the one goes on that waits longest."""
    lane, number = tables.Lane, func.count()
    rows = session.execute(
        select(lane.waiting_for, number, func.max(lane.due_at), number.filter(lane.state == RunState.RUNNING))
        .where(lane.plan_id == plan_id, lane.state.not_in(ENDED))
        .group_by(lane.waiting_for)
        .order_by(number.desc(), lane.waiting_for)
    ).all()
    waits = [Wait(why=why, workspaces=found, until=until) for why, found, until, _ in rows if why is not None]
    latest = max((row[2] for row in rows), default=None)
    resumes_at = latest if latest is not None and latest > now else None
    return waits, sum(row[3] for row in rows), resumes_at


def recent(session: Session, member: Member, *, limit: int = 10) -> list[RunRow]:
    """Return the latest runs: everybody's, or for a workspace admin those they started."""
    query = select(tables.RetryRun).order_by(tables.RetryRun.started_at.desc()).limit(limit)
    if not member.sees_everything:
        query = query.where(tables.RetryRun.started_by == member.email)
    runs = session.scalars(query).all()
    counted = progress.counts(session, [run.plan_id for run in runs])
    return [
        RunRow(
            plan_id=run.plan_id,
            state=run.state,
            started_by=run.started_by,
            reason=run.reason,
            started_at=run.started_at,
            counts=counted[run.plan_id],
        )
        for run in runs
    ]


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
    if session.get(tables.RetryRun, plan_id) is None:
        raise UnknownPlan("There is no such retry here. Go back to Failed exports and choose again.")
    _require_all(session, member, plan_id)
    return session.get_one(tables.RetryRun, plan_id, with_for_update=True, populate_existing=True)


def _require_all(session: Session, member: Member, plan_id: str) -> None:
    """Raise unless the member may retry in every workspace of a run; in one look, however many there are."""
    members.require_role(member, Permission.RETRY)
    own = select(tables.Workspace.id).where(*members.own_workspaces(member))
    foreign = select(tables.Lane.workspace_id).where(
        tables.Lane.plan_id == plan_id, tables.Lane.workspace_id.not_in(own)
    )
    if (workspace_id := session.scalar(foreign.limit(1))) is not None:
        members.require(session, member, Permission.RETRY, workspace_id)


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
