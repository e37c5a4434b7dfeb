"""How far a run is, how fast it goes and when it will be done: counted from what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from services.store import tables
from services.store.states import GOES, ExportState

#: Over so long a rate is measured: a batch of 50 and a minute's pause even out.
WINDOW = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the exports that a run, or a part of it, works on."""

    total: int = 0
    delivered: int = 0
    failed: int = 0
    in_doubt: int = 0
    held: int = 0
    set_aside: int = 0

    @property
    def done(self) -> int:
        """Return how many have a result."""
        return self.delivered + self.failed + self.in_doubt + self.held + self.set_aside

    @property
    def left(self) -> int:
        """Return how many the run has still to work on."""
        return self.total - self.done


#: The figures of `Counts` beside the total, each with the result that it counts.
COUNTED = {
    "delivered": ExportState.DELIVERED,
    "failed": ExportState.FAILED,
    "in_doubt": ExportState.IN_DOUBT,
    "held": ExportState.HELD,
    "set_aside": ExportState.SET_ASIDE,
}


def by_workspace(plan_id: str) -> Subquery:
    """Return the query that counts each workspace's part of a plan; its columns are named as in `Counts`."""
    item = tables.PlanItem
    figures = [func.count().filter(item.result == state).label(name) for name, state in COUNTED.items()]
    return (
        select(item.workspace_id, func.count().label("total"), *figures)
        .where(item.plan_id == plan_id, item.verdict.in_(GOES))
        .group_by(item.workspace_id)
        .subquery()
    )


def counts(session: Session, plan_ids: list[str]) -> dict[str, Counts]:
    """Return what became of the exports of several plans, by plan, in one query."""
    item = tables.PlanItem
    rows = session.execute(
        select(item.plan_id, item.result, func.count())
        .where(item.plan_id.in_(plan_ids), item.verdict.in_(GOES))
        .group_by(item.plan_id, item.result)
    )
    found: dict[str, dict[ExportState | None, int]] = {plan_id: {} for plan_id in plan_ids}
    for plan_id, result, number in rows:
        found[plan_id][result] = number
    return {
        plan_id: Counts(
            total=sum(numbers.values()), **{name: numbers.get(state, 0) for name, state in COUNTED.items()}
        )
        for plan_id, numbers in found.items()
    }


def exports_a_minute(session: Session, plan_id: str, *, since: datetime, now: datetime) -> float:
    """Return how many exports of a plan got Xero's answer a minute, over the last `WINDOW` at most."""
    begin = max(since, now - WINDOW)
    answered = sum(
        session.scalar(
            select(func.count())
            .select_from(tables.Export)
            .join(tables.PlanItem, tables.PlanItem.export_id == tables.Export.id)
            .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.result == result, when >= begin)
        )
        or 0
        for result, when in (
            (ExportState.DELIVERED, tables.Export.delivered_at),
            (ExportState.FAILED, tables.Export.failed_at),
        )
    )
    return answered / max((now - begin).total_seconds(), 1.0) * 60


def finishes_at(*, left: int, a_minute: float, resumes_at: datetime | None, now: datetime) -> datetime | None:
    """Return about when a run will be done, from its rate and what is left; None while nothing tells.

    `resumes_at` is when the lane goes on that is parked for the longest: nothing is done before.
    """
    if not left:
        return now
    if not a_minute:
        return resumes_at
    estimated = now + timedelta(minutes=left / a_minute)
    return max(estimated, resumes_at) if resumes_at else estimated
