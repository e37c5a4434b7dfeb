"""What invoices and bank transactions share: how they are found, listed and shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import contains_eager

from services.sandbox.accounting.call import Call, Item
from services.sandbox.accounting.models import Attachment, Contact, Document, Kind
from services.sandbox.accounting.wire import day_string, ms_date
from services.sandbox.problems import not_found


def select_documents(call: Call, kind: Kind) -> Select[Any]:
    """Select the organisation's documents of one kind, joined with their contacts."""
    return (
        select(Document)
        .outerjoin(Document.contact)
        .options(contains_eager(Document.contact))
        .where(Document.organisation_id == call.organisation.id, Document.kind == kind)
    )


def find_document(call: Call, kind: Kind, id_: str) -> Document:
    """Return the document with this id, or the newest live invoice with this number; raises the 404."""
    named = or_(Document.id == id_.lower(), Document.number == id_)
    newest = Document.status.in_(["DELETED", "VOIDED"]), Document.created_at.desc()
    found = call.session.scalars(select_documents(call, kind).where(named).order_by(*newest)).first()
    if found is None or not id_:
        raise not_found()
    document: Document = found
    return document


def load_by_id(call: Call, kind: Kind, ids: Iterable[str]) -> dict[str, Document]:
    """Return the documents with these ids, in one query."""
    wanted = [id_.lower() for id_ in ids if id_]
    if not wanted:
        return {}
    rows = call.session.scalars(select_documents(call, kind).where(Document.id.in_(wanted)))
    return {row.id: row for row in rows}


def show_document(document: Document, *, lines: bool) -> Item:
    """Write the fields that both kinds have."""
    shown: Item = {
        "Type": document.type,
        "Contact": _contact(document.contact),
        "DateString": day_string(document.date),
        "Date": ms_date(document.date),
        "Status": document.status,
        "LineAmountTypes": document.line_amount_types,
        "SubTotal": document.sub_total,
        "TotalTax": document.total_tax,
        "Total": document.total,
        "CurrencyCode": document.currency,
        "UpdatedDateUTC": ms_date(document.updated_at),
        "HasAttachments": document.has_attachments,
    }
    if lines:
        shown["LineItems"] = document.lines
    if document.url:
        shown["Url"] = document.url
    return shown


def show_attachment(call: Call, attachment: Attachment) -> Item:
    """Write one attachment's entry; its `Url` is where the content is."""
    path = call.request.url.path.lower().partition("/attachments")[0]
    return {
        "AttachmentID": attachment.id,
        "FileName": attachment.file_name,
        "Url": f"{call.request.url.scheme}://{call.request.url.netloc}{path}/Attachments/{attachment.file_name}",
        "MimeType": attachment.mime_type,
        "ContentLength": attachment.length_bytes,
    }


def _contact(contact: Contact | None) -> Item:
    if contact is None:
        return {}
    return {"ContactID": contact.id, "Name": contact.name, "HasValidationErrors": False}
