"""Reading invoices: bills (ACCPAY) and sales invoices (ACCREC)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import or_
from starlette.responses import Response

from services.sandbox.accounting.call import Call, Item
from services.sandbox.accounting.documents import find_document, select_documents, show_document
from services.sandbox.accounting.listing import list_rows
from services.sandbox.accounting.models import OLDEST_FIRST, Contact, Document, Kind
from services.sandbox.accounting.wire import day_string, ms_date

_COLUMNS = {
    "invoiceid": Document.id,
    "invoicenumber": Document.number,
    "type": Document.type,
    "status": Document.status,
    "reference": Document.reference,
    "date": Document.date,
    "duedate": Document.due_date,
    "total": Document.total,
    "currencycode": Document.currency,
    "updateddateutc": Document.updated_at,
    "contact.contactid": Document.contact_id,
    "contact.name": Contact.name,
}


def get_invoices(call: Call) -> Response:
    """List invoices of every status; line items appear only on a page that is no summary."""
    wanted = select_documents(call, Kind.INVOICE)
    lists = {
        "InvoiceNumbers": Document.number,
        "IDs": Document.id,
        "ContactIDs": Document.contact_id,
        "Statuses": Document.status,
    }
    for name, column in lists.items():
        if values := call.listed(name):
            folded = [value.lower() for value in values] if name.endswith("IDs") else values
            wanted = wanted.where(column.in_(folded))
    if call.flag("createdByMyApp", default=False):
        wanted = wanted.where(Document.client_id == call.access.client_id)
    if term := call.query("searchTerm"):
        fields = (Document.number, Document.reference)
        wanted = wanted.where(or_(*(field.icontains(term, autoescape=True) for field in fields)))
    listed = list_rows(call, wanted, columns=_COLUMNS, order=OLDEST_FIRST, updated_at=Document.updated_at)
    lines = listed.paged and not call.flag("summaryOnly", default=False)
    return call.ok("Invoices", [show_invoice(row, lines=lines) for row in listed.rows], **listed.extra)


def get_invoice(call: Call) -> Response:
    """Answer with one invoice, found by its id or its number."""
    invoice = find_document(call, Kind.INVOICE, call.request.path_params["id"])
    return call.ok("Invoices", [show_invoice(invoice, lines=True)])


def show_invoice(invoice: Document, *, lines: bool) -> Item:
    """Write an invoice as Xero does; only sales invoices have a `Reference`."""
    paid = invoice.total if invoice.status == "PAID" else Decimal(0)
    shown = {
        "InvoiceID": invoice.id,
        "InvoiceNumber": invoice.number,
        **show_document(invoice, lines=lines),
        "AmountDue": invoice.total - paid,
        "AmountPaid": paid,
        "AmountCredited": Decimal(0),
        "CurrencyRate": 1,
        "Payments": [],
        "CreditNotes": [],
        "IsDiscounted": False,
    }
    if invoice.type == "ACCREC":
        shown["Reference"] = invoice.reference
    if invoice.status == "PAID":
        shown["FullyPaidOnDate"] = ms_date(invoice.updated_at.date())
    if invoice.due_date:
        shown["DueDateString"] = day_string(invoice.due_date)
        shown["DueDate"] = ms_date(invoice.due_date)
    return shown
