"""Planning a retry: the set is frozen at once, and every export of it gets a verdict; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Select, exists, insert, literal
from sqlalchemy.orm import Session

from services import judging, members, narrowing, plans, receipts
from services.declined import Declined
from services.members import Member, Permission
from services.narrowing import ExportFilter
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import ExportState, Verdict

CHUNK = 500  # ids a query: SQL parameter lists stay short


def plan(
    session: Session,
    member: Member,
    *,
    export_ids: Sequence[int] | None = None,
    filter: ExportFilter | None = None,
) -> str:
    """Freeze a set of exports and return the plan's id; nothing is sent.

    The set is `export_ids`, or with `filter` all that match it, on every page; exports the member
    may not see are left out. The first of them have their verdict on return, the worker judges
    the rest (`judging`). Raises `NotAllowed`, and `Declined` for an empty set.
    """
    if filter is not None:
        words = narrowing.in_words(filter, narrowing.names(session, member, filter))
        sets = [narrowing.ids(narrowing.matching(member, filter))]
        return _freeze(session, member, sets, lambda number: f"All {number:,} that match: {words}")
    chosen = _chosen(member, sorted(set(export_ids or ())))
    return _freeze(session, member, chosen, lambda number: f"{number:,} selected")


def leftovers(session: Session, member: Member, plan_id: str) -> str:
    """Make a new plan of what a run did not deliver, receipts included, and return its id."""
    plans.own_plan(session, member, plan_id)
    of_plan = exists().where(
        tables.PlanItem.plan_id == plan_id, tables.PlanItem.export_id == tables.Export.id
    )
    left = tables.Export.state.not_in([ExportState.DELIVERED, ExportState.SET_ASIDE]) | receipts.missing()
    conditions = [*narrowing.seen_by(member), of_plan, left]
    return _freeze(session, member, [narrowing.ids(conditions)], lambda number: f"{number:,} left over")


def missing_receipts(session: Session, member: Member) -> str:
    """Make a plan of every export that is in Xero without all its receipts, and return its id."""
    lacking = [narrowing.ids(receipts.lacking(member))]
    return _freeze(session, member, lacking, lambda number: f"All {number:,} in Xero without all receipts")


def _chosen(member: Member, export_ids: Sequence[int]) -> Iterator[Select[int]]:
    for start in range(0, len(export_ids), CHUNK):
        chunk = tables.Export.id.in_(export_ids[start : start + CHUNK])
        yield narrowing.ids([*narrowing.seen_by(member), chunk])


def _freeze(
    session: Session, member: Member, sets: Iterable[Select[int]], scope: Callable[[int], str]
) -> str:
    if not member.may(Permission.RETRY):
        raise members.NotAllowed(f"Your role, {member.role}, may not {Permission.RETRY}.")
    row = tables.RetryPlan(id=new_id(), made_by=member.shown, made_at=utcnow(), scope="")
    with session.begin_nested():
        session.add(row)
        session.flush()
        number = sum(_insert(session, row.id, of_set) for of_set in sets)
        if not number:
            raise Declined("Nothing is selected. Select the exports to retry, or widen the filter.")
        row.scope = scope(number)
    judging.begin(session, row)
    return row.id


def _insert(session: Session, plan_id: str, of_set: Select[int]) -> int:
    """Put a set of exports into a plan inside the store, so that no size of it is felt here."""
    # In the order of the table that is read and of the index that is written: twice as fast.
    by_id = of_set.order_by(None).order_by(tables.Export.id)
    columns = ("plan_id", "export_id", "workspace_id", "verdict", "reason")
    values = by_id.with_only_columns(
        literal(plan_id),
        tables.Export.id,
        tables.Export.workspace_id,
        literal(Verdict.JUDGING, tables.PlanItem.verdict.type),
        literal(""),
    )
    frozen = insert(tables.PlanItem).from_select(columns, values)
    done = session.execute(frozen, execution_options={"preserve_rowcount": True})
    return cast(CursorResult[Any], done).rowcount
