"""Attaching receipts to their documents in Xero, one after the other, after a lane has sent.

A file replaces the one of the same name in Xero, so a crash between Xero's answer and our commit is
mended by attaching it once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import Session

from services import answers, catalogue, claiming, receipts, stopping
from services.lane import LaneWork
from services.store import tables
from services.store.engine import utcnow
from services.store.states import GOES, ExportKind, ExportState, ReceiptState, Verdict
from services.xero.documents import DocumentKind, attach_file
from services.xero.errors import REFUSALS, Fault, XeroError

#: So many tries without an answer, and a receipt has failed: it must not keep a run open for ever.
MOST_UNANSWERED = 5
ENTITY_TOO_LARGE = 413
CHUNK = 500  # items told at once: SQL parameter lists stay short

_KINDS = {ExportKind.BILL: DocumentKind.BILL, ExportKind.BANK_TRANSACTION: DocumentKind.BANK_TRANSACTION}


def attach_next(work: LaneWork) -> bool:
    """Attach one receipt of the lane's documents in Xero; return False when none is left to try.

    A receipt is tried once a run, and what Xero refuses about it fails it alone. Raises `Parked` and
    `Held` as `send_next` does.
    """
    receipt = _next(work)
    if receipt is not None:
        _attach(work, receipt)
    return receipt is not None


@dataclass(frozen=True, slots=True)
class _Receipt:
    """A receipt in the worker's hand, the only one at a time."""

    id: int
    export_id: int
    name: str
    content_type: str
    sha256: str
    unanswered: int
    kind: ExportKind
    xero_id: str
    content: bytes


def _next(work: LaneWork) -> _Receipt | None:
    # The receipt is chosen without its content: a sort would carry all of them.
    chosen = _untried(work, tables.Receipt.id).limit(1).correlate(None).scalar_subquery()
    receipt, export = tables.Receipt, tables.Export
    query = (
        select(
            receipt.id,
            receipt.export_id,
            receipt.file_name,
            receipt.content_type,
            receipt.sha256,
            receipt.unanswered,
            export.kind,
            export.xero_id,
            tables.ReceiptFile.content,
        )
        .join(export, export.id == receipt.export_id)
        .join(tables.ReceiptFile, tables.ReceiptFile.receipt_id == receipt.id)
        .where(receipt.id == chosen)
    )
    with work.desk.store.read() as session:
        found: Any = session.execute(query).first()
    return None if found is None else _Receipt(*found)


def _untried(work: LaneWork, what: Any) -> Select[Any]:
    """Select of the receipts that this run has still to try, in their order: one that Xero left open
    lets the others pass."""
    run, receipt = tables.RetryRun, tables.Receipt
    begun = func.coalesce(run.starts_at, run.started_at)
    return (
        select(what)
        .select_from(tables.PlanItem)
        .join(run, run.plan_id == tables.PlanItem.plan_id)
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .join(receipt, receipt.export_id == tables.Export.id)
        .join(tables.ReceiptFile, tables.ReceiptFile.receipt_id == receipt.id)
        .where(
            *_of_lane(work),
            tables.Export.organisation_id == work.organisation_id,
            receipts.to_attach(),
            or_(receipt.state == ReceiptState.WAITING, receipt.tried_at.is_(None), receipt.tried_at < begun),
        )
        .order_by(receipt.unanswered, tables.Export.approved_at, tables.Export.id, receipt.id)
    )


def _of_lane(work: LaneWork) -> list[ColumnElement[bool]]:
    """Return the conditions of the lane's items whose document is in Xero."""
    return [
        tables.PlanItem.plan_id == work.plan_id,
        tables.PlanItem.workspace_id == work.workspace_id,
        tables.PlanItem.verdict.in_(GOES),
        tables.Export.state == ExportState.DELIVERED,
        tables.Export.xero_id.is_not(None),
    ]


def _attach(work: LaneWork, receipt: _Receipt) -> None:
    try:
        attached = attach_file(
            work.api,
            work.organisation_id,
            _KINDS[receipt.kind],
            receipt.xero_id,
            file_name=receipt.name,
            content=receipt.content,
            content_type=receipt.content_type,
        )
    except XeroError as error:
        _not_attached(work, receipt, error)
    else:
        correlation_id, now = attached.correlation_id, utcnow()
        _store(work, receipt, ReceiptState.ATTACHED, correlation_id=correlation_id, attached_at=now)


def _not_attached(work: LaneWork, receipt: _Receipt, error: XeroError) -> None:
    """Store why a receipt is not attached; what is not about the file alone goes the lane's usual way."""
    told = {"message": error.detail, "correlation_id": error.correlation_id}
    if error.fault in REFUSALS:  # 404 comes when somebody deleted its document in Xero
        _store(work, receipt, ReceiptState.FAILED, **{**told, **_refusal(receipt, error)})
        return
    if error.may_have_been_done:
        unanswered = receipt.unanswered + 1
        if unanswered >= MOST_UNANSWERED:
            _store(work, receipt, ReceiptState.FAILED, **told)
            return
        _store(work, receipt, ReceiptState.WAITING, unanswered=unanswered, **told)
    stopping.stop(work, error)


def _refusal(receipt: _Receipt, error: XeroError) -> dict[str, str | None]:
    if error.fault is Fault.NOT_FOUND:
        return {"message": "Xero no longer has the document. See there whether somebody deleted it."}
    code = catalogue.from_validation([error.detail]).code
    if error.status == ENTITY_TOO_LARGE or (code and code.code == receipts.TOO_LARGE):
        message = f"It is too large. {receipts.SMALLER} Xero said: {error.detail}"
        return {"code": receipts.TOO_LARGE, "message": message}
    return {"code": code.code if code else None, "message": f"Xero refused it: {error.detail}"}


def _store(work: LaneWork, receipt: _Receipt, state: ReceiptState, **told: Any) -> None:
    """Store what came of a try, unless another file came in under the name meanwhile: that one waits.

    It waits as well where the export was parted meanwhile from the document that was tried.
    """
    fresh = {"code": None, "message": None, "unanswered": 0, "attached_at": None}
    same = select(tables.Export.id).where(
        tables.Export.id == receipt.export_id, tables.Export.xero_id == receipt.xero_id
    )
    with work.desk.store.begin() as session:
        # Locked: a person may be taking back, at this very moment, the mark that ties the two.
        if session.scalar(same.with_for_update()) is None:
            return
        session.execute(
            update(tables.Receipt)
            .where(tables.Receipt.id == receipt.id, tables.Receipt.sha256 == receipt.sha256)
            .values({**fresh, "state": state, "tried_at": utcnow(), **told})
        )
        left = _untried(work, tables.Receipt.id).where(tables.Receipt.export_id == receipt.export_id)
        if session.execute(left.limit(1)).first() is None:
            _tell(session, work, [receipt.export_id], why="")


def settle(session: Session, work: LaneWork, why: str) -> None:
    """Say of the documents of a lane that ends what became of their receipts; `why` of those not tried."""
    ids = session.scalars(
        select(tables.PlanItem.export_id)
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .where(*_of_lane(work))
        .where(or_(tables.PlanItem.verdict == Verdict.RECEIPTS, receipts.missing()))
    ).all()
    for start in range(0, len(ids), CHUNK):
        _tell(session, work, ids[start : start + CHUNK], why)
    _leave_out_owed_again(session, work)


def _leave_out_owed_again(session: Session, work: LaneWork) -> None:
    """Take out of the run what was only to get receipts, and is owed to Xero again: nobody saw it go."""
    item = tables.PlanItem
    session.execute(
        update(item)
        .where(
            item.plan_id == work.plan_id,
            item.workspace_id == work.workspace_id,
            item.verdict == Verdict.RECEIPTS,
            item.result.is_(None),
        )
        .values(verdict=Verdict.CHANGED, reason=claiming.OWED_AGAIN)
    )


def _tell(session: Session, work: LaneWork, export_ids: Sequence[int], why: str) -> None:
    receipt = tables.Receipt
    rows = session.execute(
        select(receipt.export_id, receipt.state, receipt.file_name, receipt.message)
        .where(receipt.export_id.in_(export_ids))
        .order_by(receipt.file_name)
    )
    told = {export_id: _Told() for export_id in export_ids}
    for export_id, state, name, message in rows:
        told[export_id].add(state, f"{name}: {message}")
    for export_id, of_it in told.items():
        session.execute(
            update(tables.PlanItem)
            .where(tables.PlanItem.plan_id == work.plan_id, tables.PlanItem.export_id == export_id)
            .values(result=ExportState.DELIVERED, result_text=of_it.text(why))
        )


@dataclass(slots=True)
class _Told:
    """What there is to say of one document's receipts."""

    attached: int = 0
    waiting: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, state: ReceiptState, said: str) -> None:
        self.attached += state is ReceiptState.ATTACHED
        self.waiting += state is ReceiptState.WAITING
        if state is ReceiptState.FAILED:
            self.failed.append(said)

    def text(self, why: str) -> str:
        """Return the result of the document: whether its receipts are there, and why not."""
        if self.failed:
            each = " ".join(self.failed)
            return f"In Xero, {receipts.counted(len(self.failed))} could not be attached: {each}"
        if self.waiting:
            return f"In Xero, {receipts.counted(self.waiting)} not attached yet. {why}"
        return f"In Xero, with {receipts.counted(self.attached)}." if self.attached else answers.IN_XERO
