"""One export with all that a person may want to know of it, and why it is not in Xero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import attempts, catalogue, exports, marks
from services.attempts import AttemptView
from services.exports import UnknownExport
from services.marks import MarkView
from services.members import Member, own_workspaces
from services.store import tables
from services.store.states import (
    CAN_EXPORT,
    GOES,
    ExportKind,
    ExportState,
    Health,
    IncidentState,
    MarkState,
    RunState,
)

UNKNOWN = (
    "There is no export of that id here, or it is not one of yours. "
    "Check the link, or search for its number under Failed exports."
)
_LONGEST_ID = 15  # digits; no store has given out longer ones


@dataclass(frozen=True, slots=True)
class LineView:
    """One expense of an export."""

    spent_on: date
    merchant: str
    amount: Decimal
    account_code: str
    tax_type: str | None
    tracking: str | None  #: category and option


@dataclass(frozen=True, slots=True)
class IncidentOf:
    """The incident that an export counts to."""

    code: str
    state: IncidentState
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView:
    """One export as its page shows it."""

    id: int
    number: str
    report_id: str
    title: str
    submitter_name: str
    workspace_id: str
    workspace_name: str
    organisation_name: str
    kind: ExportKind
    amount: Decimal
    currency: str
    approved_at: datetime
    state: ExportState
    code: str | None
    message: str | None
    failed_at: datetime | None
    delivered_at: datetime | None
    paid_at: datetime | None
    xero_link: str | None
    set_aside_by: str | None
    set_aside_reason: str | None
    health: Health  #: of the workspace's connection
    paused: bool  #: the workspace, by a person
    run: RunState | None  #: of the latest retry that has it in hand, or had when it was cancelled
    at_home: bool  #: the workspace is connected to the organisation that the export belongs to
    incident: IncidentOf | None
    lines: tuple[LineView, ...]
    attempts: tuple[AttemptView, ...]  #: the latest first
    marks: tuple[MarkView, ...]  #: the latest first

    @property
    def checking(self) -> MarkView | None:
        """Return the mark that Xero is being asked about, or None."""
        return next((mark for mark in self.marks if mark.state is MarkState.ASKED), None)

    @property
    def confirmed(self) -> MarkView | None:
        """Return the mark by which the export counts as delivered, or None."""
        return next((mark for mark in self.marks if mark.state is MarkState.CONFIRMED), None)


def get(session: Session, member: Member, export_id: str) -> ExportView:
    """Return the export of an address. Raises `UnknownExport`, also for somebody else's and for no id."""
    if not (export_id.isascii() and export_id.isdecimal() and len(export_id) <= _LONGEST_ID):
        raise UnknownExport(UNKNOWN)
    row = session.execute(
        select(tables.Export, tables.Report, tables.Workspace, tables.Organisation, tables.Connection)
        .join(tables.Report, tables.Report.id == tables.Export.report_id)
        .join(tables.Workspace, tables.Workspace.id == tables.Export.workspace_id)
        .join(tables.Organisation, tables.Organisation.id == tables.Export.organisation_id)
        .join(tables.Connection, tables.Connection.workspace_id == tables.Export.workspace_id)
        .where(tables.Export.id == int(export_id), *own_workspaces(member))
    ).first()
    if row is None:
        raise UnknownExport(UNKNOWN)
    return _view(session, *row)


def _view(
    session: Session,
    export: tables.Export,
    report: tables.Report,
    workspace: tables.Workspace,
    organisation: tables.Organisation,
    connection: tables.Connection,
) -> ExportView:
    return ExportView(
        id=export.id,
        number=export.number,
        report_id=report.id,
        title=report.title,
        submitter_name=report.submitter_name,
        workspace_id=workspace.id,
        workspace_name=workspace.name,
        organisation_name=organisation.name,
        kind=export.kind,
        amount=export.amount,
        currency=export.currency,
        approved_at=export.approved_at,
        state=export.state,
        code=export.code,
        message=export.message,
        failed_at=export.failed_at,
        delivered_at=export.delivered_at,
        paid_at=export.paid_at,
        xero_link=exports.link(export.kind, export.xero_id, organisation.short_code),
        set_aside_by=export.set_aside_by,
        set_aside_reason=export.set_aside_reason,
        health=connection.health,
        paused=connection.paused_at is not None,
        run=_run(session, export.id),
        at_home=connection.organisation_id == export.organisation_id,
        incident=_incident(session, export.incident_id),
        lines=_lines(session, export.id),
        attempts=attempts.of_export(session, export.id),
        marks=marks.of_export(session, export.id),
    )


def _run(session: Session, export_id: int) -> RunState | None:
    item, run = tables.PlanItem, tables.RetryRun
    return session.scalar(
        select(run.state)
        .join(item, item.plan_id == run.plan_id)
        .where(item.export_id == export_id, item.verdict.in_(GOES), item.result.is_(None))
        .order_by(run.started_at.desc())
        .limit(1)
    )


def _incident(session: Session, incident_id: str | None) -> IncidentOf | None:
    row = session.get(tables.Incident, incident_id) if incident_id else None
    return None if row is None else IncidentOf(row.code, row.state, row.opened_at)


def _lines(session: Session, export_id: int) -> tuple[LineView, ...]:
    rows = session.scalars(
        select(tables.ReportLine)
        .where(tables.ReportLine.export_id == export_id)
        .order_by(tables.ReportLine.position)
    )
    return tuple(
        LineView(
            spent_on=row.spent_on,
            merchant=row.merchant,
            amount=row.amount,
            account_code=row.account_code,
            tax_type=row.tax_type,
            tracking=f"{row.tracking_category}: {row.tracking_option}" if row.tracking_category else None,
        )
        for row in rows
    )


# Why it is not in Xero


@dataclass(frozen=True, slots=True)
class Answer:
    """Why an export is not in Xero, or how it came there; and what happens or has to be done next."""

    why: str
    next: str


def answer(view: ExportView) -> Answer:
    """Answer, in a sentence and what follows from it, why an export is not in Xero."""
    if view.checking is not None:
        return _checking(view, view.checking)
    return _ANSWERS[view.state](view)


def _checking(view: ExportView, mark: MarkView) -> Answer:
    said = f"{mark.asked_by} says that it is there already: {mark.reason}"
    if can_be_asked(view):
        return Answer("Checking in Xero…", f"It is not sent until Xero has answered. {said}")
    return Answer("Whether it is in Xero is checked once the workspace is reconnected.", said)


def can_be_asked(view: ExportView) -> bool:
    """Say whether the workspace's connection reaches the organisation that the export belongs to."""
    return view.at_home and view.health in CAN_EXPORT


def _delivered(view: ExportView) -> Answer:
    if view.confirmed is not None:
        mark = view.confirmed
        return Answer("It is in Xero.", f"{mark.asked_by} said so, and Xero confirmed it: {mark.reason}")
    return Answer("It is in Xero" + (", and paid there." if view.paid_at else "."), "")


def _failed(view: ExportView) -> Answer:
    code = catalogue.get(view.code or "XERO01")
    return Answer(f"It is not in Xero because of {code.code}: {code.title}.", code.fix)


def _set_aside(view: ExportView) -> Answer:
    return Answer(
        f"It is not in Xero and will not be sent: {view.set_aside_by} set it aside.",
        f"Reason: {view.set_aside_reason}",
    )


def _sending(_: ExportView) -> Answer:
    return Answer("It is on its way to Xero at this moment.", "")


def _in_doubt(_: ExportView) -> Answer:
    return Answer(
        "Whether it is in Xero is not known: it was sent, and Xero's answer was lost.",
        "Plan a retry: Xero is asked before anything is sent again.",
    )


def _waiting(view: ExportView) -> Answer:
    if not view.at_home:
        return Answer(
            f"It is not in Xero because the workspace is not connected to {view.organisation_name} any more.",
            "It may go to no other organisation. Connect the workspace to it again, or set the export aside.",
        )
    if view.health not in CAN_EXPORT:
        return Answer(
            f"It is not in Xero because the workspace's connection is {view.health}: it was not even tried.",
            "Once the workspace is reconnected, it can be retried.",
        )
    if view.state is ExportState.HELD:
        return Answer("It is not in Xero because the connection was broken.", "It works again: plan a retry.")
    if view.run in _STOPPED:
        return _STOPPED[view.run]
    if view.paused:
        return Answer(
            "It is not in Xero because the workspace is paused.", "It goes once somebody resumes it."
        )
    return Answer(
        "It is not in Xero yet: it waits for its turn.",
        "It goes by itself: within minutes, or when its retry is to start.",
    )


#: A person stopped the retry, and nothing goes on by itself against that.
_STOPPED = {
    RunState.PAUSED: Answer(
        "It is not in Xero because the retry it is part of is paused.",
        "It goes once somebody goes on with that retry.",
    ),
    RunState.CANCELLED: Answer(
        "It is not in Xero because the retry it was part of was cancelled.",
        "It does not go by itself any more: plan a retry.",
    ),
}

_ANSWERS: Mapping[ExportState, Callable[[ExportView], Answer]] = {
    ExportState.DELIVERED: _delivered,
    ExportState.FAILED: _failed,
    ExportState.SET_ASIDE: _set_aside,
    ExportState.WAITING: _waiting,
    ExportState.HELD: _waiting,
    ExportState.SENDING: _sending,
    ExportState.IN_DOUBT: _in_doubt,
}
