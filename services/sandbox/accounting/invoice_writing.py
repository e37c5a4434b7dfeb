"""Creating and changing invoices, with the checks that Xero makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from starlette.responses import Response

from services.sandbox.accounting.call import Call, Invalid, Item, save_each
from services.sandbox.accounting.chart import Chart, load_chart
from services.sandbox.accounting.checks import (
    AMOUNT_TYPES,
    check_characters,
    check_choice,
    check_contact,
    check_currency,
    check_day,
    check_locks,
)
from services.sandbox.accounting.contacts import ContactBook
from services.sandbox.accounting.documents import find_document, select_documents
from services.sandbox.accounting.invoices import show_invoice
from services.sandbox.accounting.lines import LineRules, price_lines
from services.sandbox.accounting.models import OLDEST_FIRST, Document, Kind
from services.sandbox.models import new_id

_TYPES = ("ACCPAY", "ACCREC")
_STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "DELETED", "VOIDED")
_GONE = frozenset({"DELETED", "VOIDED"})
#: Where a status may go by the API; paid, voided and deleted invoices cannot be changed at all.
_NEXT = {
    "": {"DRAFT", "SUBMITTED", "AUTHORISED"},
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
}
_LONGEST_NUMBER = 255
#: Bills a month that the smallest plan may approve.
_STARTER_BILLS = 5


@dataclass(slots=True)
class _Batch:
    """What the elements of one call are checked against, read once for all of them."""

    call: Call
    chart: Chart
    contacts: ContactBook
    by_id: dict[str, Document]
    by_number: dict[tuple[str, str], Document]
    #: POST recognises an invoice by its number, PUT always creates.
    matching: bool
    #: Bills that the plan still allows this month; `None` is no limit.
    bills_left: int | None


def put_invoices(call: Call) -> Response:
    """Create invoices; a bill whose number exists already becomes a second bill without a word."""
    return _save_all(call, call.elements("Invoices"), matching=False)


def post_invoices(call: Call) -> Response:
    """Create invoices, or change those that an id or a number identifies."""
    return _save_all(call, call.elements("Invoices"), matching=True)


def post_invoice(call: Call) -> Response:
    """Change the one invoice that the path names."""
    invoice = find_document(call, Kind.INVOICE, call.request.path_params["id"])
    elements = [{**element, "InvoiceID": invoice.id} for element in call.elements("Invoices")]
    return _save_all(call, elements, matching=True)


def _save_all(call: Call, elements: list[Item], *, matching: bool) -> Response:
    batch = _open_batch(call, elements, matching=matching)
    return save_each(call, "Invoices", "InvoiceID", elements, lambda posted: _save(batch, posted))


def _open_batch(call: Call, elements: list[Item], *, matching: bool) -> _Batch:
    ids = [str(element["InvoiceID"]).lower() for element in elements if element.get("InvoiceID")]
    numbers = [str(element["InvoiceNumber"]) for element in elements if element.get("InvoiceNumber")]
    found = select_documents(call, Kind.INVOICE).where(
        or_(Document.id.in_(ids), Document.number.in_(numbers))
    )
    batch = _Batch(
        call=call,
        chart=load_chart(call.session, call.organisation.id),
        contacts=ContactBook(call, [element["Contact"] for element in elements if _has_contact(element)]),
        by_id={},
        by_number={},
        matching=matching,
        bills_left=_bills_left(call),
    )
    for invoice in call.session.scalars(found.order_by(*OLDEST_FIRST)):
        _remember(batch, invoice)
    return batch


def _has_contact(element: Item) -> bool:
    return isinstance(element.get("Contact"), dict)


def _remember(batch: _Batch, invoice: Document) -> None:
    """Make an invoice findable; the number finds a live one first, a deleted one never."""
    batch.by_id[invoice.id] = invoice
    key = (invoice.type, invoice.number)
    known = batch.by_number.get(key)
    if invoice.number and invoice.status != "DELETED" and (invoice.status != "VOIDED" or known is None):
        batch.by_number[key] = invoice


def _save(batch: _Batch, posted: Item) -> Item:
    invoice = _existing(batch, posted)
    errors: list[str] = []
    status = _status(posted, invoice, errors)
    if invoice is not None and status in _GONE:
        if errors:
            raise Invalid(errors)
        invoice.status, invoice.updated_at = status, batch.call.at
        return show_invoice(invoice, lines=True)
    values = _values(batch, posted, invoice, status, errors)
    if errors:
        raise Invalid(errors)
    return show_invoice(_write(batch, invoice, values), lines=True)


def _existing(batch: _Batch, posted: Item) -> Document | None:
    """Return the invoice that an element changes, or `None` where it makes a new one."""
    if not batch.matching:
        return None
    if id_ := posted.get("InvoiceID"):
        invoice = batch.by_id.get(str(id_).lower())
        if invoice is None:
            raise Invalid(["An existing Invoice with the specified InvoiceID could not be found"])
        return invoice
    return batch.by_number.get((str(posted.get("Type")), str(posted.get("InvoiceNumber") or "")))


def _status(posted: Item, invoice: Document | None, errors: list[str]) -> str:
    current = invoice.status if invoice else ""
    status = check_choice(posted, "Status", _STATUSES, current or "DRAFT", errors)
    if status not in _NEXT.get(current, set()):
        errors.append(f"Invoice not of valid status for {'modification' if invoice else 'creation'}")
    return status


def _values(
    batch: _Batch, posted: Item, invoice: Document | None, status: str, errors: list[str]
) -> dict[str, Any]:
    """Check everything an element says and return the columns to write."""
    organisation = batch.call.organisation
    check_characters(posted, errors)
    type_ = invoice.type if invoice else check_choice(posted, "Type", _TYPES, "", errors)
    day = check_day(posted, "Date", errors) or (invoice.date if invoice else batch.call.at.date())
    check_locks(organisation, day, errors)
    due = check_day(posted, "DueDate", errors) or (invoice.due_date if invoice else None)
    if status == "AUTHORISED" and due is None:
        errors.append("The document DueDate field must be specified.")
    keep_contact = invoice is not None and "Contact" not in posted
    contact = invoice.contact if keep_contact and invoice else check_contact(posted, batch.contacts, errors)
    amounts_default = invoice.line_amount_types if invoice else AMOUNT_TYPES[0]
    amounts = check_choice(posted, "LineAmountTypes", AMOUNT_TYPES, amounts_default, errors)
    rules = LineRules(amounts, status == "AUTHORISED", 4 if batch.call.query("unitdp") == "4" else 2)
    priced = price_lines(
        posted.get("LineItems", invoice.lines if invoice else None), batch.chart, rules, errors
    )
    number = _number(batch, posted, invoice, type_, errors)
    currency = check_currency(
        posted, organisation, invoice.currency if invoice else organisation.currency, errors
    )
    _check_plan(batch, invoice, type_, status, errors)
    return {
        "type": type_,
        "number": number,
        "reference": str(posted.get("Reference") or "") if type_ == "ACCREC" else "",
        "contact": contact,
        "date": day,
        "due_date": due,
        "status": status,
        "currency": currency,
        "line_amount_types": amounts,
        "sub_total": priced.sub_total,
        "total_tax": priced.total_tax,
        "total": priced.total,
        "lines": priced.lines,
        "url": str(posted.get("Url") or (invoice.url if invoice else "")),
    }


def _number(batch: _Batch, posted: Item, invoice: Document | None, type_: str, errors: list[str]) -> str:
    number = str(posted.get("InvoiceNumber") or (invoice.number if invoice else ""))
    if len(number) > _LONGEST_NUMBER:
        errors.append(f"The InvoiceNumber field must not exceed {_LONGEST_NUMBER} characters")
    if not (number.isascii() and (number.isprintable() or not number)):
        errors.append("The InvoiceNumber field contains characters that are not allowed")
    namesake = batch.by_number.get((type_, number))
    if type_ == "ACCREC" and namesake is not None and namesake is not invoice:
        errors.append("Invoice # must be unique.")
    return number


def _bills_left(call: Call) -> int | None:
    if call.organisation.plan != "STARTER":
        return None
    month = call.at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    approved = select(func.count()).where(
        Document.organisation_id == call.organisation.id,
        Document.kind == Kind.INVOICE,
        Document.created_at >= month,
        Document.type == "ACCPAY",
        Document.status.in_(["AUTHORISED", "PAID"]),
    )
    return _STARTER_BILLS - (call.session.scalar(approved) or 0)


def _check_plan(batch: _Batch, invoice: Document | None, type_: str, status: str, errors: list[str]) -> None:
    newly_approved = status == "AUTHORISED" and (invoice is None or invoice.status != status)
    if batch.bills_left is None or type_ != "ACCPAY" or not newly_approved:
        return
    if batch.bills_left <= 0:
        errors.append(f"The organisation's plan allows up to {_STARTER_BILLS} approved bills per month")
    elif not errors:
        batch.bills_left -= 1


def _write(batch: _Batch, invoice: Document | None, values: dict[str, Any]) -> Document:
    call = batch.call
    if invoice is None:
        invoice = Document(
            id=new_id(),
            organisation_id=call.organisation.id,
            kind=Kind.INVOICE,
            client_id=call.access.client_id,
            has_attachments=False,
            created_at=call.at,
        )
    for name, value in values.items():
        setattr(invoice, name, value)
    invoice.updated_at = call.at
    if invoice.contact is not None and invoice.type == "ACCPAY":
        invoice.contact.is_supplier = True
    call.session.add(invoice)
    _remember(batch, invoice)
    return invoice
