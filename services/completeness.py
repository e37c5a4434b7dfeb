"""The proof that nothing of an incident is left over: every export of it, from its failure to its end.

It is counted both ways. Forward: every export that the incident held up, and where it ended. Back:
every export of the workspace that is owed for want of a connection must belong to the incident, and
for every one that is in Xero there must be the attempt, or the person's checked word, that says why.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from services import catalogue, members
from services.catalogue import RetryClass
from services.declined import Declined
from services.members import Member, Permission
from services.store import tables
from services.store.states import UNDELIVERED, AttemptState, ExportState, MarkState
from services.tabular import safe_cell

#: Codes that a reconnect mends: exports that failed with them belong to the incident.
RECONNECT_CODES = [code for code, entry in catalogue.CODES.items() if entry.retry is RetryClass.RECONNECT]

#: The columns of the file, in the order in which an export goes through them.
COLUMNS = (
    "number",
    "amount",
    "currency",
    "failed at",
    "code",
    "tries",
    "state",
    "delivered at",
    "id in Xero",
    "set aside by",
    "reason",
)
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What became of the exports that an incident held up."""

    total: int  #: failed or were held because the connection was broken
    retried: int  #: of them, those with at least one try since
    delivered: int  #: in Xero, sent or found there
    set_aside: int  #: closed by a named person with a reason
    left: int
    left_amount: Decimal  #: in the workspace's currency
    untraced: int  #: in Xero, and nothing recorded says how they came there
    uncounted: int  #: owed for want of a connection, and not part of this incident

    @property
    def complete(self) -> bool:
        """Say whether every export has its end, and none is owed that is not counted."""
        return not self.left and not self.uncounted


class UnknownIncident(Declined):
    """There is no such incident, or not for this member; the text is a sentence for the screen."""


def _own_incident(session: Session, member: Member, incident_id: str) -> tables.Incident:
    incident = session.get(tables.Incident, incident_id)
    if incident is None:
        raise UnknownIncident("There is no such incident here. Open the workspace again to see its latest.")
    members.require(session, member, Permission.SEE_WORKSPACES, incident.workspace_id)
    return incident


def proof(session: Session, member: Member, incident_id: str) -> Proof:
    """Return what became of the exports that an incident held up, counted forward and back.

    Raises `UnknownIncident`, and `UnknownWorkspace` for somebody else's.
    """
    incident = _own_incident(session, member, incident_id)
    ours = tables.Export.incident_id == incident.id
    rows = session.execute(
        select(tables.Export.state, func.count(), func.sum(tables.Export.amount))
        .where(ours)
        .group_by(tables.Export.state)
    ).all()
    counts = {state: number for state, number, _ in rows}
    left = [(number, amount) for state, number, amount in rows if state in UNDELIVERED]
    return Proof(
        total=sum(counts.values()),
        retried=_count(session, ours & _tried(incident)),
        delivered=counts.get(ExportState.DELIVERED, 0),
        set_aside=counts.get(ExportState.SET_ASIDE, 0),
        left=sum(number for number, _ in left),
        left_amount=sum((amount for _, amount in left), Decimal(0)),
        untraced=_count(session, ours & (tables.Export.state == ExportState.DELIVERED) & ~_traced()),
        uncounted=_count(session, uncounted(incident)),
    )


def is_complete(session: Session, incident: tables.Incident) -> bool:
    """Say whether nothing of an incident is left over: what `proof` says, without the counting."""
    owed = and_(tables.Export.incident_id == incident.id, tables.Export.state.in_(UNDELIVERED))
    found = session.execute(select(tables.Export.id).where(or_(owed, uncounted(incident))).limit(1))
    return found.first() is None


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(tables.Export).where(condition)) or 0


def _tried(incident: tables.Incident) -> ColumnElement[bool]:
    return exists().where(
        tables.Attempt.export_id == tables.Export.id, tables.Attempt.sent_at >= incident.opened_at
    )


def _traced() -> ColumnElement[bool]:
    sent = exists().where(
        tables.Attempt.export_id == tables.Export.id, tables.Attempt.state != AttemptState.NOT_SENT
    )
    marked = exists().where(
        tables.XeroMark.export_id == tables.Export.id, tables.XeroMark.state == MarkState.CONFIRMED
    )
    return or_(sent, marked)


def uncounted(incident: tables.Incident) -> ColumnElement[bool]:
    """Return the condition for exports that the workspace's broken connection holds up outside the incident.

    Those of an organisation that the workspace has left can go nowhere, so no incident waits for them.
    """
    own = (
        select(tables.Connection.organisation_id)
        .where(tables.Connection.workspace_id == incident.workspace_id)
        .scalar_subquery()
    )
    failed = and_(tables.Export.state == ExportState.FAILED, tables.Export.code.in_(RECONNECT_CODES))
    return and_(
        tables.Export.workspace_id == incident.workspace_id,
        tables.Export.organisation_id == own,
        or_(failed, tables.Export.state == ExportState.HELD),
        tables.Export.incident_id.is_distinct_from(incident.id),
    )


def file(session: Session, member: Member, incident_id: str) -> str:
    """Return the proof export by export as CSV, safe to open in a spreadsheet. Raises as `proof` does."""
    incident = _own_incident(session, member, incident_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in session.execute(_file_rows(incident), execution_options={"yield_per": CHUNK}):
        writer.writerow([safe_cell(value) for value in row])
    return text.getvalue()


def _file_rows(incident: tables.Incident) -> Select[*tuple[object, ...]]:
    export = tables.Export
    tries = (
        select(func.count())
        .where(tables.Attempt.export_id == export.id, tables.Attempt.sent_at >= incident.opened_at)
        .scalar_subquery()
    )
    return (
        select(
            export.number,
            export.amount,
            export.currency,
            export.failed_at,
            export.code,
            tries,
            export.state,
            export.delivered_at,
            export.xero_id,
            export.set_aside_by,
            export.set_aside_reason,
        )
        .where(export.incident_id == incident.id)
        .order_by(export.approved_at, export.id)
    )
