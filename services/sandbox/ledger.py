"""Every document of every organisation, for those who check that nothing is missing or double."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from services.sandbox.accounting.models import OLDEST_FIRST, Attachment, Contact, Document, Kind
from services.sandbox.models import new_id
from services.sandbox.store import now

#: Documents that no longer count.
GONE = frozenset({"DELETED", "VOIDED"})


class HistoricalDocument(BaseModel):
    """A document that was written in the past, loaded without the API's checks."""

    organisation: str
    kind: Kind
    #: InvoiceNumber of a bill, Reference of a bank transaction.
    number: str
    contact: str
    date: dt.date
    total: Decimal
    currency: str
    status: str = "AUTHORISED"
    #: The day on which it was paid, and so last changed.
    paid_on: dt.date | None = None
    #: The app that wrote it; without one it was keyed in Xero itself.
    client_id: str | None = None
    id: str = Field(default_factory=new_id)


def ledger(session: Session, organisation_id: str | None = None) -> dict[str, Any]:
    """Return every document, oldest first, and how many live ones share a number.

    Shape: `{"count", "duplicates": {number: how many}, "documents": [...]}`. Two organisations may use
    the same number; that is no duplicate.
    """
    wanted = select(Document).order_by(*OLDEST_FIRST)
    files = select(Attachment.document_id, Attachment.file_name).order_by(Attachment.file_name)
    if organisation_id is not None:
        wanted = wanted.where(Document.organisation_id == organisation_id)
        files = files.join(Document, Document.id == Attachment.document_id).where(
            Document.organisation_id == organisation_id
        )
    names: dict[str, list[str]] = {}
    for document_id, file_name in session.execute(files):
        names.setdefault(document_id, []).append(file_name)
    documents = session.scalars(wanted).all()
    return {
        "count": len(documents),
        "duplicates": _duplicates(documents),
        "documents": [_entry(document, names.get(document.id, [])) for document in documents],
    }


def load_documents(session: Session, documents: list[HistoricalDocument]) -> list[dict[str, str]]:
    """Write documents of the past, with contacts as needed; return number and id of each, in order."""
    contacts = _contacts(session, documents)
    rows = [_row(document, contacts) for document in documents]
    if rows:
        session.execute(insert(Document), rows)
    return [{"number": document.number, "id": document.id} for document in documents]


def set_document_status(session: Session, document_id: str, status: str) -> bool:
    """Set a document's status as if done in Xero itself; `False` if there is no such document."""
    document = session.get(Document, document_id)
    if document is None:
        return False
    document.status = status
    document.updated_at = now(session)
    return True


def _duplicates(documents: Any) -> dict[str, int]:
    counted = Counter(
        (document.organisation_id, document.kind, _number(document))
        for document in documents
        if _number(document) and document.status not in GONE
    )
    return {number: count for (_, _, number), count in counted.items() if count > 1}


def _number(document: Document) -> str:
    return document.number if document.kind == Kind.INVOICE else document.reference


def _entry(document: Document, attachments: list[str]) -> dict[str, Any]:
    return {
        "organisation": document.organisation_id,
        "kind": document.kind,
        "id": document.id,
        "number": _number(document),
        "contact": document.contact.name if document.contact else None,
        "date": document.date.isoformat(),
        "total": str(document.total),
        "currency": document.currency,
        "status": document.status,
        "attachments": attachments,
        "created_at": document.created_at.isoformat(),
    }


def _contacts(session: Session, documents: list[HistoricalDocument]) -> dict[tuple[str, str], str]:
    organisations = {document.organisation for document in documents}
    known = select(Contact.organisation_id, Contact.name_key, Contact.id).where(
        Contact.organisation_id.in_(organisations)
    )
    ids = {(organisation, key): id_ for organisation, key, id_ in session.execute(known)}
    at = now(session)
    for document in documents:
        key = (document.organisation, document.contact.lower())
        if key not in ids:
            contact = Contact(
                id=new_id(),
                organisation_id=document.organisation,
                name=document.contact,
                name_key=key[1],
                is_supplier=True,
                updated_at=at,
            )
            session.add(contact)
            ids[key] = contact.id
    session.flush()
    return ids


def _row(document: HistoricalDocument, contacts: dict[tuple[str, str], str]) -> dict[str, Any]:
    bill = document.kind is Kind.INVOICE
    at = dt.datetime.combine(document.date, dt.time(12), dt.UTC)
    changed_at = dt.datetime.combine(document.paid_on or document.date, dt.time(12), dt.UTC)
    return {
        "id": document.id,
        "organisation_id": document.organisation,
        "kind": document.kind.value,
        "type": "ACCPAY" if bill else "SPEND",
        "number": document.number if bill else "",
        "reference": "" if bill else document.number,
        "contact_id": contacts[document.organisation, document.contact.lower()],
        "date": document.date,
        "due_date": document.date if bill else None,
        "status": document.status,
        "currency": document.currency,
        "line_amount_types": "NoTax",
        "sub_total": document.total,
        "total_tax": Decimal(0),
        "total": document.total,
        "lines": [_line(document)],
        "client_id": document.client_id,
        "created_at": at,
        "updated_at": changed_at,
    }


def _line(document: HistoricalDocument) -> dict[str, Any]:
    amount = float(document.total)
    return {
        "LineItemID": new_id(),
        "Description": document.number,
        "AccountCode": "429",
        "TaxType": "NONE",
        "Quantity": 1,
        "UnitAmount": amount,
        "LineAmount": amount,
        "TaxAmount": 0,
        "Tracking": [],
    }
