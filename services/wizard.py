"""The reconnect wizard: the article's steps, each ticked by what Relink itself observes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import catalogue, members, refusals, retries, workspaces
from services.catalogue import RetryClass
from services.exports import ExportFilter
from services.incidents import IncidentView
from services.members import Member, Permission
from services.refusals import Refusal
from services.retries import PlanView
from services.store import tables
from services.store.engine import utcnow
from services.store.states import (
    NEEDS_RECONNECT,
    RETRYABLE,
    ExportState,
    Health,
    ReconnectState,
    SyncState,
)
from services.syncs import SyncView
from services.workspaces import WorkspaceView

#: The article's own words, in its order: how to reconnect, and how to retry.
RECONNECT_STEPS = (
    "Go to Settings > Workspaces.",
    "Select your Workspace.",
    "Click Accounting.",
    "Click Sync Now.",
    "When prompted, click Reconnect.",
    "Log in using the Xero admin credentials that were originally used to set up the connection.",
    "Authorize the connection.",
)
RETRY_STEPS = (
    "Go to Settings > Workspaces.",
    "Select your Workspace.",
    "Click Accounting.",
    "Click Sync Now again.",
    "Retry exporting any reports that previously failed.",
)

DONE_SHOWN_FOR = timedelta(hours=24)  # then a repair is history, and there is nothing to repair


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    CURRENT = "current"
    TODO = "to do"


class Act(StrEnum):
    """The one thing to do at the current step."""

    SYNC = "Sync Now"
    RECONNECT = "Reconnect"
    WAIT = "wait"
    SYNC_AGAIN = "Sync Now again"
    RETRY = "Retry failed exports"
    DONE = "done"
    NONE = "nothing to repair"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the article."""

    number: int
    text: str
    state: StepState
    note: str | None  #: what Relink observed


@dataclass(frozen=True, slots=True, kw_only=True)
class WizardView:
    """Where a workspace's repair stands, for everybody who looks at it."""

    workspace: WorkspaceView
    reconnect_id: str | None
    state: ReconnectState | None
    reconnect_steps: tuple[Step, ...]
    retry_steps: tuple[Step, ...]
    act: Act
    refusal: Refusal | None
    sync: SyncView | None
    plan: PlanView | None
    delivered: int  #: exports of the incident that arrived in Xero
    left: int  #: exports that still wait, whatever for
    may_act: bool  #: whether this member may reconnect; others watch


def wizard(session: Session, member: Member, workspace_id: str) -> WizardView:
    """Return where the repair stands; it is read from the store, so it resumes anywhere.

    Raises `UnknownWorkspace` and `NotAllowed`.
    """
    workspace = workspaces.follow(session, member, workspace_id)
    reconnect = _latest_reconnect(session, workspace)
    run_live, plan = _plan(session, member, reconnect)
    act = _act(workspace, reconnect, run_live=run_live)
    done = _steps_done(act, workspace, reconnect)
    return WizardView(
        workspace=workspace,
        reconnect_id=reconnect.id if reconnect else None,
        state=reconnect.state if reconnect else None,
        reconnect_steps=steps(RECONNECT_STEPS, done, _reconnect_notes(workspace, reconnect)),
        retry_steps=steps(RETRY_STEPS, done - len(RECONNECT_STEPS), _retry_notes(workspace)),
        act=act,
        refusal=_refusal(member, reconnect),
        sync=workspace.sync,
        plan=plan,
        delivered=_delivered(session, workspace),
        left=workspace.stuck_count,
        may_act=member.may(Permission.RECONNECT),
    )


def _latest_reconnect(session: Session, workspace: WorkspaceView) -> tables.Reconnect | None:
    """Return the newest reconnect that belongs to the repair under way, not to one long done."""
    query = select(tables.Reconnect).where(tables.Reconnect.workspace_id == workspace.id)
    if workspace.incident is not None:
        query = query.where(tables.Reconnect.started_at >= workspace.incident.opened_at)
    return session.scalar(query.order_by(tables.Reconnect.started_at.desc()).limit(1))


def _refusal(member: Member, reconnect: tables.Reconnect | None) -> Refusal | None:
    if reconnect is None or reconnect.refusal is None:
        return None
    return refusals.describe(reconnect.refusal, reconnect.detail, masked=member.sees_everything)


def _plan(
    session: Session, member: Member, reconnect: tables.Reconnect | None
) -> tuple[bool, PlanView | None]:
    if reconnect is None or reconnect.plan_id is None:
        return False, None
    plan = retries.view(session, member, reconnect.plan_id)
    return plan.run is not None and plan.run.live, plan


def _act(workspace: WorkspaceView, reconnect: tables.Reconnect | None, *, run_live: bool) -> Act:
    health, sync = workspace.connection.health, workspace.sync
    if (sync is not None and sync.running) or run_live:
        return Act.WAIT
    if health in NEEDS_RECONNECT | {Health.NOT_CONNECTED}:
        if sync is None or sync.state is not SyncState.FAILED:
            return Act.SYNC
        # Once reconnected, a sync that failed because Xero was down asks for a sync, not for a login.
        waits = _is_verified(reconnect) and catalogue.get(sync.code or "").retry is not RetryClass.RECONNECT
        return Act.SYNC_AGAIN if waits else Act.RECONNECT
    if health not in (Health.HEALTHY, Health.AT_RISK):
        return Act.SYNC_AGAIN
    if workspace.stuck_count:
        return Act.RETRY
    return Act.DONE if _just_repaired(workspace.incident, reconnect) else Act.NONE


def _just_repaired(incident: IncidentView | None, reconnect: tables.Reconnect | None) -> bool:
    """Say whether this reconnect repaired the latest incident, and that not long ago."""
    if incident is None or reconnect is None or reconnect.incident_id != incident.id:
        return False
    return incident.closed_at is None or utcnow() - incident.closed_at < DONE_SHOWN_FOR


def _is_verified(reconnect: tables.Reconnect | None) -> bool:
    return reconnect is not None and reconnect.state is ReconnectState.VERIFIED


def _steps_done(act: Act, workspace: WorkspaceView, reconnect: tables.Reconnect | None) -> int:
    """Return how many of the article's twelve steps are done."""
    looked, synced, asked, logged_in = 3, 4, 5, 7
    connected_again = looked + len(RECONNECT_STEPS)
    healthy = workspace.connection.health in (Health.HEALTHY, Health.AT_RISK)
    if act in (Act.DONE, Act.NONE):
        return connected_again + 2
    if healthy:
        return connected_again + 1
    if _is_verified(reconnect) and act is not Act.RECONNECT:
        return connected_again
    if reconnect is not None and reconnect.state is ReconnectState.SENT_TO_XERO:
        return asked
    if act is Act.RECONNECT:
        return synced
    return logged_in if act is Act.SYNC_AGAIN else looked


def steps(texts: Sequence[str], done: int, notes: dict[int, str]) -> tuple[Step, ...]:
    """Return numbered steps of which so many are done; a negative number means that none is current yet."""
    return tuple(
        Step(number, text, _step_state(number, done), notes.get(number))
        for number, text in enumerate(texts, start=1)
    )


def _step_state(number: int, done: int) -> StepState:
    if number <= done:
        return StepState.DONE
    return StepState.CURRENT if number == done + 1 and done >= 0 else StepState.TODO


def _reconnect_notes(workspace: WorkspaceView, reconnect: tables.Reconnect | None) -> dict[int, str]:
    connection = workspace.connection
    notes = {2: workspace.name, 3: f"Xero: {connection.organisation_name or 'no organisation yet'}"}
    if workspace.sync is not None and workspace.sync.message:
        notes[4] = workspace.sync.message
    if connection.login_email:
        notes[6] = f"Set up by {connection.login_name or 'a Xero user'} ({connection.login_email})"
    if _is_verified(reconnect):
        notes[7] = "Same organisation and same Xero login as before: verified."
    return notes


def _retry_notes(workspace: WorkspaceView) -> dict[int, str]:
    sync = workspace.sync
    notes = {}
    if sync is not None and sync.state is SyncState.SUCCEEDED:
        notes[4] = "Sync finished: Xero answers again."
    if workspace.stuck_count:
        notes[5] = f"{workspace.stuck_count:,} exports wait."
    return notes


def _delivered(session: Session, workspace: WorkspaceView) -> int:
    if workspace.incident is None:
        return 0
    return (
        session.scalar(
            select(func.count())
            .select_from(tables.Export)
            .where(
                tables.Export.incident_id == workspace.incident.id,
                tables.Export.state == ExportState.DELIVERED,
            )
        )
        or 0
    )


def retry_plan(session: Session, member: Member, workspace_id: str) -> str:
    """Plan the retry of everything that waits in a workspace, keep it with the reconnect, return its id.

    Raises as `retries.plan` does.
    """
    members.require(session, member, Permission.RETRY, workspace_id)
    waiting = ExportFilter(workspace_id=workspace_id, states=tuple(sorted(RETRYABLE)))
    plan_id = retries.plan(session, member, filter=waiting)
    reconnect = _latest_reconnect(session, workspaces.follow(session, member, workspace_id))
    if reconnect is not None:
        reconnect.plan_id = plan_id
    return plan_id
