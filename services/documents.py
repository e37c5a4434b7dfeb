"""From a report to its document in Xero, and what Xero would refuse about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import catalogue
from services.reference import ACTIVE, Imported
from services.store import tables
from services.store.states import ExportKind
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

    @property
    def dated(self) -> date:
        """Return the document's date: that of the last expense."""
        return max(line.spent_on for line in self.lines)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why Xero would refuse a document: our code, and the sentence to show."""

    code: str
    message: str


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
    return [
        Draft(export, reports[export.report_id], tuple(lines[export.id]), cards.get(export.workspace_id))
        for export in exports
    ]


def _card_accounts(session: Session, workspace_ids: set[str]) -> Mapping[str, str | None]:
    rows = session.execute(
        select(tables.Workspace.id, tables.Workspace.card_account).where(
            tables.Workspace.id.in_(workspace_ids)
        )
    )
    return dict(rows.all())


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
    contact = known.contacts.get(draft.report.submitter_name)
    return contact["id"] if contact and contact["status"] == ACTIVE else None


def _lines(draft: Draft, known: Imported) -> tuple[Line, ...]:
    return tuple(
        Line(
            description=line.merchant,
            amount=line.amount,
            account_code=line.account_code,
            tax_type=line.tax_type or _usual_tax(line, known),
            tracking=_tracking(line, known),
        )
        for line in draft.lines
    )


def _usual_tax(line: tables.ReportLine, known: Imported) -> str:
    account = known.accounts.get(line.account_code)
    return str(account["tax_type"]) if account and account["tax_type"] else NO_TAX


def _tracking(line: tables.ReportLine, known: Imported) -> tuple[TrackingChoice, ...]:
    category = known.tracking.get(line.tracking_category or "")
    option = _option(category, line.tracking_option)
    if category is None or option is None:
        return ()
    return (TrackingChoice(category_id=category["id"], option_id=option["id"]),)


def _option(category: Mapping[str, object] | None, name: str | None) -> Mapping[str, str] | None:
    options = category["options"] if category else ()
    assert isinstance(options, Sequence)  # noqa: S101 - stored so by `reference`
    return next((o for o in options if o["name"] == name and o["status"] == ACTIVE), None)


def objection(draft: Draft, known: Imported) -> Objection | None:
    """Return the first reason for which Xero would refuse the document, or None where none is seen.

    Only what was imported is looked at: no call is spent. A document without an objection may
    still be refused by Xero.
    """
    currency = draft.export.currency
    if known.currencies and currency not in known.currencies:
        return _object("XERO68", f"Currency: {currency}.")
    if known.lock_date and draft.dated <= known.lock_date:
        return _object("XERO33", f"Dated {draft.dated}, and the books are locked up to {known.lock_date}.")
    if draft.export.kind is ExportKind.BANK_TRANSACTION and not _is_bank_account(draft, known):
        return _object("XERO87", f"Bank account: {draft.card_account or 'none chosen'}.")
    for line in draft.lines:
        found = _line_objection(line, known)
        if found is not None:
            return found
    return None


def _is_bank_account(draft: Draft, known: Imported) -> bool:
    account = known.accounts.get(draft.card_account or "")
    return account is not None and account["type"] == "BANK" and account["status"] == ACTIVE


def _line_objection(line: tables.ReportLine, known: Imported) -> Objection | None:
    if not line.account_code:
        return _object("XERO52", f"No category: {line.merchant}.")
    account = known.accounts.get(line.account_code)
    if account is None or account["status"] != ACTIVE:
        return _object("XERO27", f"Category {line.account_code} of {line.merchant}.")
    if line.tax_type and not _tax_fits(line.tax_type, str(account["class_"]), known):
        text = catalogue.message("XERO95", tax=line.tax_type, account=line.account_code)
        return Objection("XERO95", text)
    if line.tracking_category and not _tracking(line, known):
        text = catalogue.message("XERO78", merchant=line.merchant)
        return Objection("XERO78", f"{text} Tag: {line.tracking_category}, {line.tracking_option}.")
    return None


def _tax_fits(tax_type: str, account_class: str, known: Imported) -> bool:
    rate = known.tax_rates.get(tax_type)
    return rate is not None and rate["status"] == ACTIVE and account_class in rate["applies_to"]


def _object(code: str, particulars: str) -> Objection:
    return Objection(code, f"{catalogue.get(code).message} {particulars}")
