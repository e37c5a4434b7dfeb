"""Starting the run of a plan: now or at a time, all of it or some workspaces, at its own pace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services import audit, incidents, members, pausing, plans, starting, under_way
from services.declined import Declined
from services.members import Member, Permission
from services.store import tables
from services.store.engine import utcnow
from services.store.states import IncidentState, RunState, Verdict

AT_MOST_AHEAD = timedelta(days=30)
PACES = range(1, 10_001)  # exports a minute that may be chosen

NOTHING_GOES = "Nothing of this plan can be sent. The verdicts say what to do first."
STILL_JUDGED = (
    "Relink is still on its way through this plan, so nothing was started. Wait until every export of it "
    "has its verdict, then start it."
)


@dataclass(frozen=True, slots=True)
class Started:
    """What came of a start."""

    plan_id: str  #: whose run sends the exports; another plan's where that was under way already
    joined: bool  #: the run was there before
    left_out: Mapping[str, int] = field(default_factory=dict)  #: why some are not sent, and how many


def start(
    session: Session,
    member: Member,
    plan_id: str,
    reason: str,
    *,
    starts_at: datetime | None = None,
    workspace_ids: Collection[str] | None = None,
    at_most_a_minute: int | None = None,
) -> Started:
    """Start the run of a plan, or join the one that has its exports in hand already.

    Not before `starts_at`, of only these workspaces, and at most so many exports a minute. What changed
    since the plan was made is left out, with its reason. Raises `UnknownPlan`, `NotAllowed`, and
    `Declined` for a choice that makes no sense, while the plan is still judged, and when nothing of it
    can be sent.
    """
    reason = audit.reason_of(reason)
    members.require_role(member, Permission.RETRY)
    plan = plans.lock(session, member, plan_id)
    if session.get(tables.RetryRun, plan_id) is not None:
        return Started(plan_id, joined=True)
    if plan.judging_due_at is not None:
        raise Declined(STILL_JUDGED)
    now = utcnow()
    _check_time(starts_at, now)
    _check_pace(at_most_a_minute)
    going = _going(session, member, plan, workspace_ids)
    if not going:
        return _join(session, member, plan_id)
    run = tables.RetryRun(
        plan_id=plan_id,
        started_by=member.shown,
        reason=reason,
        state=RunState.RUNNING,
        started_at=now,
        starts_at=starts_at,
        at_most_a_minute=at_most_a_minute,
    )
    session.add(run)
    session.flush()
    for connection, number in going:
        _open_lane(session, run, connection, number)
    return Started(plan_id, joined=False, left_out=starting.left_out(session, plan_id))


def _check_time(starts_at: datetime | None, now: datetime) -> None:
    if starts_at is None:
        return
    if starts_at <= now:
        raise Declined("That time has passed. Choose a later one, or start the retry now.")
    if starts_at > now + AT_MOST_AHEAD:
        raise Declined(
            f"That is more than {AT_MOST_AHEAD.days} days ahead: until then too much changes. "
            "Choose an earlier time."
        )


def _check_pace(at_most_a_minute: int | None) -> None:
    if at_most_a_minute is not None and at_most_a_minute not in PACES:
        raise Declined(
            f"A pace of {at_most_a_minute:,} exports a minute cannot be kept. "
            f"Choose from {PACES[0]} to {PACES[-1]:,}, or none for as fast as Xero allows."
        )


def _going(
    session: Session, member: Member, plan: tables.RetryPlan, workspace_ids: Collection[str] | None
) -> list[tuple[tables.Connection, int]]:
    """Return how many exports go through each connection chosen, looked at once more under its lock."""
    planned = starting.numbers(session, plan.id).keys()
    chosen = planned if workspace_ids is None else set(workspace_ids)
    if workspace_ids is not None:
        _check_choice(chosen, planned)
    # Of two starts of the same exports the second waits here, and then sees the run of the first. Relink's
    # own turn has the exports themselves locked, and lets others send from the workspace.
    connections = pausing.lock_all(session, planned, share=member.email == audit.SYSTEM)
    starting.look_again(session, plan, connections)
    numbers = starting.numbers(session, plan.id)
    sent = numbers.keys() & chosen
    going = [(connections[workspace_id], numbers[workspace_id]) for workspace_id in sorted(sent)]
    if going and numbers.keys() - chosen:
        starting.leave_out(session, plan.id, numbers.keys() - chosen, member.shown)
    return going


def _check_choice(chosen: Collection[str], planned: Collection[str]) -> None:
    if not chosen:
        raise Declined("No workspace is chosen. Tick at least one.")
    if not set(chosen) <= set(planned):
        raise Declined(
            "Not every chosen workspace has exports in this plan that can be sent. "
            "Reload the page and choose again."
        )


def _join(session: Session, member: Member, plan_id: str) -> Started:
    """Lead to the one run that has the plan's exports in hand, or say why nothing is left to send."""
    runs = under_way.others(session, plan_id, verdicts=[Verdict.UNDER_WAY])
    if len(runs) == 1 and plans.is_visible(session, member, runs[0].plan_id):
        return Started(runs[0].plan_id, joined=True)
    reasons = starting.left_out(session, plan_id)
    if not reasons:
        raise Declined(NOTHING_GOES)
    most = max(reasons, key=lambda reason: reasons[reason])
    raise Declined(f"Nothing of this plan is left to be sent. {most}")


def _open_lane(session: Session, run: tables.RetryRun, connection: tables.Connection, number: int) -> None:
    workspace_id = connection.workspace_id
    session.add(
        tables.Lane(
            plan_id=run.plan_id,
            workspace_id=workspace_id,
            organisation_id=connection.organisation_id,
            state=RunState.QUEUED,
            slice=0,
            due_at=run.starts_at or run.started_at,
        )
    )
    exports = "1 export" if number == 1 else f"{number:,} exports"
    begins = f"set for {run.starts_at:%-d %b %Y, %H:%M} UTC" if run.starts_at else "started"
    audit.record(
        session,
        "retry scheduled" if run.starts_at else "retry started",
        f"Retry of {exports} {begins}.",
        actor=run.started_by,
        workspace_id=workspace_id,
        incident_id=incidents.advance(session, workspace_id, IncidentState.RELEASING),
        reason=run.reason or None,
        at=run.started_at,
        plan=run.plan_id,
    )
