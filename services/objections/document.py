"""What Xero would refuse about a document as a whole, and about its receipts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from services import documents
from services.documents import Draft
from services.objections.expense import cents, of_expense
from services.objections.wording import AGAIN, CHART, Objection, if_too_long, if_unreadable, unnamed
from services.reference import Imported, is_active
from services.store import tables
from services.store.states import ExportKind
from services.xero.documents import MAX_ATTACHMENT_BYTES

MAX_NUMBER = MAX_NAME = 255  # characters of a document's number and a contact's name (Accounting API)
MEGABYTE = 1024 * 1024


def of_document(draft: Draft, known: Imported) -> Iterator[Objection]:
    """Say everything that Xero would refuse about a document."""
    yield from _currency(draft.export.currency, known)
    yield from _date(draft.dated, known)
    yield from _contact(draft, known)
    yield from _number(draft.export)
    if draft.export.kind is ExportKind.BANK_TRANSACTION:
        yield from _bank_account(draft.card_account, known)
        yield from _total(draft)
    if not draft.lines:
        yield unnamed(f"The report has no expenses. Add one {AGAIN}.")
    for line in draft.lines:
        yield from of_expense(line, known)


def of_receipts(draft: Draft) -> Iterator[Objection]:
    """Say which receipts Xero would refuse."""
    for receipt in draft.receipts:
        if receipt.size_bytes > MAX_ATTACHMENT_BYTES:
            yield Objection(
                "XERO08",
                f"Receipt {receipt.file_name} has {receipt.size_bytes / MEGABYTE:.1f} MB, and Xero takes "
                "at most 10 MB. Make the file smaller, then import it again under the same name.",
            )


def _currency(currency: str, known: Imported) -> Iterator[Objection]:
    if known.currencies and currency and currency.upper() not in known.currencies:
        yield Objection(
            "XERO68",
            f"Currency {currency} is not enabled in Xero. Add it in Xero (Settings > Currencies) and sync.",
        )


def _date(day: date, known: Imported) -> Iterator[Objection]:
    lock = known.lock_date
    if lock is not None and day <= lock:
        which = "year-end" if lock == known.end_of_year_lock_date else "period"
        yield Objection(
            "XERO33",
            f"The report is dated {day:%-d %b %Y}, and the books in Xero are locked up to "
            f"{lock:%-d %b %Y} ({which} lock date). Move the lock date in Xero (Accounting > Advanced > "
            f"Financial settings) and sync, or change the date {AGAIN}.",
        )


def _contact(draft: Draft, known: Imported) -> Iterator[Objection]:
    """Object to a name that Xero neither has nor would make a contact of."""
    if documents.contact_id(draft, known) is not None:
        return
    name = draft.report.submitter_name.strip()
    if not name:
        yield unnamed(f"The report names no submitter to be the contact in Xero. Name one {AGAIN}.")
    if known.contact(name) is not None:
        yield unnamed(f"The contact {name} is archived in Xero. Restore it (Contacts > Archived) and sync.")
    yield from if_too_long("submitter's name", name, MAX_NAME)
    yield from if_unreadable("submitter's name", draft.report.submitter_name)


def _number(export: tables.Export) -> Iterator[Objection]:
    yield from if_too_long("number", export.number, MAX_NUMBER)
    yield from if_unreadable("number", export.number, ascii_only=export.kind is ExportKind.BILL)


def _bank_account(code: str | None, known: Imported) -> Iterator[Objection]:
    account = known.account(code or "")
    if account is None or account["type"] != "BANK" or not is_active(account):
        found = f"{code} is no active bank account in Xero" if code else "none is chosen"
        yield Objection(
            "XERO87",
            f"Bank account for company cards: {found}. Choose an active one in the workspace's "
            f"accounting settings on the expense platform, or restore it {CHART}.",
        )


def _total(draft: Draft) -> Iterator[Objection]:
    total = sum((cents(line.amount) for line in draft.lines), Decimal(0))
    if draft.lines and total <= 0:
        yield unnamed(
            f"The total is {total}, and money spent from a bank account must be more than zero in Xero. "
            f"Correct the amount {AGAIN}."
        )
