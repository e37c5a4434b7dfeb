"""Marks: a person's word that an export is in Xero already, which counts once Xero has confirmed it.

While Xero is asked no run sends the export: who marks and who claims both hold its row. A mark on a
broken connection waits with its export, so that a reconnect does not send what was entered by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from services import exports
from services.store import tables
from services.store.states import MarkState, Verdict

LEFT_OUT = "Not sent: somebody says that it is in Xero already, and Xero is asked first."


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkView:
    """A mark as a person sees it."""

    xero_id: str
    link: str | None  #: to the document in Xero
    asked_by: str
    asked_at: datetime
    reason: str
    state: MarkState
    detail: str | None  #: what Xero said, or why it was not asked yet


def of_export(session: Session, export_id: int) -> tuple[MarkView, ...]:
    """Return the marks of an export, the newest first."""
    rows = session.execute(
        select(tables.XeroMark, tables.Export.kind, tables.Organisation.short_code)
        .join(tables.Export, tables.Export.id == tables.XeroMark.export_id)
        .join(tables.Organisation, tables.Organisation.id == tables.Export.organisation_id)
        .where(tables.XeroMark.export_id == export_id)
        .order_by(tables.XeroMark.asked_at.desc(), tables.XeroMark.id)
    )
    return tuple(
        MarkView(
            xero_id=mark.xero_id,
            link=exports.link(kind, mark.xero_id, short_code),
            asked_by=mark.asked_by,
            asked_at=mark.asked_at,
            reason=mark.reason,
            state=mark.state,
            detail=mark.detail,
        )
        for mark, kind, short_code in rows
    )


def under_check() -> ColumnElement[bool]:
    """Return the SQL condition for exports of which Xero is being asked."""
    return exists().where(
        tables.XeroMark.export_id == tables.Export.id, tables.XeroMark.state == MarkState.ASKED
    )


def is_asked(session: Session, export_id: int) -> bool:
    """Say whether Xero is being asked about an export."""
    return with_state(session, export_id, MarkState.ASKED) is not None


def with_state(session: Session, export_id: int, state: MarkState) -> tables.XeroMark | None:
    """Return the newest mark of an export that is in this state."""
    return session.scalar(
        select(tables.XeroMark)
        .where(tables.XeroMark.export_id == export_id, tables.XeroMark.state == state)
        .order_by(tables.XeroMark.asked_at.desc())
        .limit(1)
    )


def leave_out(session: Session, plan_id: str, locked: Sequence[tables.Export]) -> list[tables.Export]:
    """Take the exports of which Xero is being asked out of this run, unsent; return the others."""
    ids = [export.id for export in locked]
    asked = set(session.scalars(select(tables.Export.id).where(tables.Export.id.in_(ids), under_check())))
    session.execute(
        update(tables.PlanItem)
        .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.export_id.in_(asked))
        .values(verdict=Verdict.CHANGED, reason=LEFT_OUT)
    )
    return [export for export in locked if export.id not in asked]
