"""Sending exports into Xero: claimed, sent, answered; asked for first wherever the answer is unknown.

What makes "nothing lost, nothing twice" true, in the order in which it happens:
the attempt is written before the call, so a crash leaves a trace; an export whose last attempt has
no answer is looked up in Xero by its number; if it is not there and the call may still be on its
way, the very same batch is sent again under the very same idempotency key, which Xero remembers for
six minutes; once those are over, and the last of these calls with them, a look-up alone is conclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from services import answers, catalogue, documents, objections, pausing
from services.documents import Draft
from services.lane import Held, LaneWork, Parked
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import CAN_EXPORT, GOES, RETRYABLE, AttemptState, ExportKind, ExportState
from services.xero.documents import (
    MAX_BATCH,
    Found,
    Result,
    create_bank_transactions,
    create_bills,
    find_bank_transactions,
    find_bills,
)
from services.xero.errors import Fault, XeroError
from services.xero.pace import MustWait

#: Xero keeps an idempotency key for six minutes from the first call (Xero, Idempotent requests); the
#: last of them is left for the last call with the key to arrive.
SAME_KEY_FOR, KEY_KEPT_FOR = timedelta(minutes=5), timedelta(minutes=6)

#: Answers of a gateway that gave up waiting for Xero, which may go on working.
GAVE_UP_WAITING = frozenset({502, 504})

FRESH = {"populate_existing": True}  # rows as they are after the lock, not as they were read before

OTHER_ORGANISATION = "Not sent: the workspace is connected to another organisation now."
SETTLING = "Waiting until the last call has surely arrived in Xero, or never will"

#: Statuses of documents in Xero that no longer count as delivered.
GONE = frozenset({"DELETED", "VOIDED"})

#: Codes after which the export may be in Xero all the same, or surely was (XERO31: paid there).
AMBIGUOUS_CODES = frozenset({"XERO01", "XERO31", "XERO46"})


def send_next(work: LaneWork) -> bool:
    """Take the lane one batch further; return False when nothing of it is left.

    Raises `Parked` when Xero asks for a pause or a person paused the workspace, and `Held` when the
    connection turns out broken.
    """
    with work.desk.store.read() as session:
        _require_connection(work, session.get_one(tables.Connection, work.workspace_id))
    doubtful = _doubtful(work)
    if doubtful:
        _look_up(work, doubtful)
        return True
    batch = _claim(work)
    if batch is None:
        return False
    if batch:
        _send(work, batch)
    return True


def _require_connection(work: LaneWork, connection: tables.Connection) -> None:
    if work.by_itself and connection.paused_at is not None:
        raise Parked(0, pausing.PAUSED)
    if connection.organisation_id != work.organisation_id:
        raise Held(OTHER_ORGANISATION)
    if connection.health not in CAN_EXPORT:
        raise Held(f"Not sent: the connection to Xero is {connection.health}.")


# In doubt: ask Xero first


def _lane_items(work: LaneWork) -> Select[tables.Export]:
    return (
        select(tables.Export)
        .join(tables.PlanItem, tables.PlanItem.export_id == tables.Export.id)
        .where(
            tables.PlanItem.plan_id == work.plan_id,
            tables.PlanItem.workspace_id == work.workspace_id,
            tables.PlanItem.verdict.in_(GOES),
            tables.PlanItem.result.is_(None),
            tables.Export.organisation_id == work.organisation_id,
        )
        .order_by(tables.Export.approved_at, tables.Export.id)
    )


def _doubtful(work: LaneWork) -> list[tables.Export]:
    """Return up to a batch of exports of one kind whose last attempt left the outcome open."""
    open_outcome = tables.Export.state.in_([ExportState.SENDING, ExportState.IN_DOUBT]) | (
        (tables.Export.state == ExportState.FAILED) & tables.Export.code.in_(AMBIGUOUS_CODES)
    )
    with work.desk.store.read() as session:
        found = list(session.scalars(_lane_items(work).where(open_outcome).limit(MAX_BATCH)))
    return [export for export in found if export.kind is found[0].kind]


def _look_up(work: LaneWork, exports: Sequence[tables.Export]) -> None:
    numbers = [export.number for export in exports]
    find = find_bills if exports[0].kind is ExportKind.BILL else find_bank_transactions
    try:
        found = find(work.api, work.organisation_id, numbers)
    except XeroError as error:
        answers.stop(work, error)
    there = {document.number: document for document in found if document.status not in GONE}
    missing = _settle_found(work, exports, there)
    if missing:
        _send_missing(work, missing)


def _settle_found(
    work: LaneWork, exports: Sequence[tables.Export], there: dict[str, Found]
) -> list[tables.Export]:
    """Store what Xero has as delivered, and return the exports that it does not have."""
    now = utcnow()
    with work.desk.store.begin() as session:
        for export in exports:
            if (document := there.get(export.number)) is not None:
                answers.deliver(session, work, export.id, document.xero_id, now)
    return [export for export in exports if export.number not in there]


def _send_missing(work: LaneWork, missing: Sequence[tables.Export]) -> None:
    """Send again what is not in Xero: with the old key while that call may still arrive, else anew."""
    batches = {export.batch for export in missing if export.batch}
    for batch in sorted(batches):
        age = _age_if_open(work, batch)
        if age is not None and age < SAME_KEY_FOR:
            _send_again(work, batch)
            return  # its answers are stored; the next turn sees what is left
        if age is not None and age < KEY_KEPT_FOR:
            raise Parked((KEY_KEPT_FOR - age).total_seconds(), SETTLING)
    with work.desk.store.begin() as session:
        session.execute(
            update(tables.Export)
            .where(tables.Export.id.in_([export.id for export in missing]))
            .values(state=ExportState.WAITING, batch=None, code=None)
        )


def _age_if_open(work: LaneWork, batch: str) -> timedelta | None:
    """Return how long ago a batch was first sent whose call may still be on its way, or None."""
    with work.desk.store.read() as session:
        attempt = session.scalar(select(tables.Attempt).where(tables.Attempt.batch == batch).limit(1))
    if attempt is None or not (attempt.status is None or attempt.status in GAVE_UP_WAITING):
        return None
    return utcnow() - attempt.sent_at


def _send_again(work: LaneWork, batch: str) -> None:
    """Send a batch once more under its key; whatever comes of this call, the first stays in doubt."""
    with work.desk.store.read() as session:
        exports = session.scalars(
            select(tables.Export)
            .join(tables.Attempt, tables.Attempt.export_id == tables.Export.id)
            .where(tables.Attempt.batch == batch)
            .order_by(tables.Attempt.position)
        )
        drafts = documents.drafts(session, list(exports))
    try:
        results = _create(work, drafts, batch)
    except XeroError as error:
        if error.fault is Fault.INVALID:
            # Xero knows the key with another body: the first call did arrive, its answer is in doubt.
            raise Parked(KEY_KEPT_FOR.total_seconds(), SETTLING) from error
        if error.may_have_been_done:
            raise Parked(answers.DOUBT_SECONDS, answers.ASKING) from error
        answers.stop(work, error)
    answers.store_results(work, batch, drafts, results)


# Claimed: from the plan into the hand


def _claim(work: LaneWork) -> list[Draft] | None:
    """Claim the next batch: checked against what was imported, its attempts written.

    Returns the drafts to send: an empty list when none of the batch is to be sent after all (our own
    checks refuse it, or somebody changed it at this moment), None when nothing of the lane is left.
    Raises `Held` when the connection is broken, and `Parked` where the run has to wait for a person.
    """
    with work.desk.store.begin() as session:
        waiting = _lane_items(work).where(tables.Export.state.in_(RETRYABLE)).limit(MAX_BATCH)
        if session.execute(waiting).first() is None:
            return None
        # Locked, and judged by their state after the wait: somebody may be setting one aside, or
        # importing its report anew, or pausing the workspace, at this very moment.
        _require_connection(work, pausing.lock(session, work.workspace_id, share=True))
        exports = list(session.scalars(waiting.with_for_update(of=tables.Export), execution_options=FRESH))
        if not exports:
            return []
        drafts = documents.drafts(session, [e for e in exports if e.kind is exports[0].kind])
        sendable = [draft for draft in drafts if not _object(session, work, draft)]
        _write_attempts(session, sendable)
        return sendable


def _object(session: Session, work: LaneWork, draft: Draft) -> bool:
    objection = objections.objection(draft, work.known)
    if objection is not None:
        answers.fail(session, work, draft.export.id, objection.code, objection.message, utcnow())
    return objection is not None


def _write_attempts(session: Session, drafts: Sequence[Draft]) -> None:
    batch, now = new_id(), utcnow()
    for position, draft in enumerate(drafts):
        draft.export.state, draft.export.batch = ExportState.SENDING, batch
        session.add(
            tables.Attempt(
                export_id=draft.export.id,
                batch=batch,
                position=position,
                sent_at=now,
                state=AttemptState.SENT,
            )
        )


# Sent: one call, its answers stored element by element


def _send(work: LaneWork, drafts: Sequence[Draft]) -> None:
    batch = drafts[0].export.batch
    assert batch is not None  # noqa: S101 - written by _write_attempts
    try:
        results = _create(work, drafts, batch)
    except MustWait:
        answers.put_back(work, batch)
        raise
    except XeroError as error:
        if error.fault is not Fault.INVALID:
            answers.not_answered(work, batch, error)
        _send_one_by_one(work, drafts, batch, error)
        return
    answers.store_results(work, batch, drafts, results)


def _send_one_by_one(work: LaneWork, drafts: Sequence[Draft], batch: str, error: XeroError) -> None:
    """Xero refused the call as a whole and did nothing: find the one bad element, let the rest through."""
    now = utcnow()
    with work.desk.store.begin() as session:
        answers.close_attempts(session, batch, AttemptState.REFUSED, error)
        if len(drafts) == 1:
            code = catalogue.recognise(error.detail).code
            named = code.code if code else answers.UNNAMED
            answers.fail(session, work, drafts[0].export.id, named, f"Xero refused it: {error.detail}", now)
            return
    for draft in drafts:
        with work.desk.store.begin() as session:
            single = documents.drafts(session, [session.get_one(tables.Export, draft.export.id)])
            _write_attempts(session, single)
        _send(work, single)


def _create(work: LaneWork, drafts: Sequence[Draft], batch: str) -> list[Result]:
    if drafts[0].export.kind is ExportKind.BILL:
        bills = [documents.bill(draft, work.known) for draft in drafts]
        return create_bills(work.api, work.organisation_id, bills, idempotency_key=batch)
    spent = [documents.bank_transaction(draft, work.known) for draft in drafts]
    return create_bank_transactions(work.api, work.organisation_id, spent, idempotency_key=batch)
