"""Closing an export without sending it, by a named person with a reason, and taking that back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import audit, incidents, marks, members, pausing
from services.declined import Declined
from services.exports import UnknownExport
from services.members import Member, Permission
from services.store import tables
from services.store.engine import LOCK, utcnow
from services.store.states import CAN_EXPORT, RETRYABLE, AttemptState, ExportState

CHUNK = 500  # ids a query: SQL parameter lists stay short

SAY_WHY = "Say why this export is set aside: the reason stays in its history."
SAY_WHY_BACK = "Say why this is taken back: the reason stays in the history of the export."


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of the exports that a person wanted to set aside."""

    done: int
    refused: tuple[str, ...]  #: why, a sentence each


def set_aside(session: Session, member: Member, export_id: int, reason: str) -> None:
    """Close an export without sending it, by a named person with a reason.

    Raises `UnknownExport`, `NotAllowed`, `UnknownWorkspace` for somebody else's, and `Declined` for a
    missing reason or an export that is delivered, being sent, in doubt or being checked in Xero.
    """
    export = lock_own(session, member, export_id)
    reason = reason_of(reason, SAY_WHY)
    _require_open(session, export)
    export.state = ExportState.SET_ASIDE
    export.set_aside_by, export.set_aside_reason = member.email, reason
    record(session, export, "export set aside", "was set aside without sending.", member.email, reason)
    session.flush()
    incidents.close_if_done(session, export.workspace_id, now=utcnow())


def set_all_aside(session: Session, member: Member, export_ids: Sequence[int], reason: str) -> Closed:
    """Set aside each of these exports that can be, and say of every other why not.

    Raises `NotAllowed`, and `Declined` for a missing reason.
    """
    members.require_role(member, Permission.SET_ASIDE)
    reason_of(reason, SAY_WHY)
    pausing.lock_all(session, _workspaces(session, member, export_ids))
    refused = []
    for export_id in export_ids:
        try:
            set_aside(session, member, export_id, reason)
        except Declined as why:
            refused.append(str(why))
    return Closed(len(export_ids) - len(refused), tuple(refused))


def _workspaces(session: Session, member: Member, export_ids: Sequence[int]) -> set[str]:
    found: set[str] = set()
    query = (
        select(tables.Export.workspace_id)
        .join(tables.Workspace, tables.Workspace.id == tables.Export.workspace_id)
        .where(*members.own_workspaces(member))
        .distinct()
    )
    for start in range(0, len(export_ids), CHUNK):
        part = export_ids[start : start + CHUNK]
        found.update(session.scalars(query.where(tables.Export.id.in_(part))))
    return found


def take_back(session: Session, member: Member, export_id: int, reason: str) -> None:
    """Owe a set-aside export to Xero again: failed with its code, waiting, or held while nothing can go.

    Its incident counts it again, as `incidents.owed_again` says. Raises as `set_aside` does.
    """
    export = lock_own(session, member, export_id)
    reason = reason_of(reason, SAY_WHY_BACK)
    if export.state is not ExportState.SET_ASIDE:
        raise Declined(f"{export.number} is {export.state}: there is no setting aside to take back.")
    export.set_aside_by = export.set_aside_reason = None
    record(session, export, "set aside taken back", "is owed to Xero again.", member.email, reason)
    owe_again(session, export, failed=export.code is not None, actor=member.email, now=utcnow())


def owe_again(session: Session, export: tables.Export, *, failed: bool, actor: str, now: datetime) -> None:
    """Put a closed export back among those owed to Xero, and count it to an incident where it belongs."""
    connection = session.get_one(tables.Connection, export.workspace_id)
    waits = ExportState.WAITING if connection.health in CAN_EXPORT else ExportState.HELD
    if not failed and _is_open(session, export):
        waits = ExportState.IN_DOUBT  # set aside in doubt: Xero is asked before it is sent
    export.state = ExportState.FAILED if failed else waits
    incidents.owed_again(session, export, actor=actor, now=now)


def _require_open(session: Session, export: tables.Export) -> None:
    # Only its own organisation can be asked; once that is left, a person's word is all there can be.
    if export.state is ExportState.IN_DOUBT and _can_ask(session, export):
        raise Declined(f"{export.number} may be in Xero already. Retry it: Xero is asked first.")
    if export.state not in RETRYABLE:
        raise Declined(f"{export.number} is {export.state}, so it cannot be set aside.")
    if marks.is_asked(session, export.id):
        raise Declined(f"{export.number} is being checked in Xero. Stop that on its page first.")


def _can_ask(session: Session, export: tables.Export) -> bool:
    connection = session.get_one(tables.Connection, export.workspace_id)
    return connection.organisation_id in (None, export.organisation_id)


def _is_open(session: Session, export: tables.Export) -> bool:
    """Say whether a try of an export has no outcome yet."""
    tried = select(tables.Attempt.id).where(
        tables.Attempt.export_id == export.id,
        tables.Attempt.state.in_([AttemptState.SENT, AttemptState.UNKNOWN]),
    )
    return session.scalar(tried.limit(1)) is not None


# What closing has in common, whether an export is set aside or marked


def lock_own(session: Session, member: Member, export_id: int) -> tables.Export:
    """Return an export as it is now, held until the commit, for somebody who may close it.

    Raises `UnknownExport`, `NotAllowed`, and `UnknownWorkspace` for somebody else's.
    """
    export = session.get(tables.Export, export_id)
    if export is None:
        raise UnknownExport("There is no such export. It may have been removed; reload the page.")
    members.require(session, member, Permission.SET_ASIDE, export.workspace_id)
    return lock(session, export)


def lock(session: Session, export: tables.Export) -> tables.Export:
    """Return an export as it is now, held until the commit together with what is locked before it."""
    pausing.lock(session, export.workspace_id)
    incidents.lock_open(session, export.workspace_id)
    return session.get_one(tables.Export, export.id, with_for_update=LOCK, populate_existing=True)


def reason_of(text: str, missing: str) -> str:
    """Return a person's reason as it is kept. Raises `Declined`, in the words given where there is none."""
    reason = audit.reason_of(text)
    if not reason:
        raise Declined(missing)
    return reason


def record(
    session: Session, export: tables.Export, action: str, what: str, actor: str, reason: str | None
) -> None:
    """Append to the history of an export, its workspace and its incident."""
    audit.record(
        session,
        action,
        f"{export.number} {what}",
        actor=actor,
        workspace_id=export.workspace_id,
        incident_id=export.incident_id,
        reason=reason,
        export=export.id,
    )
