"""Planning a retry: the set is frozen and every export of it gets a verdict; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from services import exports, members, plans, receipts, verdicts
from services.declined import Declined
from services.exports import ExportFilter
from services.members import Member, Permission
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import ExportState


def plan(
    session: Session,
    member: Member,
    *,
    export_ids: Sequence[int] | None = None,
    filter: ExportFilter | None = None,
) -> str:
    """Freeze a set of exports with a verdict each, and return the plan's id; nothing is sent.

    The set is `export_ids`, or with `filter` all that match it, on every page; exports the member
    may not see are left out. Raises `NotAllowed`, and `Declined` for an empty set.
    """
    if not member.may(Permission.RETRY):
        raise members.NotAllowed(f"Your role, {member.role}, may not {Permission.RETRY}.")
    if filter is None:
        wanted = exports.ids_visible(session, member, sorted(set(export_ids or ())))
    else:
        wanted = exports.ids_matching(session, member, filter)
    if not wanted:
        raise Declined("Nothing is selected. Select the exports to retry, or widen the filter.")
    scope = _describe(filter, len(wanted))
    return _freeze(session, member, wanted, scope)


def _describe(filter: ExportFilter | None, number: int) -> str:
    if filter is None:
        return f"{number:,} selected"
    parts = [
        f"“{filter.text}”" if filter.text else "",
        ", ".join(filter.states),
        ", ".join(filter.codes),
        "one workspace" if filter.workspace_id else "",
    ]
    return f"All {number:,} that match: " + ("; ".join(part for part in parts if part) or "everything")


def _freeze(session: Session, member: Member, export_ids: Sequence[int], scope: str) -> str:
    plan_id = new_id()
    session.add(tables.RetryPlan(id=plan_id, made_by=member.shown, made_at=utcnow(), scope=scope))
    session.flush()
    rows = [
        {
            "plan_id": plan_id,
            "export_id": judged.export_id,
            "workspace_id": judged.workspace_id,
            "verdict": judged.verdict,
            "reason": judged.reason,
        }
        for judged in verdicts.judge(session, export_ids)
    ]
    session.execute(insert(tables.PlanItem), rows)
    return plan_id


def leftovers(session: Session, member: Member, plan_id: str) -> str:
    """Make a new plan of what a run did not deliver, receipts included, and return its id."""
    plans.own_plan(session, member, plan_id)
    left = session.scalars(
        select(tables.PlanItem.export_id)
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .where(
            tables.PlanItem.plan_id == plan_id,
            tables.Export.state.not_in([ExportState.DELIVERED, ExportState.SET_ASIDE]) | receipts.missing(),
        )
    )
    return plan(session, member, export_ids=list(left))
