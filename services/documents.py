"""From a report to its document in Xero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.reference import Imported, is_active
from services.store import tables
from services.xero.documents import BankTransaction, Bill, BillStatus, Line, TrackingChoice

NO_TAX = "NONE"  # Xero's tax type for no tax
DUE_AFTER = timedelta(days=30)
BILL_STATUS = BillStatus.AUTHORISED  # the platform's default for purchase bills: awaiting payment


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything a document is made from."""

    export: tables.Export
    report: tables.Report
    lines: tuple[tables.ReportLine, ...]
    card_account: str | None  #: code of the bank account for company cards
    receipts: tuple[tables.Receipt, ...] = ()  #: without their content

    @property
    def dated(self) -> date:
        """Return the document's date: that of the last expense."""
        days = (line.spent_on for line in self.lines)
        return max(days, default=self.report.approved_at.date())


def drafts(session: Session, exports: Sequence[tables.Export]) -> list[Draft]:
    """Return what the documents of these exports are made from, in the same order."""
    report_ids = {export.report_id for export in exports}
    reports = {
        row.id: row for row in session.scalars(select(tables.Report).where(tables.Report.id.in_(report_ids)))
    }
    lines: dict[int, list[tables.ReportLine]] = {export.id: [] for export in exports}
    for line in session.scalars(
        select(tables.ReportLine)
        .where(tables.ReportLine.export_id.in_(lines))
        .order_by(tables.ReportLine.position)
    ):
        lines[line.export_id].append(line)
    cards = _card_accounts(session, {export.workspace_id for export in exports})
    receipts = _receipts(session, [export.id for export in exports])
    return [
        Draft(
            export,
            reports[export.report_id],
            tuple(lines[export.id]),
            cards.get(export.workspace_id),
            tuple(receipts[export.id]),
        )
        for export in exports
    ]


def _card_accounts(session: Session, workspace_ids: set[str]) -> Mapping[str, str | None]:
    rows = session.execute(
        select(tables.Workspace.id, tables.Workspace.card_account).where(
            tables.Workspace.id.in_(workspace_ids)
        )
    )
    return dict(rows.all())


def _receipts(session: Session, export_ids: Sequence[int]) -> Mapping[int, list[tables.Receipt]]:
    receipts: dict[int, list[tables.Receipt]] = {export_id: [] for export_id in export_ids}
    for receipt in session.scalars(
        select(tables.Receipt).where(tables.Receipt.export_id.in_(export_ids)).order_by(tables.Receipt.id)
    ):
        receipts[receipt.export_id].append(receipt)
    return receipts


def bill(draft: Draft, known: Imported) -> Bill:
    """Return the purchase bill of an out-of-pocket report."""
    return Bill(
        number=draft.export.number,
        contact_id=contact_id(draft, known),
        contact_name=draft.report.submitter_name,
        date=draft.dated,
        due_date=draft.dated + DUE_AFTER,
        currency=draft.export.currency,
        status=BILL_STATUS,
        lines=_lines(draft, known),
    )


def bank_transaction(draft: Draft, known: Imported) -> BankTransaction:
    """Return the spend-money transaction of a company-card expense."""
    return BankTransaction(
        reference=draft.export.number,
        contact_id=contact_id(draft, known),
        contact_name=draft.report.submitter_name,
        date=draft.dated,
        currency=draft.export.currency,
        bank_account_code=draft.card_account or "",
        lines=_lines(draft, known),
    )


def contact_id(draft: Draft, known: Imported) -> str | None:
    """Return the id of the document's contact, or None where no active one of that name is known."""
    contact = known.contact(draft.report.submitter_name)
    return contact["id"] if contact and is_active(contact) else None


def _lines(draft: Draft, known: Imported) -> tuple[Line, ...]:
    return tuple(
        Line(
            description=line.merchant,
            amount=line.amount,
            account_code=line.account_code,
            tax_type=tax_type(line, known),
            tracking=_tracking(line, known),
        )
        for line in draft.lines
    )


def tax_type(line: tables.ReportLine, known: Imported) -> str:
    """Return the tax type that a line is sent with: its own, or else the usual one of its account."""
    if line.tax_type:
        return line.tax_type
    account = known.account(line.account_code)
    return str(account["tax_type"]) if account and account["tax_type"] else NO_TAX


def _tracking(line: tables.ReportLine, known: Imported) -> tuple[TrackingChoice, ...]:
    """Name a tag that Xero does not have all the same: left out, it would be lost without a word."""
    if not line.tracking_category:
        return ()
    category, name = known.category(line.tracking_category), line.tracking_option or ""
    found = option(category, name)
    return (
        TrackingChoice(
            category_id=category["id"] if category else None,
            option_id=found["id"] if found else None,
            category=line.tracking_category,
            option=name,
        ),
    )


def option(category: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """Return the option of this name in a tracking category: of namesakes the active one."""
    named = [each for each in (category or {}).get("options", ()) if each["name"].lower() == name.lower()]
    return max(named, key=is_active, default=None)
