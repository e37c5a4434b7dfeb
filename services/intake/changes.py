"""What a report changes in the store, and why some of it can no longer be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import catalogue
from services.answers import UNNAMED
from services.catalogue import RetryClass
from services.intake.expenses import Expense
from services.intake.known import Known
from services.intake.reports import OF_LINE, OF_REPORT, Report
from services.look_ups import AMBIGUOUS_CODES
from services.store import tables
from services.store.states import AttemptState, ExportState


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written of one report."""

    head: Expense
    is_new: bool
    documents: Mapping[str, Mapping[int, Expense]]  #: by number and position; only what is new or differs


def compare(session: Session, known: Known, report: Report) -> Change | None:
    """Return what a report changes, or None where it is stored just so. Raises `Refused`."""
    _place(known, report)
    documents, exports = report.documents(), known.exports.get(report.head.report_id, {})
    changed = _changed(known, report)
    for number in changed:
        _admit(session, known, report, number)
    for number in exports.keys() - documents.keys():
        _let_go(session, known, report, exports[number])
    is_new = report.head.report_id not in known.reports
    return Change(report.head, is_new, changed) if changed else None


def _place(known: Known, report: Report) -> None:
    """Raise `Refused` unless the workspace is there and the report may belong to it."""
    head = report.head
    workspace, stored = known.workspaces.get(head.workspace_id), known.reports.get(head.report_id)
    if workspace is None:
        reason = f"There is no workspace {head.workspace_id}, so nobody's Xero would get it. Look its id up."
        raise report.refuse("workspace_id", reason)
    if head.currency != workspace.currency:
        reason = (
            f"The currency is {head.currency}, but {workspace.name} has {workspace.currency}. Convert it."
        )
        raise report.refuse("currency", reason)
    if stored is not None and stored.workspace_id != head.workspace_id:
        reason = (
            f"Report {head.report_id} belongs to another workspace already. Give this one an id of its own."
        )
        raise report.refuse("report_id", reason)


def _changed(known: Known, report: Report) -> dict[str, dict[int, Expense]]:
    stored = known.reports.get(report.head.report_id)
    is_other = stored is None or not _same(stored, report.head, OF_REPORT)
    exports = known.exports.get(report.head.report_id, {})
    return {
        number: expenses
        for number, expenses in report.documents().items()
        if is_other or not _same_lines(known, exports.get(number), expenses)
    }


def _same(stored: object, expense: Expense, columns: Mapping[str, str]) -> bool:
    return all(getattr(stored, column) == getattr(expense, cell) for column, cell in columns.items())


def _same_lines(known: Known, export: tables.Export | None, expenses: Mapping[int, Expense]) -> bool:
    lines = known.lines.get(export.id, {}) if export else {}
    return lines.keys() == expenses.keys() and all(
        _same(lines[position], expense, OF_LINE) for position, expense in expenses.items()
    )


def _admit(session: Session, known: Known, report: Report, number: str) -> None:
    """Raise `Refused` unless an export may be made, or changed, under this number."""
    head = report.head
    export = known.exports.get(head.report_id, {}).get(number)
    connection = known.connections.get(head.workspace_id)
    if (owner := known.owners.setdefault(number, head.report_id)) != head.report_id:
        reason = f"Its number {number} is taken by report {owner}. Give this report another id."
        raise report.refuse("report_id", reason)
    if export is not None and (why := _settled(session, export)) is not None:
        raise report.refuse("report_id", f"The report differs from before, but {number} {why}")
    if export is None and (connection is None or connection.organisation_id is None):
        reason = "The workspace has no organisation in Xero to export to. Connect it, then import again."
        raise report.refuse("workspace_id", reason)


def _let_go(session: Session, known: Known, report: Report, export: tables.Export) -> None:
    """Raise `Refused` unless an export that the file leaves out was set aside and is in nobody's way."""
    why = _settled(session, export)
    if export.state is not ExportState.SET_ASIDE:
        why = why or "still waits for Xero. Set it aside under Failed exports, then import again."
    elif known.lines.get(export.id, {}).keys().isdisjoint(range(1, len(report.expenses) + 1)):
        return
    raise report.refuse("report_id", f"{export.number} is no longer in the report, but {why}")


def _settled(session: Session, export: tables.Export) -> str | None:
    """Say why a stored export can no longer be changed, or None where it can."""
    if export.state is ExportState.DELIVERED:
        return (
            "is in Xero, where Relink changes nothing. Change it there, or import the difference by itself."
        )
    if export.state is ExportState.SET_ASIDE:
        return f"was set aside by {export.set_aside_by}. Import what changed under another report id."
    if export.code and catalogue.get(export.code).retry is RetryClass.NEVER:
        return f"has {export.code}. {catalogue.get(export.code).fix}"
    if _is_doubtful(session, export):
        return "may be in Xero. Retry it under Failed exports, which asks Xero first, and then import again."
    return None


def _is_doubtful(session: Session, export: tables.Export) -> bool:
    if export.state is not ExportState.FAILED or export.code not in AMBIGUOUS_CODES:
        return export.state in {ExportState.SENDING, ExportState.IN_DOUBT}
    tries = select(tables.Attempt.state).where(tables.Attempt.export_id == export.id)
    last = session.scalar(tries.order_by(tables.Attempt.id.desc()).limit(1))
    # Xero's no to this very document is certain, where the catalogue only has no better code for it.
    return export.code != UNNAMED or last is not AttemptState.REFUSED
