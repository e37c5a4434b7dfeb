"""Changed reports are written to the store: the report, its exports and their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services import audit
from services.insights import mark_stale
from services.intake.changes import Change
from services.intake.expenses import Expense, PaidBy
from services.intake.known import Known
from services.intake.reports import OF_LINE, OF_REPORT
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import CAN_EXPORT, ExportKind, ExportState


def take(session: Session, member: Member, known: Known, changes: Sequence[Change]) -> None:
    """Write what the reports change, with one entry in the history of each workspace."""
    # Without relationships the order of inserts is ours: what others refer to goes first.
    _write_reports(session, known, changes)
    session.flush()
    written = [
        (_write_export(session, known, change.head, number, expenses), expenses)
        for change in changes
        for number, expenses in change.documents.items()
    ]
    session.flush()
    _write_lines(session, written)
    session.flush()
    _record(session, member, changes)


def _write_reports(session: Session, known: Known, changes: Sequence[Change]) -> None:
    for change in changes:
        report = known.reports.get(change.head.report_id) or tables.Report(id=change.head.report_id)
        _fill(report, change.head, OF_REPORT)
        session.add(report)


def _write_lines(session: Session, written: Sequence[tuple[tables.Export, Mapping[int, Expense]]]) -> None:
    """Replace the lines of these exports by the expenses, each at its position."""
    ids = [export.id for export, _ in written]
    session.execute(delete(tables.ReportLine).where(tables.ReportLine.export_id.in_(ids)))
    for export, expenses in written:
        for position, expense in expenses.items():
            line = tables.ReportLine(report_id=export.report_id, position=position, export_id=export.id)
            _fill(line, expense, OF_LINE)
            session.add(line)


def _fill(row: object, expense: Expense, columns: Mapping[str, str]) -> None:
    for column, cell in columns.items():
        setattr(row, column, getattr(expense, cell))


def _write_export(
    session: Session, known: Known, head: Expense, number: str, expenses: Mapping[int, Expense]
) -> tables.Export:
    """Make an export, or start a stored one anew; with a broken connection it is held."""
    connection = known.connections[head.workspace_id]
    export = known.exports.get(head.report_id, {}).get(number)
    if export is None:
        export = _new_export(connection, head, number, next(iter(expenses.values())).paid_by)
        session.add(export)
    else:
        export.changed_at = utcnow()
    # The failure was that of other expenses, so its day is counted again without it.
    mark_stale(session, export.failed_at)
    export.code = export.message = export.failed_at = None
    export.amount = sum((expense.amount for expense in expenses.values()), Decimal(0))
    export.currency, export.approved_at = head.currency, head.approved_at
    export.state = ExportState.WAITING
    if connection.health not in CAN_EXPORT:
        export.state = ExportState.HELD
        export.incident_id = known.incidents.get(head.workspace_id, export.incident_id)
    return export


def _new_export(connection: tables.Connection, head: Expense, number: str, paid_by: PaidBy) -> tables.Export:
    assert connection.organisation_id is not None  # noqa: S101 - seen to by services.intake.changes
    is_card = paid_by is PaidBy.COMPANY_CARD
    return tables.Export(
        number=number,
        report_id=head.report_id,
        workspace_id=head.workspace_id,
        organisation_id=connection.organisation_id,
        kind=ExportKind.BANK_TRANSACTION if is_card else ExportKind.BILL,
    )


def _record(session: Session, member: Member, changes: Sequence[Change]) -> None:
    for workspace_id in {change.head.workspace_id: None for change in changes}:
        here = [change for change in changes if change.head.workspace_id == workspace_id]
        changed = [change.head.report_id for change in here if not change.is_new]
        audit.record(
            session,
            "reports imported",
            f"Reports came in from a file: {len(here) - len(changed):,} new, {len(changed):,} changed.",
            actor=member.email,
            workspace_id=workspace_id,
            changed=changed,
        )
