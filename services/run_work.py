"""The work of a retry run, lane by lane, as the worker does it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from services import attaching, audit, calls, incidents, pausing, reference, run_letters, stopping
from services.desk import Desk
from services.lane import Held, LaneWork, Parked
from services.reference import Imported
from services.runs import ENDED
from services.sending import OTHER_ORGANISATION, send_next
from services.store import tables
from services.store.engine import utcnow
from services.store.states import RunState
from services.xero.pace import MustWait

#: A lane is cut and queued again after so many batches, so that an urgent sync need not wait for it.
BATCHES_A_SLICE = 20
OWN_FAULT = "Relink itself failed here and is trying again"
FAULT_PAUSE = timedelta(seconds=30)


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
        why = f"Waiting for Xero: Xero's {wait.limit} limit is used up."
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
            if not send_next(work) and not attaching.attach_next(work):
                _finish(work, OTHER_ORGANISATION)
                return
    except Held as held:
        _finish(work, held.why)
        return
    queue_again(work.desk, work.plan_id, work.workspace_id, seconds=0, why=None)


def _finish(work: LaneWork, why: str) -> None:
    with work.desk.store.begin() as session:
        attaching.settle(session, work, why)
        stopping.settle_rest(session, work, why)
    _end(work, RunState.FINISHED)


def _wanted(work: LaneWork) -> RunState:
    with work.desk.store.read() as session:
        return session.get_one(tables.RetryRun, work.plan_id).state


def queue_again(desk: Desk, plan_id: str, workspace_id: str, *, seconds: float, why: str | None) -> None:
    """Queue a lane under way once more, not before so many seconds; `why` is shown meanwhile."""
    due_at = utcnow() + timedelta(seconds=seconds)
    with desk.store.begin() as session:
        lane = session.get_one(tables.Lane, (plan_id, workspace_id), with_for_update=True)
        lane.state, lane.waiting_for = RunState.QUEUED, why
        lane.slice += 1
        # Where a person stopped the run meanwhile, the lane ends at once.
        goes_on = session.get_one(tables.RetryRun, plan_id).state is RunState.RUNNING
        lane.due_at = due_at if goes_on else utcnow()
        if why is not None:
            # Receipts may wait for another day; the incident is over when the documents are in Xero.
            incidents.close_if_done(session, workspace_id, now=utcnow())
    if goes_on and why is not None and seconds >= run_letters.LONG_WAIT.total_seconds():
        run_letters.tell_wait(desk, plan_id, why=why, until=due_at)


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
            stopping.leave_in_doubt(session, work.plan_id, work.workspace_id)
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
            run_letters.tell_end(session, work.desk, run, now=now)
