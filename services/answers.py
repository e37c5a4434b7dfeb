"""What Xero answered about exports, stored with the attempt in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services import catalogue
from services.catalogue import Recognised
from services.documents import Draft
from services.insights import mark_stale
from services.lane import LaneWork
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import AttemptState, ExportKind, ExportState
from services.xero.documents import Created, Result
from services.xero.errors import XeroError

#: Given to a refusal that no code of the catalogue fits; Xero's own words are shown with it.
UNNAMED = "XERO01"

IN_XERO = "In Xero."
NEVER_ARRIVED = "Xero was asked by number: it did not arrive."


def store_results(work: LaneWork, batch: str, drafts: Sequence[Draft], created: Created) -> None:
    """Store the answer to each element of a batch, all or none."""
    now = utcnow()
    with work.desk.store.begin() as session:
        by_export = {d.export.id: r for d, r in zip(drafts, created.results, strict=True)}
        session.info["batch"] = _rows(session, work, list(by_export))
        for draft in drafts:
            _store_result(session, work, draft, by_export[draft.export.id], now)
        _answer_attempts(session, batch, created, by_export, now)


def _rows(session: Session, work: LaneWork, export_ids: Sequence[int]) -> list[object]:
    """Read all that a batch changes in two queries; whoever holds it spares the session two an element."""
    exports = select(tables.Export).where(tables.Export.id.in_(export_ids))
    items = select(tables.PlanItem).where(
        tables.PlanItem.plan_id == work.plan_id, tables.PlanItem.export_id.in_(export_ids)
    )
    return [*session.scalars(exports), *session.scalars(items)]


def _store_result(session: Session, work: LaneWork, draft: Draft, result: Result, now: datetime) -> None:
    if not result.errors:
        assert result.xero_id is not None  # noqa: S101 - a result has an id or errors
        deliver(session, work, draft.export.id, result.xero_id, now)
    elif result.xero_id is not None:
        # Of all codes this one is looked up before the export is sent again.
        message = f"Xero gave it an id and refused it all the same: {' '.join(result.errors)}"
        fail(session, work, draft.export.id, UNNAMED, message, now)
    else:
        refuse(session, work, draft, result.errors, now)


def deliver(
    session: Session, work: LaneWork, export_id: int, xero_id: str, now: datetime, text: str = IN_XERO
) -> None:
    """Store that an export is in Xero; `text` is said of it as its result."""
    export = session.get_one(tables.Export, export_id)
    export.state, export.xero_id, export.delivered_at = ExportState.DELIVERED, xero_id, now
    mark_stale(session, now)
    finish_item(session, work, export_id, ExportState.DELIVERED, text)


def refuse(session: Session, work: LaneWork, draft: Draft, errors: Sequence[str], now: datetime) -> None:
    """Store that Xero refused a document in these words."""
    is_card = draft.export.kind is ExportKind.BANK_TRANSACTION
    recognised = catalogue.from_validation(errors, bank_transaction=is_card)
    answer = " ".join(errors)
    if recognised.code is None:
        fail(session, work, draft.export.id, UNNAMED, f"Xero refused it: {answer}", now)
    else:
        code = recognised.code
        fail(session, work, draft.export.id, code.code, f"{_filled(recognised)} Xero said: {answer}", now)


def refuse_call(session: Session, work: LaneWork, export_id: int, detail: str, now: datetime) -> None:
    """Store that Xero refused the call that held this one document."""
    code = catalogue.recognise(detail).code
    fail(session, work, export_id, code.code if code else UNNAMED, f"Xero refused it: {detail}", now)


def _filled(recognised: Recognised) -> str:
    assert recognised.code is not None  # noqa: S101 - asked by the caller
    return catalogue.message(
        recognised.code.code,
        merchant=recognised.merchant,
        tax=recognised.tax_type,
        account=recognised.account,
    )


def fail(session: Session, work: LaneWork, export_id: int, code: str, message: str, now: datetime) -> None:
    """Store that an export failed for a reason of its own."""
    export = session.get_one(tables.Export, export_id)
    mark_stale(session, export.failed_at, now)
    export.state, export.code, export.message, export.failed_at = ExportState.FAILED, code, message, now
    export.batch = None
    finish_item(session, work, export_id, ExportState.FAILED, f"{code}: {message}")


def close_attempts(session: Session, batch: str, state: AttemptState, error: XeroError) -> None:
    """Store the same outcome for every open attempt of a batch."""
    session.execute(
        update(tables.Attempt)
        .where(tables.Attempt.batch == batch, tables.Attempt.answered_at.is_(None))
        .values(
            state=state,
            # A call that never came back stays open: it may still arrive.
            answered_at=utcnow() if error.status is not None else None,
            status=error.status,
            correlation_id=error.correlation_id,
            message=error.detail,
        )
    )


def close_found(session: Session, export_id: int, message: str, now: datetime) -> None:
    """Close the attempts of an export that brought no answer: Xero has its document.

    Where there is none, the look-up itself is kept as one: every document in Xero leads to an attempt.
    """
    if _close_open(session, [export_id], AttemptState.DELIVERED, message, now):
        return
    session.add(
        tables.Attempt(
            export_id=export_id,
            batch=new_id(),
            position=0,
            sent_at=now,
            answered_at=now,
            state=AttemptState.DELIVERED,
            message=message,
        )
    )


def close_lost(session: Session, export_ids: Sequence[int], now: datetime) -> None:
    """Close the attempts of exports that brought no answer: Xero does not have them, and never will."""
    _close_open(session, export_ids, AttemptState.NOT_SENT, NEVER_ARRIVED, now)


def _close_open(
    session: Session, export_ids: Sequence[int], state: AttemptState, message: str, now: datetime
) -> int:
    unanswered = select(tables.Attempt).where(
        tables.Attempt.export_id.in_(export_ids),
        tables.Attempt.state.in_([AttemptState.SENT, AttemptState.UNKNOWN]),
    )
    found = session.scalars(unanswered).all()
    for attempt in found:
        attempt.state, attempt.answered_at = state, attempt.answered_at or now
        attempt.message = " ".join(filter(None, (attempt.message, message)))
    return len(found)


def _answer_attempts(
    session: Session, batch: str, created: Created, results: Mapping[int, Result], now: datetime
) -> None:
    for attempt in session.scalars(select(tables.Attempt).where(tables.Attempt.batch == batch)):
        result = results[attempt.export_id]
        attempt.state = _outcome(result)
        attempt.answered_at, attempt.status = now, created.status
        attempt.correlation_id = created.correlation_id
        attempt.message = " ".join((*result.errors, *result.warnings)) or None


def _outcome(result: Result) -> AttemptState:
    if result.errors:
        return AttemptState.REFUSED if result.xero_id is None else AttemptState.UNKNOWN
    return AttemptState.DELIVERED


def finish_item(session: Session, work: LaneWork, export_id: int, result: ExportState, text: str) -> None:
    """Store what the run came to with one export."""
    item = session.get_one(tables.PlanItem, (work.plan_id, export_id))
    item.result, item.result_text = result, text
