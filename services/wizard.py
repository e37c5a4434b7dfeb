"""The reconnect wizard: the article's steps, each ticked by what Relink itself observes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from services import (
    accepting,
    admin_changes,
    catalogue,
    members,
    plans,
    reconnects,
    refusals,
    workspaces,
)
from services.admin_changes import ChangeView
from services.article import RECONNECT_STEPS, RETRY_STEPS
from services.catalogue import RetryClass
from services.incidents import IncidentView
from services.members import Member, Permission
from services.needs import Need, needs
from services.outcome import Outcome, outcome
from services.plans import PlanView
from services.refusals import Refusal
from services.siblings import Siblings, siblings
from services.siblings import stamp as siblings_stamp
from services.steps import BEFORE_XERO, Step, reconnect_notes, reconnect_steps, retry_notes, steps
from services.store import tables
from services.store.engine import utcnow
from services.store.states import NEEDS_RECONNECT, WORKING, Health, ReconnectState, SyncState
from services.syncs import SyncView
from services.workspaces import WorkspaceView

DONE_SHOWN_FOR = timedelta(hours=24)  # then a repair is history, and there is nothing to repair


class Act(StrEnum):
    """The one thing to do at the current step."""

    SYNC = "Sync Now"
    RECONNECT = "Reconnect"
    AT_XERO = "at Xero"
    CHOOSE = "choose the organisation"
    WAIT = "wait"
    SYNC_AGAIN = "Sync Now again"
    RETRY = "Retry failed exports"
    DONE = "done"
    NONE = "nothing to repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Who took the last step of the reconnect under way, and when."""

    by: str
    at: datetime
    mine: bool
    left_behind: bool  #: it was not finished in time, and ended by itself
    went: bool  #: whether they had gone to Xero


@dataclass(frozen=True, slots=True, kw_only=True)
class WizardView:
    """Where a workspace's repair stands, for everybody who looks at it."""

    workspace: WorkspaceView
    reconnect_id: str | None
    state: ReconnectState | None
    attempt: Attempt | None
    reconnect_steps: tuple[Step, ...]
    retry_steps: tuple[Step, ...]
    act: Act
    needs: tuple[Need, ...]  #: of a reconnect that is to come
    choices: dict[str, str]  #: organisations to choose from, name by id (XERO84), for who logged in
    refusal: Refusal | None
    change: ChangeView | None  #: of the Xero admin, the latest
    siblings: Siblings
    sync: SyncView | None
    plan: PlanView | None
    outcome: Outcome | None  #: once the connection works again
    may_act: bool  #: whether this member may reconnect; others watch


def wizard(session: Session, member: Member, workspace_id: str) -> WizardView:
    """Return where the repair stands; it is read from the store, so it resumes anywhere.

    Raises `UnknownWorkspace` and `NotAllowed`.
    """
    workspace = workspaces.follow(session, member, workspace_id)
    reconnect = reconnects.latest(session, workspace_id)
    run_live, plan = _plan(session, member, reconnect)
    act = _act(workspace, reconnect, run_live=run_live)
    done = _steps_done(act, workspace, reconnect)
    change = admin_changes.latest(session, member, workspace_id)
    return WizardView(
        workspace=workspace,
        reconnect_id=reconnect.id if reconnect else None,
        state=reconnect.state if reconnect else None,
        attempt=_attempt(session, member, reconnect),
        reconnect_steps=reconnect_steps(
            done, reconnect_notes(workspace, reconnect, change), went=reconnects.is_verified(reconnect)
        ),
        retry_steps=steps(RETRY_STEPS, done - len(RECONNECT_STEPS), retry_notes(workspace)),
        act=act,
        needs=needs(session, workspace, change) if act is Act.RECONNECT else (),
        choices=_choices(member, reconnect) if act is Act.CHOOSE else {},
        refusal=_refusal(member, reconnect),
        change=change,
        siblings=siblings(session, member, workspace_id),
        sync=workspace.sync,
        plan=plan,
        outcome=_outcome(session, member, workspace, reconnect, act, plan),
        may_act=member.may(Permission.RECONNECT),
    )


def _attempt(session: Session, member: Member, reconnect: tables.Reconnect | None) -> Attempt | None:
    if reconnect is None:
        return None
    by = reconnect.changed_by or reconnect.started_by
    left_behind = reconnect.state is ReconnectState.ABANDONED or reconnects.is_left_behind(reconnect)
    at_xero = ReconnectState.SENT_TO_XERO.value
    return Attempt(
        by=members.named(session, by, to=member),
        at=reconnect.changed_at,
        mine=by == member.email,
        left_behind=left_behind,
        went=at_xero in (reconnect.state.value, reconnect.detail.get("was")),
    )


def _choices(member: Member, reconnect: tables.Reconnect | None) -> dict[str, str]:
    """Return what may be chosen from: a login's organisations are shown to who logged in alone."""
    mine = reconnect is not None and reconnect.changed_by == member.email
    return accepting.choices(reconnect.detail) if reconnect is not None and mine else {}


def _refusal(member: Member, reconnect: tables.Reconnect | None) -> Refusal | None:
    if reconnect is None or reconnect.refusal is None:
        return None
    return refusals.describe(reconnect.refusal, reconnect.detail, masked=not member.sees_logins)


def _plan(
    session: Session, member: Member, reconnect: tables.Reconnect | None
) -> tuple[bool, PlanView | None]:
    if reconnect is None or reconnect.plan_id is None:
        return False, None
    plan = plans.view(session, member, reconnect.plan_id)
    return plan.run is not None and plan.run.live, plan


def _act(workspace: WorkspaceView, reconnect: tables.Reconnect | None, *, run_live: bool) -> Act:
    health, sync = workspace.connection.health, workspace.sync
    if health not in WORKING and (under_way := _under_way(reconnect)) is not None:
        return under_way
    if (sync is not None and sync.running) or run_live:
        return Act.WAIT
    if health in NEEDS_RECONNECT | {Health.NOT_CONNECTED}:
        return _broken(reconnect, sync)
    if health is Health.AT_RISK:
        return Act.SYNC  # using the login is what takes the risk away
    if health is not Health.HEALTHY:
        return Act.SYNC_AGAIN
    if workspace.stuck_count:
        return Act.RETRY
    return Act.DONE if _just_repaired(workspace.incident, reconnect) else Act.NONE


def _under_way(reconnect: tables.Reconnect | None) -> Act | None:
    """Return what a person is in the middle of, if anybody is."""
    if reconnect is None or reconnects.is_left_behind(reconnect):
        return None
    if reconnect.state is ReconnectState.SENT_TO_XERO:
        return Act.AT_XERO
    offered = reconnect.state is ReconnectState.RETURNED and accepting.choices(reconnect.detail)
    return Act.CHOOSE if offered else None


def _broken(reconnect: tables.Reconnect | None, sync: SyncView | None) -> Act:
    if reconnect is not None and reconnect.state is ReconnectState.REFUSED:
        return Act.RECONNECT  # whoever was at Xero already needs no sync to know that it takes a login
    if sync is None or sync.state is not SyncState.FAILED:
        return Act.SYNC
    # Once reconnected, a sync that failed because Xero was down asks for a sync, not for a login.
    waits = (
        reconnects.is_verified(reconnect) and catalogue.get(sync.code or "").retry is not RetryClass.RECONNECT
    )
    return Act.SYNC_AGAIN if waits else Act.RECONNECT


def _just_repaired(incident: IncidentView | None, reconnect: tables.Reconnect | None) -> bool:
    """Say whether this reconnect repaired the latest incident, and that not long ago."""
    if incident is None or reconnect is None or reconnect.incident_id != incident.id:
        return False
    return incident.closed_at is None or utcnow() - incident.closed_at < DONE_SHOWN_FOR


#: How many of the article's twelve steps are done when this is what comes next.
_DONE_BEFORE = {
    Act.SYNC: 3,
    Act.RECONNECT: BEFORE_XERO,
    Act.AT_XERO: 5,
    Act.CHOOSE: 6,
    Act.SYNC_AGAIN: 10,
    Act.RETRY: 11,
    Act.DONE: 12,
    Act.NONE: 12,
}


def _steps_done(act: Act, workspace: WorkspaceView, reconnect: tables.Reconnect | None) -> int:
    if act is not Act.WAIT:
        return _DONE_BEFORE[act]
    if workspace.connection.health in WORKING:
        return _DONE_BEFORE[Act.RETRY]
    return _DONE_BEFORE[Act.SYNC_AGAIN if reconnects.is_verified(reconnect) else Act.SYNC]


def _outcome(
    session: Session,
    member: Member,
    workspace: WorkspaceView,
    reconnect: tables.Reconnect | None,
    act: Act,
    plan: PlanView | None,
) -> Outcome | None:
    released = act is Act.RETRY and plan is not None and plan.run is not None
    if workspace.incident is None or not (released or act is Act.DONE):
        return None
    return outcome(session, member, workspace, workspace.incident, reconnect)


def stamp(session: Session, member: Member, workspace_id: str) -> str:
    """Return a text that changes whenever the wizard of a workspace looks different.

    Raises `UnknownWorkspace` and `NotAllowed`.
    """
    members.require(session, member, Permission.FOLLOW, workspace_id)
    reconnect, sync, change = tables.Reconnect, tables.Sync, tables.AdminChange
    parts = session.execute(
        select(
            tables.Connection.health,
            _newest(reconnect.state, workspace_id, reconnect.started_at),
            _newest(reconnect.changed_at, workspace_id, reconnect.started_at),
            _newest(sync.state, workspace_id, sync.requested_at),
            _newest(change.state, workspace_id, change.asked_at),
            select(tables.RetryRun.state)
            .where(tables.RetryRun.plan_id == _newest(reconnect.plan_id, workspace_id, reconnect.started_at))
            .scalar_subquery(),
        ).where(tables.Connection.workspace_id == workspace_id)
    ).one()
    return "|".join([*(str(part) for part in parts), siblings_stamp(session, workspace_id)])


def _newest(column: Any, workspace_id: str, by: Any) -> ScalarSelect[Any]:
    """Select one column of the newest row that a workspace has in that column's table."""
    return (
        select(column)
        .where(column.class_.workspace_id == workspace_id)
        .order_by(by.desc())
        .limit(1)
        .scalar_subquery()
    )
