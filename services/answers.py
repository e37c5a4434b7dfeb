"""What Xero answered about exports, stored with the attempt in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from services import catalogue, connections
from services.catalogue import Recognised
from services.documents import Draft
from services.insights import mark_stale
from services.lane import Held, LaneWork, Parked
from services.store import tables
from services.store.engine import utcnow
from services.store.states import GOES, AttemptState, ExportKind, ExportState, IncidentState
from services.xero.connections import list_connections
from services.xero.documents import Result
from services.xero.errors import Fault, XeroError
from services.xero.pace import MustWait

#: Faults that concern the connection, not the documents sent.
CONNECTION_FAULTS = frozenset(
    {
        Fault.LOGIN_EXPIRED,
        Fault.TOKEN_EXPIRED,
        Fault.BAD_TOKEN,
        Fault.SCOPE_MISSING,
        Fault.NOT_CONNECTED,
    }
)

PAUSE_SECONDS = 30.0  # before Xero is asked again after it did not answer

DOUBT_SECONDS = 2.0  # before Xero is asked whether it took a call that brought no answer
ASKING = "Asking Xero whether the last batch arrived"

APP_PAUSE_SECONDS = 300.0  # before Xero is asked again that refuses our own app: an operator has to act

IN_XERO = "In Xero."

#: Of exports that a lane did not send and that are not simply held.
_OTHERWISE = {
    ExportState.DELIVERED: "In Xero, sent by another retry.",
    ExportState.SET_ASIDE: "Set aside meanwhile.",
    ExportState.IN_DOUBT: "It may have arrived. Retry it: Xero is asked before anything is sent.",
}

#: Given to a refusal that no code of the catalogue fits; Xero's own words are shown with it.
UNNAMED = "XERO01"


def store_results(work: LaneWork, batch: str, drafts: Sequence[Draft], results: Sequence[Result]) -> None:
    """Store the answer to each element of a batch, all or none."""
    now = utcnow()
    with work.desk.store.begin() as session:
        session.info["batch"] = _rows(session, work, drafts)
        for draft, result in zip(drafts, results, strict=True):
            if result.xero_id is not None:
                deliver(session, work, draft.export.id, result.xero_id, now)
            else:
                _refuse(session, work, draft, result, now)
        _answer_attempts(session, batch, {d.export.id: r for d, r in zip(drafts, results, strict=True)}, now)


def _rows(session: Session, work: LaneWork, drafts: Sequence[Draft]) -> list[object]:
    """Read all that a batch changes in two queries; whoever holds it spares the session two an element."""
    ids = [draft.export.id for draft in drafts]
    items = select(tables.PlanItem).where(
        tables.PlanItem.plan_id == work.plan_id, tables.PlanItem.export_id.in_(ids)
    )
    exports = select(tables.Export).where(tables.Export.id.in_(ids))
    return [*session.scalars(exports), *session.scalars(items)]


def deliver(session: Session, work: LaneWork, export_id: int, xero_id: str, now: datetime) -> None:
    """Store that an export is in Xero."""
    export = session.get_one(tables.Export, export_id)
    export.state, export.xero_id, export.delivered_at = ExportState.DELIVERED, xero_id, now
    mark_stale(session, now)
    _finish_item(session, work, export_id, ExportState.DELIVERED, IN_XERO)


def _refuse(session: Session, work: LaneWork, draft: Draft, result: Result, now: datetime) -> None:
    is_card = draft.export.kind is ExportKind.BANK_TRANSACTION
    recognised = catalogue.from_validation(result.errors, bank_transaction=is_card)
    answer = " ".join(result.errors)
    if recognised.code is None:
        fail(session, work, draft.export.id, UNNAMED, f"Xero refused it: {answer}", now)
    else:
        code = recognised.code
        fail(session, work, draft.export.id, code.code, f"{_filled(recognised)} Xero said: {answer}", now)


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
    _finish_item(session, work, export_id, ExportState.FAILED, f"{code}: {message}")


def settle_rest(session: Session, work: LaneWork, why: str) -> None:
    """Give what is left of a lane that is done its result; `why` is said of what was not sent."""
    left = (
        tables.PlanItem.plan_id == work.plan_id,
        tables.PlanItem.workspace_id == work.workspace_id,
        tables.PlanItem.verdict.in_(GOES),
        tables.PlanItem.result.is_(None),
    )
    _hold(session, work, select(tables.PlanItem.export_id).where(*left))
    for state, text in _OTHERWISE.items():
        ids = select(tables.Export.id).where(
            tables.Export.workspace_id == work.workspace_id, tables.Export.state == state
        )
        session.execute(
            update(tables.PlanItem)
            .where(*left, tables.PlanItem.export_id.in_(ids))
            .values(result=state, result_text=text)
        )
    session.execute(update(tables.PlanItem).where(*left).values(result=ExportState.HELD, result_text=why))


def _hold(session: Session, work: LaneWork, left: Select[int]) -> None:
    incident = (
        select(tables.Incident.id)
        .where(
            tables.Incident.workspace_id == work.workspace_id, tables.Incident.state != IncidentState.CLOSED
        )
        .scalar_subquery()
    )
    session.execute(
        update(tables.Export)
        .where(tables.Export.id.in_(left), tables.Export.state == ExportState.WAITING)
        .values(state=ExportState.HELD, incident_id=func.coalesce(incident, tables.Export.incident_id))
    )
    leave_in_doubt(session, work.plan_id, work.workspace_id)


def leave_in_doubt(session: Session, plan_id: str, workspace_id: str) -> None:
    """Put in doubt what a lane that ends was sending and has no answer for: a worker died over it."""
    items = select(tables.PlanItem.export_id).where(
        tables.PlanItem.plan_id == plan_id,
        tables.PlanItem.workspace_id == workspace_id,
        tables.PlanItem.result.is_(None),
    )
    session.execute(
        update(tables.Export)
        .where(tables.Export.id.in_(items), tables.Export.state == ExportState.SENDING)
        .values(state=ExportState.IN_DOUBT)
    )


def put_back(work: LaneWork, batch: str) -> None:
    """Let a batch wait again that was claimed and, for want of allowance, never sent."""
    with work.desk.store.begin() as session:
        session.execute(
            update(tables.Attempt)
            .where(tables.Attempt.batch == batch)
            .values(
                state=AttemptState.NOT_SENT, answered_at=utcnow(), message="Xero's limits allowed no call."
            )
        )
        session.execute(
            update(tables.Export).where(tables.Export.batch == batch).values(state=ExportState.WAITING)
        )


def not_answered(work: LaneWork, batch: str, error: XeroError) -> NoReturn:
    """Store that a call brought no result. Always raises: `Parked`, or `Held` on a broken connection."""
    if error.may_have_been_done:
        state, export_state = AttemptState.UNKNOWN, ExportState.IN_DOUBT
    else:
        state, export_state = AttemptState.NOT_SENT, ExportState.WAITING
    with work.desk.store.begin() as session:
        close_attempts(session, batch, state, error)
        session.execute(
            update(tables.Export)
            .where(tables.Export.batch == batch, tables.Export.state == ExportState.SENDING)
            .values(state=export_state)
        )
    if error.may_have_been_done:
        raise Parked(DOUBT_SECONDS, ASKING) from error
    stop(work, error)


def stop(work: LaneWork, error: XeroError) -> NoReturn:
    """Turn a failed call into what the lane does next. Always raises: `Parked` or `Held`."""
    if error.fault in CONNECTION_FAULTS or error.fault is Fault.APP_MISCONFIGURED:
        listed = error.fault is Fault.NOT_CONNECTED and _is_listed(work)
        with work.desk.store.begin() as session:
            connections.record_failure(session, work.workspace_id, error, listed=listed, now=utcnow())
    if error.fault in CONNECTION_FAULTS:
        raise Held(f"Not sent: the connection to Xero broke. {error.detail}") from error
    if error.fault is Fault.APP_MISCONFIGURED:
        raise Parked(APP_PAUSE_SECONDS, "Waiting: Xero refuses Relink's own app") from error
    raise Parked(error.retry_after_seconds or PAUSE_SECONDS, f"Waiting for Xero: {error.detail}") from error


def _is_listed(work: LaneWork) -> bool:
    """Ask Xero whether this login still sees the organisation; no answer counts as no."""
    try:
        return any(found.organisation_id == work.organisation_id for found in list_connections(work.api))
    except (XeroError, MustWait):
        return False


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


def _answer_attempts(session: Session, batch: str, results: dict[int, Result], now: datetime) -> None:
    for attempt in session.scalars(select(tables.Attempt).where(tables.Attempt.batch == batch)):
        result = results[attempt.export_id]
        attempt.state = AttemptState.DELIVERED if result.xero_id else AttemptState.REFUSED
        attempt.answered_at, attempt.status = now, 200
        attempt.message = " ".join(result.errors) or None


def _finish_item(session: Session, work: LaneWork, export_id: int, result: ExportState, text: str) -> None:
    item = session.get_one(tables.PlanItem, (work.plan_id, export_id))
    item.result, item.result_text = result, text
