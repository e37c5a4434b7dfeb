"""Plans as people see them: a frozen set of exports with a verdict each, its counts, money and effort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from services import estimates, exports, members, under_way, workspace_lines
from services.estimates import Estimate, Outlook
from services.members import Member
from services.paging import count, page_of
from services.runs import RunView, UnknownPlan, run_view
from services.store import tables
from services.store.engine import utcnow
from services.store.states import GOES, ExportState, Verdict
from services.under_way import OtherRun
from services.workspace_lines import WorkspaceLine


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the judging of a plan is."""

    judged: int
    total: int
    judging: bool


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """How many exports of a plan have one verdict, and what they are worth by currency."""

    verdict: Verdict
    count: int
    amounts: Mapping[str, Decimal]
    reason: str | None  #: where all of them have the same


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A frozen set of exports, judged."""

    id: str
    made_by: str
    made_at: datetime
    scope: str
    total: int
    judged: int  #: how many have their verdict; the worker is on its way through the others
    judging: bool  #: until it is through, nothing can be started
    lines: tuple[VerdictLine, ...]
    largest: tuple[
        WorkspaceLine, ...
    ]  #: of its workspaces, at most `workspace_lines.LARGEST`; none once it is started
    workspaces_total: int
    goes: int  #: how many the run will work on
    outlook: Outlook  #: what is to be done, and how fast that may go; empty once it is started
    #: of all of it, begun now or at the time that was chosen; a moment later it is another
    estimate: Estimate = field(compare=False)
    others: tuple[OtherRun, ...]  #: the runs that have exports of this plan in hand
    run: RunView | None

    @property
    def carried_by(self) -> OtherRun | None:
        """Return the one run that has all in hand that this plan could send; None where there is no such."""
        return self.others[0] if not self.goes and len(self.others) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItemRow:
    """One export of a plan."""

    export_id: int
    number: str
    workspace_id: str
    workspace_name: str
    amount: Decimal
    currency: str
    verdict: Verdict
    reason: str
    result: ExportState | None
    result_text: str | None
    xero_link: str | None


def view(session: Session, member: Member, plan_id: str) -> PlanView:
    """Return a plan with its counts and money, and its run once started. Raises `UnknownPlan`."""
    row = own_plan(session, member, plan_id)
    lines = _lines(session, plan_id)
    run = run_view(session, plan_id)
    # What can be chosen is shown before the start alone: a look at a run need not pay for it.
    outlook = estimates.read(session, plan_id) if run is None else Outlook((), {})
    largest = workspace_lines.largest(session, plan_id) if run is None else []
    others = under_way.others(session, plan_id, verdicts=[Verdict.UNDER_WAY])
    return PlanView(
        id=plan_id,
        made_by=row.made_by,
        made_at=row.made_at,
        scope=row.scope,
        total=sum(line.count for line in lines),
        judged=sum(line.count for line in lines if line.verdict is not Verdict.JUDGING),
        judging=row.judging_due_at is not None,
        lines=tuple(lines),
        largest=tuple(largest),
        workspaces_total=workspace_lines.total(session, plan_id) if run is None else 0,
        goes=sum(line.count for line in lines if line.verdict in GOES),
        outlook=outlook,
        estimate=outlook.estimate(now=utcnow()),
        others=tuple(run for run in others if is_visible(session, member, run.plan_id)),
        run=run,
    )


def progress(session: Session, member: Member, plan_id: str) -> Progress:
    """Return how far the judging of a plan is: cheap, to be asked again and again. Raises `UnknownPlan`."""
    row = own_plan(session, member, plan_id)
    judged = func.sum(case((tables.PlanItem.verdict == Verdict.JUDGING, 0), else_=1))
    counts = select(func.coalesce(judged, 0), func.count()).where(tables.PlanItem.plan_id == plan_id)
    number, total = session.execute(counts).one()
    return Progress(number, total, row.judging_due_at is not None)


def own_plan(session: Session, member: Member, plan_id: str) -> tables.RetryPlan:
    row = session.get(tables.RetryPlan, plan_id)
    if row is not None and is_visible(session, member, plan_id):
        return row
    raise UnknownPlan("There is no such retry here. Go back to Failed exports and choose again.")


def lock(session: Session, member: Member, plan_id: str) -> tables.RetryPlan:
    """Return a plan as it is now, held until the commit: two presses at once must not make two runs.

    Raises `UnknownPlan`.
    """
    own_plan(session, member, plan_id)
    return session.get_one(tables.RetryPlan, plan_id, with_for_update=True, populate_existing=True)


def is_visible(session: Session, member: Member, plan_id: str) -> bool:
    """Say whether the member sees a plan: whole ones only, not parts of somebody else's."""
    return member.sees_everything or _all_mine(session, member, plan_id)


def _all_mine(session: Session, member: Member, plan_id: str) -> bool:
    mine = select(tables.Workspace.id).where(*members.own_workspaces(member))
    foreign = select(tables.PlanItem.export_id).where(
        tables.PlanItem.plan_id == plan_id, tables.PlanItem.workspace_id.not_in(mine)
    )
    return session.execute(foreign.limit(1)).first() is None


def _lines(session: Session, plan_id: str) -> list[VerdictLine]:
    rows = session.execute(
        select(
            tables.PlanItem.verdict,
            tables.Export.currency,
            func.count(),
            func.sum(tables.Export.amount),
            func.min(tables.PlanItem.reason),
            func.max(tables.PlanItem.reason),
        )
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .where(tables.PlanItem.plan_id == plan_id)
        .group_by(tables.PlanItem.verdict, tables.Export.currency)
    ).all()
    lines = []
    for verdict in Verdict:
        of_it = [row for row in rows if row[0] is verdict]
        if of_it:
            reasons = {reason for row in of_it for reason in (row[4], row[5])}
            lines.append(
                VerdictLine(
                    verdict=verdict,
                    count=sum(row[2] for row in of_it),
                    amounts={row[1]: row[3] for row in of_it},
                    reason=reasons.pop() if len(reasons) == 1 else None,
                )
            )
    return lines


def items(
    session: Session,
    member: Member,
    plan_id: str,
    *,
    verdicts: Sequence[Verdict] = (),
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[PlanItemRow], int]:
    """Return one page of a plan's exports, oldest report first, and how many there are in all."""
    own_plan(session, member, plan_id)
    query = (
        select(tables.PlanItem, tables.Export, tables.Workspace.name, tables.Organisation.short_code)
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .join(tables.Workspace, tables.Workspace.id == tables.Export.workspace_id)
        .join(tables.Organisation, tables.Organisation.id == tables.Export.organisation_id)
        .where(tables.PlanItem.plan_id == plan_id)
    )
    if verdicts:
        query = query.where(tables.PlanItem.verdict.in_(verdicts))
    ordered = query.order_by(tables.Export.approved_at, tables.Export.id)
    rows = session.execute(page_of(ordered, page=page, page_size=page_size))
    total = count(session, query.with_only_columns(tables.PlanItem.export_id))
    return [item_row(*row) for row in rows], total


def going(session: Session, member: Member, plan_id: str) -> list[int]:
    """Return the ids of the exports that a plan's run will work on. Raises `UnknownPlan`."""
    own_plan(session, member, plan_id)
    items = tables.PlanItem
    return list(
        session.scalars(select(items.export_id).where(items.plan_id == plan_id, items.verdict.in_(GOES)))
    )


def item_row(
    item: tables.PlanItem, export: tables.Export, workspace_name: str, short_code: str | None
) -> PlanItemRow:
    """Return one export of a plan as it is shown."""
    return PlanItemRow(
        export_id=export.id,
        number=export.number,
        workspace_id=export.workspace_id,
        workspace_name=workspace_name,
        amount=export.amount,
        currency=export.currency,
        verdict=item.verdict,
        reason=item.reason,
        result=item.result,
        result_text=item.result_text,
        xero_link=exports.link(export.kind, export.xero_id, short_code),
    )
