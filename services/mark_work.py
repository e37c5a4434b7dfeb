"""The worker's side of a mark: one look-up in Xero, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from services import audit, calls, closing, connections, incidents, stopping
from services.desk import Desk
from services.insights import mark_stale
from services.look_ups import GONE
from services.marking import KINDS, MARKABLE, claimed_by
from services.store import tables
from services.store.engine import utcnow
from services.store.states import CAN_EXPORT, ExportKind, ExportState, MarkState
from services.xero.api import Api
from services.xero.documents import Document, DocumentKind, read_document
from services.xero.errors import Fault, XeroError
from services.xero.pace import MustWait

AGAIN_AFTER = timedelta(minutes=1)  # a person waits for the answer
OWN_FAULT = "Relink itself failed at it and tries again."

_TYPES = {ExportKind.BILL: "ACCPAY", ExportKind.BANK_TRANSACTION: "SPEND"}
_IN_WORDS = {"ACCPAY": "a bill", "ACCREC": "a sales invoice", "RECEIVE": "money received"}

#: Why an export cannot be confirmed any more, by what it has become since somebody asked.
_MEANWHILE = {
    ExportState.DELIVERED: "A retry has brought it into Xero meanwhile.",
    ExportState.SENDING: "It is being sent to Xero at this moment.",
    ExportState.IN_DOUBT: "It was sent to Xero meanwhile, and Xero's answer is still to come.",
    ExportState.SET_ASIDE: "It was set aside meanwhile.",
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A mark that is to be checked now."""

    mark_id: str
    slice: int
    xero_id: str
    kind: DocumentKind
    workspace_id: str
    organisation_id: str
    grant_id: str


def check(desk: Desk, mark_id: str, slice_: int) -> None:
    """Look up in Xero what a person says is there; run again after a crash, it asks again.

    Where Xero does not answer or asks for a pause, the mark is queued again for later.
    """
    asked = _take_up(desk, mark_id, slice_)
    if asked is None:
        return
    try:
        with calls.xero(desk, grant_id=asked.grant_id, organisation_id=asked.organisation_id) as api:
            _check(desk, api, asked)
    except MustWait as wait:
        _again(desk, asked, timedelta(seconds=wait.seconds), f"Waiting for Xero's {wait.limit} limit.")


def _take_up(desk: Desk, mark_id: str, slice_: int) -> _Asked | None:
    with desk.store.read() as session:
        mark = session.get_one(tables.XeroMark, mark_id)
        export = session.get_one(tables.Export, mark.export_id)
        connection = session.get_one(tables.Connection, export.workspace_id)
        if mark.state is not MarkState.ASKED or mark.slice != slice_:
            return None
        if connection.grant_id is None or connection.health not in CAN_EXPORT:
            return None  # it waits for a reconnect
        return _Asked(
            mark_id=mark_id,
            slice=slice_,
            xero_id=mark.xero_id,
            kind=KINDS[export.kind],
            workspace_id=export.workspace_id,
            organisation_id=export.organisation_id,
            grant_id=connection.grant_id,
        )


def _check(desk: Desk, api: Api, asked: _Asked) -> None:
    try:
        document = read_document(api, asked.organisation_id, asked.kind, asked.xero_id)
    except XeroError as error:
        _not_answered(desk, api, asked, error)
    else:
        _settle(desk, asked, document)


def _not_answered(desk: Desk, api: Api, asked: _Asked, error: XeroError) -> None:
    if error.fault in stopping.CONNECTION_FAULTS or error.fault is Fault.APP_MISCONFIGURED:
        listed = error.fault is Fault.NOT_CONNECTED and stopping.is_listed(api, asked.organisation_id)
        with desk.store.begin() as session:
            connections.record_failure(session, asked.workspace_id, error, listed=listed, now=utcnow())
    pause = timedelta(seconds=error.retry_after_seconds) if error.retry_after_seconds else AGAIN_AFTER
    _again(desk, asked, pause, error.detail)


def _again(desk: Desk, asked: _Asked, pause: timedelta, why: str) -> None:
    with desk.store.begin() as session:
        mark = _current(session, asked.mark_id, asked.slice)
        if mark is not None:
            mark.slice, mark.due_at, mark.detail = mark.slice + 1, utcnow() + pause, why


def _current(session: Session, mark_id: str, slice_: int) -> tables.XeroMark | None:
    """Return the mark, locked, if it is still to be checked in this slice."""
    mark = session.get_one(tables.XeroMark, mark_id, with_for_update=True, populate_existing=True)
    return mark if mark.state is MarkState.ASKED and mark.slice == slice_ else None


def queue_stranded_again(desk: Desk, mark_id: str, slice_: int) -> None:
    """Queue a mark again at which Relink itself failed."""
    with desk.store.begin() as session:
        mark = _current(session, mark_id, slice_)
        if mark is not None:
            mark.slice, mark.due_at, mark.detail = slice_ + 1, utcnow() + AGAIN_AFTER, OWN_FAULT


# What Xero's answer means


def _settle(desk: Desk, asked: _Asked, document: Document | None) -> None:
    with desk.store.begin() as session:
        mark = session.get_one(tables.XeroMark, asked.mark_id)
        export = closing.lock(session, session.get_one(tables.Export, mark.export_id))
        if _current(session, asked.mark_id, asked.slice) is None:
            return
        why_not = _why_not(session, export, asked.xero_id, document)
        if why_not is None:
            _confirm(session, export, mark)
        else:
            mark.state, mark.detail = MarkState.DECLINED, why_not
            what = f"could not be marked as already in Xero. {why_not}"
            closing.record(session, export, "mark declined", what, audit.SYSTEM, None)


def _why_not(session: Session, export: tables.Export, xero_id: str, document: Document | None) -> str | None:
    """Say why a document in Xero is not this export, both sides named; None where it is."""
    if export.state not in MARKABLE:
        return _MEANWHILE[export.state]
    if document is None:
        organisation = session.get_one(tables.Organisation, export.organisation_id)
        return f"{organisation.name} has no {export.kind} with that id in Xero."
    if (other := claimed_by(session, export, xero_id)) is not None:
        return f"In Xero it is the document of {other} already, and two exports are never one document."
    return _mismatch(export, document)


def _mismatch(export: tables.Export, document: Document) -> str | None:
    if document.type != _TYPES[export.kind]:
        theirs = _IN_WORDS.get(document.type, f"of type {document.type}")
        return f"In Xero it is {theirs}, the export is a {export.kind}."
    if document.status in GONE:
        return f"In Xero it is {document.status.lower()}, so it does not count any more."
    if (document.total, document.currency) != (export.amount, export.currency):
        return (
            f"In Xero it is {document.currency} {document.total:,.2f} for "
            f"{document.contact_name or 'nobody'}, the export is {export.currency} {export.amount:,.2f}."
        )
    return None


def _confirm(session: Session, export: tables.Export, mark: tables.XeroMark) -> None:
    now = utcnow()
    mark.state, mark.state_before = MarkState.CONFIRMED, export.state
    mark.detail = "Xero has it, with the same amount and currency."
    export.state, export.xero_id, export.delivered_at = ExportState.DELIVERED, mark.xero_id, now
    mark_stale(session, now)
    what = "is in Xero already: Xero has the document, with the same amount and currency."
    closing.record(session, export, "marked as already in Xero", what, mark.asked_by, mark.reason)
    session.flush()
    incidents.close_if_done(session, export.workspace_id, now=now)
