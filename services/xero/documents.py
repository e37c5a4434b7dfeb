"""Bills and bank transactions in Xero: created in batches, found again, seen paid, given receipts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from services.xero import paging
from services.xero.api import ACCOUNTING, Api, understood
from services.xero.dates import day
from services.xero.drafts import (
    BankTransaction,
    Bill,
    BillStatus,
    Line,
    TrackingChoice,
    bank_transaction_json,
    bill_json,
    idempotency_key,
)
from services.xero.elements import EACH_BY_ITSELF, errors_of, id_of, messages
from services.xero.errors import Fault, XeroError

__all__ = [
    "MAX_ATTACHMENT_BYTES",
    "MAX_BATCH",
    "MAX_FILES",
    "MAX_LOOKUP",
    "Attached",
    "BankTransaction",
    "Bill",
    "BillStatus",
    "Created",
    "Document",
    "DocumentKind",
    "Found",
    "Line",
    "PaidBill",
    "Result",
    "TrackingChoice",
    "add_note",
    "attach_file",
    "bank_transaction_json",
    "bill_json",
    "create_bank_transactions",
    "create_bills",
    "find_bank_transactions",
    "find_bills",
    "idempotency_key",
    "read_document",
    "read_paid_bills",
]

#: Elements of one create call, as Xero recommends
MAX_BATCH = 50
#: Numbers of one look-up call: keeps the address short
MAX_LOOKUP = 40
#: Xero refuses larger files
MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024
#: Files of one document
MAX_FILES = 10

_BATCH: dict[str, str | int] = {**EACH_BY_ITSELF, "unitdp": 4}


class DocumentKind(StrEnum):
    """What an export becomes in Xero; the value is Xero's name of the resource."""

    #: purchase bill, for out-of-pocket expenses
    BILL = "Invoices"
    #: money spent from a bank account, for company cards
    BANK_TRANSACTION = "BankTransactions"


_ID = {DocumentKind.BILL: "InvoiceID", DocumentKind.BANK_TRANSACTION: "BankTransactionID"}
_NUMBER = {DocumentKind.BILL: "InvoiceNumber", DocumentKind.BANK_TRANSACTION: "Reference"}
_TYPE = {DocumentKind.BILL: "ACCPAY", DocumentKind.BANK_TRANSACTION: "SPEND"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one document of a batch: an id, or errors; where it has both, it may have been made."""

    number: str
    xero_id: str | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """Xero's answer to one batch: a result a document, in the order given."""

    results: tuple[Result, ...]
    status: int
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document as it stands in Xero, whatever its status, DELETED and VOIDED included."""

    number: str
    xero_id: str
    status: str
    total: Decimal
    contact_name: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document in Xero, whoever made it and of whatever type."""

    type: str  #: Xero's word: ACCPAY, ACCREC, SPEND, RECEIVE, ...
    status: str
    total: Decimal
    contact_name: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidBill:
    """A bill that is fully paid in Xero, and the day of the last payment where Xero gives it."""

    xero_id: str
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that is at a document in Xero now."""

    attachment_id: str
    correlation_id: str | None


def create_bills(api: Api, organisation_id: str, bills: Sequence[Bill], *, idempotency_key: str) -> Created:
    """Create up to 50 bills of different numbers in one call; results come in the order given.

    Raises `XeroError`; where it `may_have_been_done`, find the bills before sending them again.
    """
    drafts = {bill.number: bill_json(bill) for bill in bills}
    if len(drafts) != len(bills):
        raise ValueError("two bills of one batch have the same number")
    return _create(api, organisation_id, DocumentKind.BILL, drafts, idempotency_key)


def create_bank_transactions(
    api: Api, organisation_id: str, transactions: Sequence[BankTransaction], *, idempotency_key: str
) -> Created:
    """Create up to 50 bank transactions of different references in one call; otherwise as `create_bills`."""
    drafts = {each.reference: bank_transaction_json(each) for each in transactions}
    if len(drafts) != len(transactions):
        raise ValueError("two bank transactions of one batch have the same reference")
    return _create(api, organisation_id, DocumentKind.BANK_TRANSACTION, drafts, idempotency_key)


def find_bills(api: Api, organisation_id: str, numbers: Sequence[str]) -> list[Found]:
    """Find all bills with these numbers, one call for 40; a number may be found never, once or more often."""
    if any("," in number for number in numbers):
        raise ValueError("a bill number with a comma cannot be looked up")
    params = ({"InvoiceNumbers": ",".join(part), "where": 'Type=="ACCPAY"'} for part in _parts(numbers))
    return _find(
        api, organisation_id, DocumentKind.BILL, ({**each, "summaryOnly": "true"} for each in params)
    )


def find_bank_transactions(api: Api, organisation_id: str, references: Sequence[str]) -> list[Found]:
    """Find all spend-money transactions with these references; otherwise as `find_bills`."""
    if any('"' in reference or "\\" in reference for reference in references):
        raise ValueError("a reference with a quote or a backslash cannot be looked up")
    terms = (" OR ".join(f'Reference=="{each}"' for each in part) for part in _parts(references))
    return _find(api, organisation_id, DocumentKind.BANK_TRANSACTION, ({"where": each} for each in terms))


def read_document(api: Api, organisation_id: str, kind: DocumentKind, xero_id: str) -> Document | None:
    """Read one document by its id; None where the organisation has none of it. Raises `XeroError`."""
    try:
        answer = api.request("GET", f"{ACCOUNTING}/{kind}/{xero_id}", organisation_id=organisation_id)
    except XeroError as error:
        if error.fault is Fault.NOT_FOUND:
            return None
        raise
    with understood(answer.correlation_id, written=False):
        [row] = answer.data[kind.value]
        return Document(
            type=row["Type"],
            status=row["Status"],
            total=Decimal(row["Total"]),
            contact_name=row.get("Contact", {}).get("Name") or "",
            currency=row["CurrencyCode"],
        )


def read_paid_bills(api: Api, organisation_id: str, *, since: datetime | None) -> Iterator[PaidBill]:
    """Read the bills that our app created and that are fully paid, a call for every thousand.

    With `since`, only those that were changed then or later: a payment changes its bill.
    """
    params = {
        "where": 'Type=="ACCPAY"',
        "Statuses": "PAID",
        "createdByMyApp": "true",
        "summaryOnly": "true",
    }
    for row in paging.rows(api, organisation_id, DocumentKind.BILL, params, modified_since=since):
        with understood(written=False):
            bill = PaidBill(xero_id=row["InvoiceID"], paid_on=day(row.get("FullyPaidOnDate")))
        yield bill


def attach_file(
    api: Api,
    organisation_id: str,
    kind: DocumentKind,
    xero_id: str,
    *,
    file_name: str,
    content: bytes,
    content_type: str,
) -> Attached:
    """Attach a receipt; sent again under the same name it replaces itself.

    A document takes ten files of up to 10 MB; a larger file raises INVALID without a call.
    """
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise XeroError(fault=Fault.INVALID, detail=f"{file_name} is larger than the 10 MB that Xero takes.")
    answer = api.request(
        "PUT",
        f"{ACCOUNTING}/{kind}/{xero_id}/Attachments/{quote(file_name, safe='')}",
        organisation_id=organisation_id,
        content=content,
        content_type=content_type,
    )
    with understood(answer.correlation_id):
        return Attached(str(answer.data["Attachments"][0]["AttachmentID"]), answer.correlation_id)


def add_note(
    api: Api, organisation_id: str, kind: DocumentKind, xero_id: str, text: str, *, idempotency_key: str
) -> None:
    """Add a line to the document's history in Xero, where its users see it."""
    api.request(
        "PUT",
        f"{ACCOUNTING}/{kind}/{xero_id}/History",
        organisation_id=organisation_id,
        json={"HistoryRecords": [{"Details": text}]},
        idempotency_key=idempotency_key,
    )


def _create(
    api: Api,
    organisation_id: str,
    kind: DocumentKind,
    drafts: Mapping[str, dict[str, Any]],
    idempotency_key: str,
) -> Created:
    if not 1 <= len(drafts) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} documents, not {len(drafts)}")
    answer = api.request(
        "PUT",
        f"{ACCOUNTING}/{kind}",
        organisation_id=organisation_id,
        params=_BATCH,
        json={kind.value: list(drafts.values())},
        idempotency_key=idempotency_key,
    )
    with understood(answer.correlation_id, status=answer.status):
        pairs = zip(drafts, answer.data[kind.value], strict=True)
        results = tuple(_result(kind, number, element) for number, element in pairs)
    return Created(results=results, status=answer.status, correlation_id=answer.correlation_id)


def _result(kind: DocumentKind, number: str, element: Mapping[str, Any]) -> Result:
    errors = errors_of(element)
    # An element that failed may echo too little to carry its number; one that was created never does.
    if element.get(_NUMBER[kind], number if errors else None) != number:
        raise LookupError(f"the result of {number} is missing")
    xero_id = id_of(element, _ID[kind])
    if xero_id is None and not errors:
        raise LookupError(f"{number} has neither an id nor an error")
    return Result(number=number, xero_id=xero_id, errors=errors, warnings=messages(element, "Warnings"))


def _find(
    api: Api, organisation_id: str, kind: DocumentKind, queries: Iterator[Mapping[str, str]]
) -> list[Found]:
    found = [row for query in queries for row in paging.rows(api, organisation_id, kind, query)]
    with understood(written=False):
        return [_found(kind, row) for row in found if row["Type"] == _TYPE[kind]]


def _found(kind: DocumentKind, row: Mapping[str, Any]) -> Found:
    return Found(
        number=row[_NUMBER[kind]],
        xero_id=row[_ID[kind]],
        status=row["Status"],
        total=Decimal(row["Total"]),
        contact_name=row.get("Contact", {}).get("Name") or "",
        currency=row["CurrencyCode"],
    )


def _parts(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    distinct = list(dict.fromkeys(numbers))
    return (distinct[start : start + MAX_LOOKUP] for start in range(0, len(distinct), MAX_LOOKUP))
