"""Judging a frozen plan: its first exports at once, the rest of a long one by the worker, bit by bit.

Where it stands is in the items themselves: what is still `JUDGING` is to do. So after a crash it goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from services import verdicts
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Verdict
from services.verdicts import Judged

AT_ONCE = 2_000  # exports judged before the plan is shown: well under a second
CHUNK = 500  # exports judged in one look: each writes for a moment only
FAULT_PAUSE = timedelta(seconds=30)


def begin(session: Session, plan: tables.RetryPlan) -> None:
    """Judge the oldest exports of a new plan; the worker is asked for what is left."""
    oldest = (
        _to_judge(plan.id)
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .order_by(tables.Export.approved_at, tables.Export.id)
    )
    _write(session, plan.id, verdicts.judge(session, session.scalars(oldest.limit(AT_ONCE)).all()))
    left = session.scalar(_to_judge(plan.id).limit(1))
    plan.judging_due_at = utcnow() if left is not None else None


def run(desk: Desk, plan_id: str, slice_: int) -> None:
    """Judge what is left of a plan; run again after a crash, it goes on where it stood."""
    while _is_due(desk, plan_id, slice_):
        _judge_some(desk, plan_id)


def queue_stranded_again(desk: Desk, plan_id: str, slice_: int) -> None:
    """Queue the judging of a plan again at which Relink itself failed."""
    with desk.store.begin() as session:
        plan = session.get_one(tables.RetryPlan, plan_id, with_for_update=True)
        if plan.judging_due_at is not None and plan.slice == slice_:
            plan.slice, plan.judging_due_at = slice_ + 1, utcnow() + FAULT_PAUSE


def _is_due(desk: Desk, plan_id: str, slice_: int) -> bool:
    with desk.store.read() as session:
        plan = session.get_one(tables.RetryPlan, plan_id)
        return plan.judging_due_at is not None and plan.slice == slice_


def _judge_some(desk: Desk, plan_id: str) -> None:
    # Judged while reading, written after: others who write need not wait for the judging.
    with desk.store.read() as session:
        wanted = _to_judge(plan_id).order_by(tables.PlanItem.workspace_id, tables.PlanItem.export_id)
        judged = list(verdicts.judge(session, session.scalars(wanted.limit(CHUNK)).all()))
    with desk.store.begin() as session:
        _write(session, plan_id, judged)
        if not judged:
            session.get_one(tables.RetryPlan, plan_id).judging_due_at = None


def _to_judge(plan_id: str) -> Select[int]:
    item = tables.PlanItem
    return select(item.export_id).where(item.plan_id == plan_id, item.verdict == Verdict.JUDGING)


def _write(session: Session, plan_id: str, judged: Iterable[Judged]) -> None:
    """Store verdicts: in one statement all of a few hundred that have the same, with the same reason."""
    alike: dict[tuple[Verdict, str], list[int]] = defaultdict(list)
    for one in judged:
        alike[one.verdict, one.reason].append(one.export_id)
    item = tables.PlanItem
    for (verdict, reason), ids in alike.items():
        for start in range(0, len(ids), CHUNK):
            session.execute(
                update(item)
                .where(item.plan_id == plan_id, item.export_id.in_(ids[start : start + CHUNK]))
                .where(item.verdict == Verdict.JUDGING)
                .values(verdict=verdict, reason=reason)
                .execution_options(synchronize_session=False)
            )
