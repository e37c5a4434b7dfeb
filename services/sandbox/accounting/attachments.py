"""Files on invoices and bank transactions."""

from __future__ import annotations

from sqlalchemy import func, select
from starlette.responses import Response

from services.sandbox.accounting.call import BadRequest, Call, Work
from services.sandbox.accounting.documents import find_document, show_attachment
from services.sandbox.accounting.models import Attachment, Document, Kind
from services.sandbox.models import new_id
from services.sandbox.problems import not_found

#: A document holds ten files of ten megabytes each.
_MOST_FILES = 10
_LARGEST_BYTES = 10 * 1024 * 1024


def list_attachments(kind: Kind) -> Work:
    """Return the handler that lists a document's files."""

    def work(call: Call) -> Response:
        document = find_document(call, kind, call.request.path_params["id"])
        files = call.session.scalars(
            select(Attachment).where(Attachment.document_id == document.id).order_by(Attachment.file_name)
        )
        return call.ok("Attachments", [show_attachment(call, file) for file in files])

    return work


def get_attachment(kind: Kind) -> Work:
    """Return the handler that answers with a file's content, named by file name or id."""

    def work(call: Call) -> Response:
        document = find_document(call, kind, call.request.path_params["id"])
        file = _find(call, document, call.request.path_params["name"])
        if file is None:
            raise not_found()
        return Response(file.content, media_type=file.mime_type)

    return work


def put_attachment(kind: Kind) -> Work:
    """Return the handler that stores the body as a file; the same name again replaces it."""

    def work(call: Call) -> Response:
        document = find_document(call, kind, call.request.path_params["id"])
        name = call.request.path_params["name"]
        file = _find(call, document, name)
        _check(call, document, is_new=file is None)
        if file is None:
            file = Attachment(id=new_id(), document_id=document.id, file_name=name)
            call.session.add(file)
        file.mime_type = call.request.headers.get("content-type", "application/octet-stream")
        file.content, file.length_bytes = call.body, len(call.body)
        document.has_attachments = True
        return call.ok("Attachments", [show_attachment(call, file)])

    return work


def _find(call: Call, document: Document, name: str) -> Attachment | None:
    named = (Attachment.file_name == name) | (Attachment.id == name.lower())
    return call.session.scalar(select(Attachment).where(Attachment.document_id == document.id, named))


def _check(call: Call, document: Document, *, is_new: bool) -> None:
    count = select(func.count()).where(Attachment.document_id == document.id)
    if not call.body:
        _refuse("The attachment has no content")
    if len(call.body) > _LARGEST_BYTES:
        _refuse("The attachment is larger than the maximum of 10 MB")
    if is_new and (call.session.scalar(count) or 0) >= _MOST_FILES:
        _refuse(f"A document can have at most {_MOST_FILES} attachments")


def _refuse(message: str) -> None:
    raise BadRequest(message, number=10, kind="ValidationException")
