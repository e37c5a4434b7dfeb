"""Releasing what failed, once the connection works again: planned with verdicts, started by one press."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services import members, planning, plans, reconnects, retries
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


def release(
    session: Session, member: Member, workspace_id: str, plan_id: str, export_ids: Sequence[int] | None = None
) -> None:
    """Start the retry that was shown: the whole plan, or of it only `export_ids`; the others go on waiting.

    Raises as `retries.start` and `planning.plan` do.
    """
    if export_ids is not None:
        reconnect = reconnects.latest(session, workspace_id)
        if reconnect is not None and _was_released(session, reconnect.id, plan_id):
            return
        shown = set(plans.going(session, member, plan_id))
        plan_id = retry_plan(session, member, workspace_id, sorted(shown & set(export_ids)))
    retries.start(session, member, plan_id, REASON)


def _was_released(session: Session, reconnect_id: str, plan_id: str) -> bool:
    """Say whether an earlier press released a part of this plan already: its part took the plan's place."""
    locked = session.get_one(tables.Reconnect, reconnect_id, with_for_update=True, populate_existing=True)
    return locked.plan_id != plan_id
