"""Sending exports into Xero: claimed, sent, answered; asked for first wherever the answer is unknown.

What makes "nothing lost, nothing twice" true, in the order in which it happens:
the batch's contacts are settled, so that its body stays what it is; the attempt is written before the
call, so a crash leaves a trace; an export whose last attempt has no answer is looked up in Xero by its
number; if it is not there and the call may still be on its way, the very same batch is sent again
under the very same idempotency key, which Xero remembers for six minutes; once those are over, and
the last of these calls with them, a look-up alone is conclusive (`look_ups`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from services import answers, claiming, contacts, documents, look_ups, marks, objections, pausing, stopping
from services.batches import create, lane_items, of_one_kind
from services.contacts import Refusal, Settled
from services.documents import Draft
from services.lane import Held, LaneWork, Parked
from services.store import tables
from services.store.engine import LOCK, new_id, utcnow
from services.store.states import CAN_EXPORT, RETRYABLE, AttemptState, ExportState
from services.xero.documents import MAX_BATCH
from services.xero.errors import REFUSALS, XeroError
from services.xero.pace import MustWait

FRESH = {"populate_existing": True}  # rows as they are after the lock, not as they were read before

OTHER_ORGANISATION = "Not sent: the workspace is connected to another organisation now."


def send_next(work: LaneWork) -> bool:
    """Take the lane one batch further; return False when nothing of it is left.

    Raises `Parked` when Xero asks for a pause or a person paused the workspace, `MustWait` before
    anything is claimed for a call that no limit allows, and `Held` when the connection turns out broken.
    """
    with work.desk.store.read() as session:
        _require_connection(work, session.get_one(tables.Connection, work.workspace_id))
    doubtful = look_ups.doubtful(work)
    if doubtful:
        look_ups.look_up(work, doubtful)
        return True
    batch = _next(work)
    if not batch:
        return False
    work.api.require_room()
    settled = _with_contacts(work, batch)
    claimed = _claim(settled.work, batch, settled.refused)
    if claimed:
        _send(settled.work, claimed)
    return True


def _require_connection(work: LaneWork, connection: tables.Connection) -> None:
    if work.by_itself and connection.paused_at is not None:
        raise Parked(0, pausing.PAUSED)
    if connection.organisation_id != work.organisation_id:
        raise Held(OTHER_ORGANISATION)
    if connection.health not in CAN_EXPORT:
        raise Held(f"Not sent: the connection to Xero is {connection.health}.")


# Claimed: from the plan into the hand


def _next(work: LaneWork) -> list[Draft]:
    """Return what would be sent next, of one kind; nothing is claimed yet."""
    waiting = lane_items(work).where(tables.Export.state.in_(RETRYABLE)).limit(MAX_BATCH)
    with work.desk.store.read() as session:
        return of_one_kind(documents.drafts(session, list(session.scalars(waiting))))


def _with_contacts(work: LaneWork, batch: Sequence[Draft]) -> Settled:
    fit = [draft for draft in batch if objections.objection(draft, work.known) is None]
    try:
        return contacts.settle(work, fit)
    except XeroError as error:
        stopping.stop(work, error)


def _claim(work: LaneWork, batch: Sequence[Draft], refused: Mapping[str, Refusal]) -> list[Draft]:
    """Claim what is still to be sent of a batch: checked against what was imported, its attempts written.

    Returns the drafts to send: an empty list when none is to be sent after all (our own checks or
    Xero refuse them, or somebody changed them or stopped the run at this moment).
    Raises `Held` when the connection is broken, and `Parked` where the run has to wait for a person
    or for its own pace.
    """
    ids = [draft.export.id for draft in batch]
    with work.desk.store.begin() as session:
        room = claiming.room(session, work)
        if not room:
            return []
        # Locked, and judged by their state after the wait: somebody may be setting one aside, or
        # importing its report anew, or pausing the workspace, at this very moment.
        _require_connection(work, pausing.lock(session, work.workspace_id, share=True))
        waiting = lane_items(work).where(tables.Export.id.in_(ids), tables.Export.state.in_(RETRYABLE))
        locked = session.scalars(waiting.with_for_update(of=tables.Export, **LOCK), execution_options=FRESH)
        unmarked = marks.leave_out(session, work.plan_id, locked.all())
        drafts = documents.drafts(session, claiming.as_planned(session, work, unmarked))
        sendable = [draft for draft in drafts if _is_sendable(session, work, draft, refused)][:room]
        claiming.count(session, work, len(sendable))
        _write_attempts(session, sendable)
        return sendable


def _is_sendable(session: Session, work: LaneWork, draft: Draft, refused: Mapping[str, Refusal]) -> bool:
    objection = objections.objection(draft, work.known)
    if objection is not None:
        answers.fail(session, work, draft.export.id, objection.code, objection.message, utcnow())
        return False
    refusal = refused.get(draft.report.submitter_name)
    if refusal is not None:
        _refuse_contact(session, work, draft, refusal, utcnow())
        return False
    # Another name than a moment ago: its contact is settled in the next turn.
    return documents.contact_id(draft, work.known) is not None


def _refuse_contact(session: Session, work: LaneWork, draft: Draft, refusal: Refusal, now: datetime) -> None:
    """Fail an export whose contact Xero refuses; kept as an attempt, since Xero did say no to it."""
    words = f"The contact {draft.report.submitter_name}: {' '.join(refusal.errors)}"
    answers.refuse(session, work, draft, [words], now)
    session.add(
        tables.Attempt(
            export_id=draft.export.id,
            batch=new_id(),
            position=0,
            sent_at=now,
            answered_at=now,
            state=AttemptState.REFUSED,
            status=refusal.status,
            correlation_id=refusal.correlation_id,
            message=words,
        )
    )


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
        created = create(work, drafts, batch)
    except MustWait:
        stopping.put_back(work, batch)
        raise
    except XeroError as error:
        if error.fault not in REFUSALS:
            stopping.not_answered(work, batch, error)
        _send_one_by_one(work, drafts, batch, error)
        return
    answers.store_results(work, batch, drafts, created)


def _send_one_by_one(work: LaneWork, drafts: Sequence[Draft], batch: str, error: XeroError) -> None:
    """Xero refused the call as a whole and did nothing: find the one bad element, let the rest through."""
    now = utcnow()
    with work.desk.store.begin() as session:
        answers.close_attempts(session, batch, AttemptState.REFUSED, error)
        if len(drafts) == 1:
            answers.refuse_call(session, work, drafts[0].export.id, error.detail, now)
            return
    for draft in drafts:
        with work.desk.store.begin() as session:
            single = documents.drafts(session, [session.get_one(tables.Export, draft.export.id)])
            _write_attempts(session, single)
        _send(work, single)
