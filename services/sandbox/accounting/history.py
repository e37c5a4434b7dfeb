"""Notes in a document's history."""

from __future__ import annotations

from sqlalchemy import select
from starlette.responses import Response

from services.sandbox.accounting.call import Call, Invalid, Item, Work, save_each
from services.sandbox.accounting.documents import find_document
from services.sandbox.accounting.models import HistoryRecord, Kind
from services.sandbox.accounting.wire import ms_date
from services.sandbox.models import App

#: Longest note that Xero takes.
_LONGEST_DETAILS = 450


def get_history(kind: Kind) -> Work:
    """Return the handler that lists a document's history, newest first."""

    def work(call: Call) -> Response:
        document = find_document(call, kind, call.request.path_params["id"])
        records = call.session.scalars(
            select(HistoryRecord)
            .where(HistoryRecord.document_id == document.id)
            .order_by(HistoryRecord.id.desc())
        )
        return call.ok("HistoryRecords", [_show(record) for record in records])

    return work


def put_history(kind: Kind) -> Work:
    """Return the handler that adds notes to a document's history."""

    def work(call: Call) -> Response:
        document = find_document(call, kind, call.request.path_params["id"])
        elements = call.elements("HistoryRecords")
        return save_each(
            call,
            "HistoryRecords",
            "HistoryRecordID",
            elements,
            lambda posted: _add(call, document.id, posted),
        )

    return work


def _add(call: Call, document_id: str, posted: Item) -> Item:
    details = str(posted.get("Details") or "")
    if not details or len(details) > _LONGEST_DETAILS:
        raise Invalid([f"Details must be given and not exceed {_LONGEST_DETAILS} characters"])
    app = call.session.get_one(App, call.access.client_id)
    record = HistoryRecord(
        document_id=document_id, details=details, changes="Note", user=app.name, at=call.at
    )
    call.session.add(record)
    return _show(record)


def _show(record: HistoryRecord) -> Item:
    return {
        "Details": record.details,
        "Changes": record.changes,
        "User": record.user,
        "DateUTC": ms_date(record.at),
        "DateUTCString": f"{record.at:%Y-%m-%dT%H:%M:%S}",
    }
