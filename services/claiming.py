"""What a claim asks of its run: whether it goes on, at which pace, and whether exports are as planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from services.lane import LaneWork, Parked
from services.store import tables
from services.store.engine import utcnow
from services.store.states import RunState, Verdict
from services.xero.documents import MAX_BATCH

MINUTE = timedelta(minutes=1)
#: A lane that had its share comes back so much later than those that had none: nobody is always first.
AFTER_YOU = timedelta(seconds=1)
CHANGED = "Its report was imported anew after this plan was made: plan it again to see what will be sent."
OWED_AGAIN = (
    "This plan was to attach its receipts alone, and its mark was taken back: plan it again to send it."
)


def room(session: Session, work: LaneWork) -> int:
    """Return how many exports the lane may claim now; 0 where a person has just stopped the run.

    The run stays locked until the claim is stored: no stop and no other lane's claim comes between.
    Raises `Parked` until the minute after, where the run or this lane has sent what it may.
    """
    run = session.get_one(tables.RetryRun, work.plan_id)
    at_most = run.at_most_a_minute
    session.refresh(run, with_for_update={"read": at_most is None})
    if run.state is not RunState.RUNNING:
        return 0
    return MAX_BATCH if at_most is None else min(MAX_BATCH, _share(session, work, run, at_most))


def _share(session: Session, work: LaneWork, run: tables.RetryRun, at_most: int) -> int:
    ends_at = _minute(session, run, utcnow()) + MINUTE
    others = _lanes_of_minute(session, work.plan_id, ends_at)
    lane = _lane(session, work)
    mine = -(-at_most // others) - lane.sent_this_minute
    if mine <= 0:
        turns = max(1, others // at_most)  # with more lanes than sends, each has its minute in turn
        _park(ends_at + (turns - 1) * MINUTE + AFTER_YOU, at_most)
    if run.sent_this_minute >= at_most:
        _park(ends_at, at_most)
    return min(mine, at_most - run.sent_this_minute)


def _minute(session: Session, run: tables.RetryRun, now: datetime) -> datetime:
    """Return when the minute began whose sends are counted; once it is over, another begins now."""
    began_at = run.minute_began_at
    if began_at is None or began_at + MINUTE <= now:
        run.minute_began_at, run.sent_this_minute = now, 0
        session.execute(
            update(tables.Lane).where(tables.Lane.plan_id == run.plan_id).values(sent_this_minute=0)
        )
        return now
    return began_at


def _lanes_of_minute(session: Session, plan_id: str, ends_at: datetime) -> int:
    """Count the lanes among which a minute is shared: what Xero parks for longer takes no part."""
    lanes = tables.Lane
    number = session.scalar(
        select(func.count())
        .select_from(lanes)
        .where(
            lanes.plan_id == plan_id,
            lanes.state.in_([RunState.QUEUED, RunState.RUNNING]),
            or_(lanes.due_at <= ends_at + AFTER_YOU, lanes.sent_this_minute > 0),
        )
    )
    return max(1, number or 0)


def _park(until: datetime, at_most: int) -> None:
    seconds = max(0.0, (until - utcnow()).total_seconds())
    raise Parked(seconds, f"Waiting for the next minute: at most {at_most:,} a minute was chosen")


def _lane(session: Session, work: LaneWork) -> tables.Lane:
    return session.get_one(tables.Lane, (work.plan_id, work.workspace_id), populate_existing=True)


def count(session: Session, work: LaneWork, number: int) -> None:
    """Count exports that are about to be sent to the run's minute and the lane's share of it."""
    run = session.get_one(tables.RetryRun, work.plan_id)
    if run.at_most_a_minute is not None:
        run.sent_this_minute += number
        _lane(session, work).sent_this_minute += number


def as_planned(session: Session, work: LaneWork, exports: Sequence[tables.Export]) -> list[tables.Export]:
    """Return those of the locked exports that are as they were when planned; the others leave the run."""
    made_at = session.get_one(tables.RetryPlan, work.plan_id).made_at
    changed = [export.id for export in exports if export.changed_at and export.changed_at > made_at]
    session.execute(
        update(tables.PlanItem)
        .where(tables.PlanItem.plan_id == work.plan_id, tables.PlanItem.export_id.in_(changed))
        .values(verdict=Verdict.CHANGED, reason=CHANGED)
    )
    return [export for export in exports if export.id not in changed]
