"""A lane that cannot go on: what is parked until Xero allows it, held, put back, or left in doubt."""

from __future__ import annotations

from typing import NoReturn

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from services import answers, audit, connections
from services.lane import Held, LaneWork, Parked
from services.store import tables
from services.store.engine import utcnow
from services.store.states import GOES, AttemptState, ExportState, IncidentState
from services.xero.api import Api
from services.xero.connections import list_connections
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
MOMENT_SECONDS = 2.0  # after a 429 for too many calls at once, of which Xero does not say how long

DOUBT_SECONDS = 2.0  # before Xero is asked whether it took a call that brought no answer
ASKING = "Asking Xero whether the last batch arrived"

APP_PAUSE_SECONDS = 300.0  # before Xero is asked again that refuses our own app: an operator has to act

#: Of exports that a lane did not send and that are not simply held.
_OTHERWISE = {
    ExportState.DELIVERED: "In Xero, sent by another retry.",
    ExportState.SET_ASIDE: "Set aside meanwhile.",
    ExportState.IN_DOUBT: "It may have arrived. Retry it: Xero is asked before anything is sent.",
}


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
    held = session.execute(
        update(tables.PlanItem)
        .where(*left)
        .values(result=ExportState.HELD, result_text=why)
        .returning(tables.PlanItem.export_id)
    ).all()
    if held:
        _tell_held(session, work, len(held), why)


def _tell_held(session: Session, work: LaneWork, number: int, why: str) -> None:
    exports = "1 export is" if number == 1 else f"{number:,} exports are"
    audit.record(
        session,
        "exports held",
        f"{exports} held. {why}",
        workspace_id=work.workspace_id,
        incident_id=session.scalar(_incident_of(work)),
    )


def _incident_of(work: LaneWork) -> Select[str]:
    return select(tables.Incident.id).where(
        tables.Incident.workspace_id == work.workspace_id, tables.Incident.state != IncidentState.CLOSED
    )


def _hold(session: Session, work: LaneWork, left: Select[int]) -> None:
    incident = _incident_of(work).scalar_subquery()
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
        answers.close_attempts(session, batch, state, error)
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
        listed = error.fault is Fault.NOT_CONNECTED and is_listed(work.api, work.organisation_id)
        with work.desk.store.begin() as session:
            connections.record_failure(session, work.workspace_id, error, listed=listed, now=utcnow())
    if error.fault in CONNECTION_FAULTS:
        raise Held(f"Not sent: the connection to Xero broke. {error.detail}") from error
    if error.fault is Fault.APP_MISCONFIGURED:
        raise Parked(APP_PAUSE_SECONDS, "Waiting: Xero refuses Relink's own app") from error
    seconds = error.retry_after_seconds or (MOMENT_SECONDS if error.limit == "concurrent" else PAUSE_SECONDS)
    raise Parked(seconds, f"Waiting for Xero: {error.detail}") from error


def is_listed(api: Api, organisation_id: str) -> bool:
    """Ask Xero whether this login still sees an organisation; no answer counts as no."""
    try:
        return any(found.organisation_id == organisation_id for found in list_connections(api))
    except (XeroError, MustWait):
        return False
