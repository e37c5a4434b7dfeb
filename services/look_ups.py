"""In doubt: Xero is asked by number before anything is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services import answers, catalogue, contacts, documents, stopping
from services.batches import create, lane_items, of_one_kind
from services.documents import Draft
from services.lane import LaneWork, Parked
from services.store import tables
from services.store.engine import LOCK, utcnow
from services.store.states import GOES, ExportKind, ExportState
from services.xero.documents import MAX_BATCH, Found, find_bank_transactions, find_bills
from services.xero.errors import REFUSALS, Fault, XeroError

#: Xero keeps an idempotency key for six minutes from the first call (Xero, Idempotent requests); the
#: last of them is left for the last call with the key to arrive.
SAME_KEY_FOR, KEY_KEPT_FOR = timedelta(minutes=5), timedelta(minutes=6)

#: Answers of a gateway that gave up waiting for Xero, which may go on working.
GAVE_UP_WAITING = frozenset({502, 504})

SETTLING = "Waiting until the last call has surely arrived in Xero, or never will"

#: Statuses of documents in Xero that no longer count as delivered.
GONE = frozenset({"DELETED", "VOIDED"})

#: Given to what a person voided or deleted in Xero: a machine does not make it anew.
VOIDED = "XERO76"

#: Codes after which the export may be in Xero all the same, or surely was (XERO31: paid there).
AMBIGUOUS_CODES = frozenset({"XERO01", "XERO31", "XERO46"})

FOUND = "Already in Xero: found by its number."


#: States of an export that a look-up decides about.
OPEN = (ExportState.SENDING, ExportState.IN_DOUBT, ExportState.FAILED)


def doubtful(work: LaneWork) -> list[Draft]:
    """Return up to a batch of exports of one kind whose last attempt left the outcome open."""
    open_outcome = tables.Export.state.in_([ExportState.SENDING, ExportState.IN_DOUBT]) | (
        (tables.Export.state == ExportState.FAILED) & tables.Export.code.in_(AMBIGUOUS_CODES)
    )
    with work.desk.store.read() as session:
        found = session.scalars(lane_items(work).where(open_outcome).limit(MAX_BATCH))
        return of_one_kind(documents.drafts(session, list(found)))


def look_up(work: LaneWork, drafts: Sequence[Draft]) -> None:
    """Ask Xero which of these it has, and store it; what it does not have is sent again, or waits again.

    Raises `Parked` and `Held`.
    """
    found, refused = _find(work, drafts)
    there: dict[str, list[Found]] = {}
    for document in found:
        there.setdefault(document.number, []).append(document)
    now = utcnow()
    with work.desk.store.begin() as session:
        # Locked, and judged by their state after the wait: a person may have closed one meanwhile.
        open_still = _still_open(session, drafts)
        for draft in open_still:
            if draft.export.id in refused:
                _leave_in_doubt(session, work, draft, refused[draft.export.id])
            elif draft.export.number in there:
                _store_found(session, work, draft, there[draft.export.number], now)
    missing = [d.export for d in open_still if d.export.id not in refused and d.export.number not in there]
    if missing:
        _send_missing(work, missing)


def _still_open(session: Session, drafts: Sequence[Draft]) -> list[Draft]:
    ids = [draft.export.id for draft in drafts]
    wanted = select(tables.Export.id).where(tables.Export.id.in_(ids), tables.Export.state.in_(OPEN))
    found = set(session.scalars(wanted.with_for_update(**LOCK)))
    return [draft for draft in drafts if draft.export.id in found]


def _find(work: LaneWork, drafts: Sequence[Draft]) -> tuple[list[Found], dict[int, str]]:
    """Return what Xero has, and of exports whose number it takes no question about, its words."""
    find = find_bills if drafts[0].export.kind is ExportKind.BILL else find_bank_transactions
    try:
        return find(work.api, work.organisation_id, [draft.export.number for draft in drafts]), {}
    except XeroError as error:
        if error.fault not in REFUSALS:
            stopping.stop(work, error)
        if len(drafts) == 1:
            return [], {drafts[0].export.id: error.detail}
    # One number spoils the question: halves lead to it with few calls.
    middle = len(drafts) // 2
    (first, refused), (second, refused_too) = _find(work, drafts[:middle]), _find(work, drafts[middle:])
    return [*first, *second], refused | refused_too


def _leave_in_doubt(session: Session, work: LaneWork, draft: Draft, detail: str) -> None:
    export = session.get_one(tables.Export, draft.export.id)
    text = f"Xero refuses to look up {export.number}: {detail} Look in Xero whether it is there."
    if export.state is not ExportState.FAILED:
        export.state = ExportState.IN_DOUBT
    export.message = text
    answers.finish_item(session, work, export.id, export.state, text)


# Found


def _store_found(
    session: Session, work: LaneWork, draft: Draft, found: Sequence[Found], now: datetime
) -> None:
    live = [document for document in found if document.status not in GONE]
    if live:
        # The first of equals: the oldest.
        ours = max(live, key=lambda document: _likeness(draft, document))
        answers.deliver(session, work, draft.export.id, ours.xero_id, now, _as_found(draft, ours, len(live)))
        answers.close_found(session, draft.export.id, FOUND, now)
    else:
        status = found[0].status.lower()
        text = f"{catalogue.get(VOIDED).message} In Xero, {draft.export.number} is {status}."
        answers.fail(session, work, draft.export.id, VOIDED, text, now)
        answers.close_found(session, draft.export.id, f"Found in Xero by its number, {status}.", now)


def _likeness(draft: Draft, document: Found) -> tuple[bool, bool]:
    return _same_amount(draft, document), document.contact_name == draft.report.submitter_name


def _same_amount(draft: Draft, document: Found) -> bool:
    return (document.total, document.currency) == (draft.export.amount, draft.export.currency)


def _as_found(draft: Draft, document: Found, number: int) -> str:
    text = FOUND
    if not _same_amount(draft, document):
        text += f" There it comes to {document.total:,.2f} {document.currency}."
    if number > 1:
        text += f" There is a duplicate: {number} documents have this number. Void what is too many in Xero."
    return text


# Not found


def _send_missing(work: LaneWork, missing: Sequence[tables.Export]) -> None:
    """Send again what is not in Xero: with the old key while that call may still arrive, else anew."""
    batches = {export.batch for export in missing if export.batch}
    for batch in sorted(batches):
        age = _age_if_open(work, batch)
        if age is None or age >= KEY_KEPT_FOR:
            continue
        if age >= SAME_KEY_FOR or not _is_whole(work, batch):
            raise Parked((KEY_KEPT_FOR - age).total_seconds(), SETTLING)
        _send_again(work, batch)
        return  # its answers are stored; the next turn sees what is left
    ids = [export.id for export in missing]
    with work.desk.store.begin() as session:
        answers.close_lost(session, ids, utcnow())
        session.execute(
            update(tables.Export)
            .where(tables.Export.id.in_(ids), tables.Export.state.in_(OPEN))
            .values(state=ExportState.WAITING, batch=None, code=None)
        )


def _age_if_open(work: LaneWork, batch: str) -> timedelta | None:
    """Return how long ago a batch was first sent whose call may still be on its way, or None."""
    with work.desk.store.read() as session:
        attempt = session.scalar(select(tables.Attempt).where(tables.Attempt.batch == batch).limit(1))
    if attempt is None or _is_xeros_last_word(attempt.status):
        return None
    return utcnow() - attempt.sent_at


def _is_xeros_last_word(status: int | None) -> bool:
    """Say whether a call with this status has ended at Xero: no readable answer was a success."""
    return status is not None and status >= 400 and status not in GAVE_UP_WAITING


def _is_whole(work: LaneWork, batch: str) -> bool:
    """Say whether all of a batch is in this run and still in doubt; only then the same batch goes out again.

    Where Xero has some of it the call did arrive, and what nobody chose for this run is not sent by it.
    """
    doubtful = (
        select(tables.PlanItem.export_id)
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .where(
            tables.PlanItem.plan_id == work.plan_id,
            tables.PlanItem.verdict.in_(GOES),
            tables.Export.state.in_([ExportState.SENDING, ExportState.IN_DOUBT]),
        )
    )
    others = select(tables.Attempt.id).where(
        tables.Attempt.batch == batch, tables.Attempt.export_id.not_in(doubtful)
    )
    with work.desk.store.read() as session:
        return session.execute(others.limit(1)).first() is None


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
        # A sync may have replaced what was imported: the same contacts make the same body.
        created = create(contacts.settle(work, drafts).work, drafts, batch)
    except XeroError as error:
        if error.fault is Fault.INVALID:
            # Xero knows the key with another body: the first call did arrive, its answer is in doubt.
            raise Parked(KEY_KEPT_FOR.total_seconds(), SETTLING) from error
        if error.may_have_been_done:
            raise Parked(stopping.DOUBT_SECONDS, stopping.ASKING) from error
        stopping.stop(work, error)
    answers.store_results(work, batch, drafts, created)
