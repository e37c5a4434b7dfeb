"""What a person does about marks: asks to have one checked, stops that, and takes a confirmed one back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import closing, marks
from services.declined import Declined
from services.insights import mark_stale
from services.members import Member
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import ExportKind, ExportState, MarkState, ReceiptState
from services.xero import links
from services.xero.documents import DocumentKind
from services.xero.links import Pointed

KINDS = {
    ExportKind.BILL: DocumentKind.BILL,
    ExportKind.BANK_TRANSACTION: DocumentKind.BANK_TRANSACTION,
}

#: States in which an export may be marked: not in Xero as far as is known, and not on its way.
MARKABLE = frozenset({ExportState.WAITING, ExportState.FAILED, ExportState.HELD})

SAY_WHY = "Say how it came into Xero: the reason stays in the history of the export."
NO_LINK = (
    "That is no link to a document in Xero. Open the document in Xero, copy the whole address from the "
    "browser's address bar (it begins with https://go.xero.com/), and paste it here."
)


def ask(session: Session, member: Member, export_id: int, link: str, reason: str) -> None:
    """Have the worker look up in Xero whether an export is there already, as this document.

    Raises `UnknownExport`, `NotAllowed`, `UnknownWorkspace`, and `Declined` without a reason, for a link
    that leads nowhere or to another organisation, or an export that is in Xero, on its way or closed.
    """
    export = closing.lock_own(session, member, export_id)
    reason = closing.reason_of(reason, SAY_WHY)
    _require_markable(session, export)
    pointed = links.read_link(link)
    if pointed is None:
        raise Declined(NO_LINK)
    _require_own(session, export, pointed)
    if (other := claimed_by(session, export, pointed.xero_id)) is not None:
        raise Declined(f"That is the document of {other} already. Open the one of {export.number}.")
    now = utcnow()
    session.add(
        tables.XeroMark(
            id=new_id(),
            export_id=export.id,
            xero_id=pointed.xero_id,
            asked_by=member.email,
            asked_at=now,
            reason=reason,
            state=MarkState.ASKED,
            due_at=now,
            slice=0,
        )
    )
    what = "is in Xero already, somebody says. Xero is asked."
    closing.record(session, export, "mark asked for", what, member.email, reason)


def _require_markable(session: Session, export: tables.Export) -> None:
    asked = marks.with_state(session, export.id, MarkState.ASKED)
    if asked is not None:
        raise Declined(f"{asked.asked_by} has marked it already, and Xero is being asked.")
    if export.state is ExportState.IN_DOUBT:
        raise Declined(f"{export.number} may be in Xero by our own doing. Retry it: Xero is asked first.")
    if export.state not in MARKABLE:
        raise Declined(f"{export.number} is {export.state}, so it cannot be marked as already in Xero.")
    connection = session.get_one(tables.Connection, export.workspace_id)
    if connection.organisation_id != export.organisation_id:
        raise Declined(
            "The workspace is not connected to the organisation that this export belongs to, so Xero cannot "
            "be asked. Connect it to that organisation again, or set the export aside."
        )


def _require_own(session: Session, export: tables.Export, pointed: Pointed) -> None:
    organisation = session.get_one(tables.Organisation, export.organisation_id)
    known = organisation.short_code
    if known and pointed.short_code and pointed.short_code != known:
        raise Declined(
            f"That link leads to another organisation in Xero ({pointed.short_code}). "
            f"{export.number} belongs to {organisation.name} ({known})."
        )
    if pointed.kind not in (None, KINDS[export.kind]):
        other = next(kind for kind, theirs in KINDS.items() if theirs is pointed.kind)
        raise Declined(f"That is the link of a {other}, and {export.number} is a {export.kind}.")


def claimed_by(session: Session, export: tables.Export, xero_id: str) -> str | None:
    """Return the number of the other export of the organisation that is this document in Xero, or None."""
    return session.scalar(
        select(tables.Export.number)
        .where(
            tables.Export.organisation_id == export.organisation_id,
            tables.Export.xero_id == xero_id,
            tables.Export.id != export.id,
        )
        .limit(1)
    )


def stop(session: Session, member: Member, export_id: int) -> None:
    """Do not ask Xero about an export any more. Raises as `ask` does."""
    export = closing.lock_own(session, member, export_id)
    mark = marks.with_state(session, export_id, MarkState.ASKED)
    if mark is None:
        raise Declined("Xero has answered already, or somebody else stopped it.")
    mark.state, mark.detail = MarkState.TAKEN_BACK, f"Stopped by {member.email} before Xero was asked."
    closing.record(session, export, "mark stopped", "is not looked up in Xero.", member.email, None)


def take_back(session: Session, member: Member, export_id: int, reason: str) -> None:
    """Owe an export to Xero again that counts as delivered by a mark alone; what is in Xero stays there.

    Raises as `ask` does, also where Relink has attached receipts to the document since.
    """
    export = closing.lock_own(session, member, export_id)
    reason = closing.reason_of(reason, closing.SAY_WHY_BACK)
    mark = marks.with_state(session, export_id, MarkState.CONFIRMED)
    if mark is None or export.state is not ExportState.DELIVERED:
        raise Declined(f"{export.number} is {export.state}: there is no mark to take back.")
    _require_untouched(session, export)
    now = utcnow()
    mark_stale(session, export.delivered_at)
    export.xero_id = export.delivered_at = export.paid_at = None
    mark.state, mark.detail = MarkState.TAKEN_BACK, f"Taken back by {member.email}: {reason}"
    closing.record(session, export, "mark taken back", "is owed to Xero again.", member.email, reason)
    failed = mark.state_before is ExportState.FAILED
    closing.owe_again(session, export, failed=failed, actor=member.email, now=now)


def _require_untouched(session: Session, export: tables.Export) -> None:
    attached = select(tables.Receipt.id).where(
        tables.Receipt.export_id == export.id, tables.Receipt.state == ReceiptState.ATTACHED
    )
    if session.scalar(attached.limit(1)) is not None:
        raise Declined(
            f"Relink has attached receipts to the document of {export.number} in Xero, so the two belong "
            "together now. If it is the wrong one, correct it in Xero."
        )
