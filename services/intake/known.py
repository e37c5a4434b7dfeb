"""What the store knows already of the reports in a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import members
from services.intake.reports import Report
from services.members import Member
from services.store import tables
from services.store.engine import LOCK
from services.store.states import IncidentState


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that the reports of one file concern."""

    workspaces: Mapping[str, tables.Workspace]  #: only those that the member may see
    connections: Mapping[str, tables.Connection]  #: by workspace
    incidents: Mapping[str, str]  #: id of the open one, by workspace
    reports: Mapping[str, tables.Report]
    exports: Mapping[str, Mapping[str, tables.Export]]  #: by report and number
    lines: Mapping[int, Mapping[int, tables.ReportLine]]  #: by export and position
    owners: dict[str, str]  #: the report that has a number, in the store or earlier in the file


def load(session: Session, member: Member, reports: Sequence[Report]) -> Known:
    """Read what the reports concern, and lock it: no other import and no worker comes between."""
    ids = {report.head.report_id for report in reports}
    workspaces = _workspaces(session, member, reports)
    connections = _locked_connections(session, workspaces.keys())
    exports = _locked_exports(session, ids, {number for report in reports for number in report.documents()})
    return Known(
        workspaces=workspaces,
        connections=connections,
        incidents=_open_incidents(session, workspaces.keys()),
        reports=_reports(session, ids),
        exports=_by_report(exports),
        lines=_lines(session, ids),
        owners={export.number: export.report_id for export in exports},
    )


def _workspaces(session: Session, member: Member, reports: Sequence[Report]) -> dict[str, tables.Workspace]:
    named = tables.Workspace.id.in_({report.head.workspace_id for report in reports})
    found = session.scalars(select(tables.Workspace).where(named, *members.own_workspaces(member)))
    return {workspace.id: workspace for workspace in found}


def _locked_connections(session: Session, workspace_ids: Collection[str]) -> dict[str, tables.Connection]:
    found = session.scalars(
        select(tables.Connection)
        .where(tables.Connection.workspace_id.in_(workspace_ids))
        .order_by(tables.Connection.workspace_id)
        .with_for_update()
    )
    return {connection.workspace_id: connection for connection in found}


def _locked_exports(
    session: Session, report_ids: Collection[str], numbers: Collection[str]
) -> Sequence[tables.Export]:
    return session.scalars(
        select(tables.Export)
        .where(tables.Export.report_id.in_(report_ids) | tables.Export.number.in_(numbers))
        .order_by(tables.Export.id)
        .with_for_update(**LOCK)
    ).all()


def _open_incidents(session: Session, workspace_ids: Collection[str]) -> dict[str, str]:
    incident = tables.Incident
    still_open = incident.workspace_id.in_(workspace_ids) & (incident.state != IncidentState.CLOSED)
    return {row.workspace_id: row.id for row in session.scalars(select(incident).where(still_open))}


def _reports(session: Session, report_ids: Collection[str]) -> dict[str, tables.Report]:
    found = session.scalars(select(tables.Report).where(tables.Report.id.in_(report_ids)))
    return {report.id: report for report in found}


def _by_report(exports: Sequence[tables.Export]) -> dict[str, dict[str, tables.Export]]:
    found: dict[str, dict[str, tables.Export]] = {}
    for export in exports:
        found.setdefault(export.report_id, {})[export.number] = export
    return found


def _lines(session: Session, report_ids: Collection[str]) -> dict[int, dict[int, tables.ReportLine]]:
    found: dict[int, dict[int, tables.ReportLine]] = {}
    line = tables.ReportLine
    for one in session.scalars(select(line).where(line.report_id.in_(report_ids))):
        found.setdefault(one.export_id, {})[one.position] = one
    return found
