"""What a plan says about each workspace: how much goes, how much is blocked, and for want of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.exports import sums
from services.store import tables
from services.store.states import GOES, Verdict

LARGEST = 200  # workspaces on a page, however many a plan has
BLOCKED = frozenset({Verdict.DISCONNECTED, Verdict.FIX_FIRST, Verdict.LOCKED, Verdict.CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceLine:
    """What a plan says about one workspace."""

    id: str
    name: str
    goes: int  #: how many will be sent or looked up
    amounts: Mapping[str, Decimal]  #: of those that go, by currency
    blocked: int  #: how many a person has to act for first
    blocked_amounts: Mapping[str, Decimal]
    reasons: Mapping[Verdict, int]  #: of the blocked
    other: int  #: how many need nothing, or are not judged yet


def total(session: Session, plan_id: str) -> int:
    """Return how many workspaces a plan has exports of."""
    item = tables.PlanItem
    number = select(func.count(item.workspace_id.distinct())).where(item.plan_id == plan_id)
    return session.scalar(number) or 0


def largest(session: Session, plan_id: str) -> list[WorkspaceLine]:
    """Return what a plan says about the workspaces with the most exports in it, the largest first."""
    item, workspace = tables.PlanItem, tables.Workspace
    number = func.count()
    found = session.execute(
        select(workspace.id, workspace.name)
        .join(item, item.workspace_id == workspace.id)
        .where(item.plan_id == plan_id)
        .group_by(workspace.id, workspace.name)
        .order_by(number.desc(), workspace.name)
        .limit(LARGEST)
    ).all()
    counts = _counts(session, plan_id, [workspace_id for workspace_id, _ in found])
    return [_workspace_line(workspace_id, name, counts[workspace_id]) for workspace_id, name in found]


@dataclass(frozen=True, slots=True)
class _Count:
    """How many exports of one workspace have a verdict and a currency in common."""

    verdict: Verdict
    currency: str
    number: int
    amount: Decimal


def _counts(session: Session, plan_id: str, workspace_ids: Sequence[str]) -> Mapping[str, list[_Count]]:
    item, export = tables.PlanItem, tables.Export
    group = (item.workspace_id, item.verdict, export.currency)
    rows = session.execute(
        select(*group, func.count(), func.sum(export.amount))
        .join(export, export.id == item.export_id)
        .where(item.plan_id == plan_id, item.workspace_id.in_(workspace_ids))
        .group_by(*group)
    )
    found: dict[str, list[_Count]] = {workspace_id: [] for workspace_id in workspace_ids}
    for workspace_id, verdict, currency, number, amount in rows:
        found[workspace_id].append(_Count(verdict, currency, number, amount))
    return found


def _workspace_line(workspace_id: str, name: str, counts: Sequence[_Count]) -> WorkspaceLine:
    going = [count for count in counts if count.verdict in GOES]
    blocked = [count for count in counts if count.verdict in BLOCKED]
    goes, stays = sum(count.number for count in going), sum(count.number for count in blocked)
    return WorkspaceLine(
        id=workspace_id,
        name=name,
        goes=goes,
        amounts=sums((count.currency, count.amount) for count in going),
        blocked=stays,
        blocked_amounts=sums((count.currency, count.amount) for count in blocked),
        reasons=sums((count.verdict, count.number) for count in blocked),
        other=sum(count.number for count in counts) - goes - stays,
    )
