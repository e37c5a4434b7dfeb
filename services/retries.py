"""Starting the run of a plan."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from services import audit, incidents, members, pausing, plans
from services.declined import Declined
from services.members import Member, Permission
from services.store import tables
from services.store.engine import utcnow
from services.store.states import IncidentState, RunState

STILL_JUDGED = (
    "Relink is still on its way through this plan, so nothing was started. Wait until every export of it "
    "has its verdict, then start it."
)


def start(session: Session, member: Member, plan_id: str, reason: str) -> None:
    """Start the run of a plan; pressed a second time, it is the same run.

    Raises `UnknownPlan`, `NotAllowed`, and `Declined` while the plan is still judged, when nothing of it
    can be sent, or when a workspace of it is being disconnected.
    """
    reason = audit.reason_of(reason)
    plans.own_plan(session, member, plan_id)
    if not member.may(Permission.RETRY):
        raise members.NotAllowed(f"Your role, {member.role}, may not {Permission.RETRY}.")
    # The plan's row is the lock: two presses at once must not make two runs.
    plan = session.get_one(tables.RetryPlan, plan_id, with_for_update=True, populate_existing=True)
    if session.get(tables.RetryRun, plan_id) is not None:
        return
    if plan.judging_due_at is not None:
        raise Declined(STILL_JUDGED)
    lanes = plans.lanes_of(session, plan_id)
    if not lanes:
        raise Declined("Nothing of this plan can be sent. The verdicts say what to do first.")
    now = utcnow()
    session.add(
        tables.RetryRun(
            plan_id=plan_id,
            started_by=member.shown,
            reason=reason,
            state=RunState.RUNNING,
            started_at=now,
        )
    )
    session.flush()
    for workspace_id, _, number in sorted(lanes):  # everybody locks in the same order, so nobody blocks
        _open_lane(session, member, plan_id, workspace_id, number, reason, now)


def _open_lane(
    session: Session, member: Member, plan_id: str, workspace_id: str, number: int, reason: str, now: datetime
) -> None:
    connection = pausing.lock(session, workspace_id, share=True)
    pausing.require_staying(connection)
    session.add(
        tables.Lane(
            plan_id=plan_id,
            workspace_id=workspace_id,
            organisation_id=connection.organisation_id,
            state=RunState.QUEUED,
            slice=0,
            due_at=now,
        )
    )
    incident_id = incidents.advance(session, workspace_id, IncidentState.RELEASING)
    audit.record(
        session,
        "retry started",
        f"Retry of {number:,} exports started.",
        actor=member.shown,
        workspace_id=workspace_id,
        incident_id=incident_id,
        reason=reason or None,
        at=now,
        plan=plan_id,
    )
