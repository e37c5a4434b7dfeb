"""What was approved goes to Xero by itself, while the connection works."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from services import audit, judging, marks, pausing, planning, retries, verdicts
from services.desk import Desk
from services.insights import mark_stale
from services.members import Member
from services.store import tables
from services.store.engine import LOCK, utcnow
from services.store.states import GOES, WORKING, ExportState, Role, Verdict
from services.verdicts import Judged

AT_MOST = judging.AT_ONCE  # exports a turn, so that its run starts at once; the next one is minutes away
REASON = "Approved and waiting"

RELINK = Member(audit.SYSTEM, audit.SYSTEM, Role.OWNER)


def export_waiting(desk: Desk) -> int:
    """Start one run of the exports that wait and are in no run yet, the oldest first.

    What Xero would refuse fails here with its code, and no call is spent. A run that a person paused
    or cancelled stays as it is. Returns how many exports are in the run.
    """
    with desk.store.begin() as session:
        judged = list(verdicts.judge(session, _take(session)))
        for verdict in judged:
            if verdict.verdict in {Verdict.FIX_FIRST, Verdict.LOCKED}:
                _fail(session, verdict)
        going = [verdict.export_id for verdict in judged if verdict.verdict in GOES]
        if going:
            plan_id = planning.plan(session, RELINK, export_ids=going)
            retries.start(session, RELINK, plan_id, REASON)
    return len(going)


def _take(session: Session) -> list[int]:
    """Return the ids of the exports to start, locked until their run is stored.

    Their connections come first, as everywhere: a pause at this moment is waited for, and seen.
    """
    wanted = set(session.scalars(_waiting().with_only_columns(tables.Export.workspace_id)))
    pausing.lock_all(session, wanted, share=True)
    # Of these workspaces alone: where another worker skips ahead, the next ones are not locked.
    there = _waiting().where(tables.Export.workspace_id.in_(wanted))
    ours = session.scalars(there.with_for_update(of=tables.Export, skip_locked=True, **LOCK)).all()
    # Another worker's turn may have stored its run between our look and our lock: look again.
    return list(session.scalars(_waiting().where(tables.Export.id.in_(ours))))


def _waiting() -> Select[int]:
    in_a_run = (
        select(tables.PlanItem.export_id)
        .join(tables.RetryRun, tables.RetryRun.plan_id == tables.PlanItem.plan_id)
        .where(
            tables.PlanItem.export_id == tables.Export.id,
            tables.PlanItem.verdict.in_(GOES),
            tables.PlanItem.result.is_(None),
        )
        .exists()
    )
    return (
        select(tables.Export.id)
        .join(tables.Connection, tables.Connection.workspace_id == tables.Export.workspace_id)
        .where(
            tables.Export.state == ExportState.WAITING,
            tables.Export.organisation_id == tables.Connection.organisation_id,
            tables.Connection.health.in_(WORKING),
            pausing.by_itself(),
            ~marks.under_check(),
            ~in_a_run,
        )
        .order_by(tables.Export.approved_at, tables.Export.id)
        .limit(AT_MOST)
    )


def _fail(session: Session, judged: Judged) -> None:
    export = session.get_one(tables.Export, judged.export_id)
    export.code, export.message = judged.code, judged.reason.removeprefix(f"{judged.code}: ")
    export.state, export.failed_at = ExportState.FAILED, utcnow()
    mark_stale(session, export.failed_at)
