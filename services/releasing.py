"""Releasing what failed, once the connection works again: planned with verdicts, started by one press."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import members, pausing, planning, plans, reconnects, retries
from services.exports import ExportFilter
from services.members import Member, Permission
from services.store import tables
from services.store.states import RETRYABLE

REASON = "Reconnected Xero"


def retry_plan(
    session: Session, member: Member, workspace_id: str, export_ids: Sequence[int] | None = None
) -> str:
    """Plan the retry of what waits in a workspace, keep it with the reconnect, return its id.

    It is everything that waits, or of that only `export_ids`. Raises as `planning.plan` does.
    """
    members.require(session, member, Permission.RETRY, workspace_id)
    waiting = ExportFilter(workspace_id=workspace_id, states=tuple(sorted(RETRYABLE)))
    plan_id = (
        planning.plan(session, member, filter=waiting)
        if export_ids is None
        else planning.plan(session, member, export_ids=export_ids)
    )
    reconnect = reconnects.latest(session, workspace_id)
    if reconnect is not None:
        reconnect.plan_id = plan_id
    return plan_id


def plan_once(session: Session, member: Member, workspace_id: str) -> None:
    """Plan the retry of what waits, unless another window of the wizard has planned it meanwhile."""
    reconnect = hold(session, workspace_id)
    if reconnect is not None and reconnect.plan_id is None:
        retry_plan(session, member, workspace_id)


def release(
    session: Session, member: Member, workspace_id: str, plan_id: str, export_ids: Sequence[int] | None = None
) -> None:
    """Start the retry that was shown: the whole plan, or of it only `export_ids`; the others go on waiting.

    Raises as `retries.start` and `planning.plan` do.
    """
    plans.lock(session, member, plan_id)  # before the connection, as wherever a plan is started
    reconnect = hold(session, workspace_id)
    if export_ids is not None:
        if reconnect is not None and reconnect.plan_id != plan_id:
            return  # an earlier press released a part of this plan already: its part took the plan's place
        shown = set(plans.going(session, member, plan_id))
        plan_id = retry_plan(session, member, workspace_id, sorted(shown & set(export_ids)))
    started = retries.start(session, member, plan_id, REASON)
    if reconnect is None or reconnect.plan_id != plan_id:
        return
    # Another retry may have these exports in hand. It is followed, unless it is of other workspaces
    # too: those are no part of this repair, and its admin may not see them.
    if _is_all_of(session, started.plan_id, workspace_id):
        reconnect.plan_id = started.plan_id


def _is_all_of(session: Session, plan_id: str, workspace_id: str) -> bool:
    items = tables.PlanItem
    others = select(items.export_id).where(items.plan_id == plan_id, items.workspace_id != workspace_id)
    return session.scalar(others.limit(1)) is None


def hold(session: Session, workspace_id: str) -> tables.Reconnect | None:
    """Lock a workspace's newest reconnect: of two windows only one plans or releases for it."""
    pausing.lock(session, workspace_id)  # the connection first, as everywhere
    reconnect = reconnects.latest(session, workspace_id)
    if reconnect is not None:
        session.refresh(reconnect, with_for_update=True)
    return reconnect
