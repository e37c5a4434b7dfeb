"""Which exports: the parts that narrow, and their SQL; a table is only looked into where a part needs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from services.finding import like
from services.members import Member, own_workspaces
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """Which exports: each part narrows, an empty part does not."""

    text: str = ""  #: in the number, the report's title, the submitter or the workspace's name
    states: tuple[ExportState, ...] = ()
    codes: tuple[str, ...] = ()
    workspace_id: str | None = None
    organisation_id: str | None = None
    incident_id: str | None = None
    cause: str | None = None  #: of the incident it belongs to: a Health, in its word
    kind: ExportKind | None = None
    report_id: str | None = None
    amount_from: Decimal | None = None  #: in the export's own currency, whichever it is
    amount_to: Decimal | None = None
    at_least_days: int | None = None  #: since it failed; where it did not fail, since it was approved
    at_most_days: int | None = None
    delivered_since: datetime | None = None
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class Names:
    """The one workspace, organisation and incident of a filter; None where the member may see no such one."""

    workspace: str | None
    organisation: str | None
    incident: str | None


def matching(member: Member, filter: ExportFilter) -> Conditions:
    """Return the conditions of all that match a filter, among what the member may see."""
    return [*but_for_states(member, filter), *of_states(filter.states), *_codes(filter)]


def but_for_states(member: Member, filter: ExportFilter) -> Conditions:
    """Return the conditions of a filter but for those on states and codes, which people choose by counts."""
    return [*seen_by(member), *_plain(filter), *_amount(filter), *_age(filter), *_text(filter.text)]


def of_states(states: tuple[ExportState, ...]) -> Conditions:
    """Return the condition on states, or none."""
    return [tables.Export.state.in_(states)] if states else []


def seen_by(member: Member) -> Conditions:
    """Return the condition that keeps a query on `Export` to what the member may see."""
    conditions = own_workspaces(member)
    return [tables.Export.workspace_id.in_(_workspaces(*conditions))] if conditions else []


def ids(conditions: Conditions) -> Select[int]:
    """Return the query of the ids of exports, the oldest report first."""
    return select(tables.Export.id).where(*conditions).order_by(tables.Export.approved_at, tables.Export.id)


def names(session: Session, member: Member, filter: ExportFilter) -> Names:
    """Return what the one workspace, organisation and incident of a filter are called."""
    workspace, organisation, incident = tables.Workspace, tables.Organisation, tables.Incident
    own = own_workspaces(member)
    its_workspace = select(workspace.name).where(workspace.id == filter.workspace_id, *own)
    of_connection = tables.Connection.organisation_id == organisation.id
    its_organisation = (
        select(organisation.name)
        .join(tables.Connection, of_connection)
        .join(workspace, workspace.id == tables.Connection.workspace_id)
        .where(organisation.id == filter.organisation_id, *own)
    )
    its_incident = (
        select(incident.code, workspace.name, incident.opened_at)
        .join(workspace, workspace.id == incident.workspace_id)
        .where(incident.id == filter.incident_id, *own)
    )
    found = session.execute(its_incident).first() if filter.incident_id else None
    return Names(
        workspace=session.scalar(its_workspace) if filter.workspace_id else None,
        organisation=session.scalar(its_organisation) if filter.organisation_id else None,
        incident="{} of {} since {:%-d %b %Y}".format(*found) if found else None,
    )


def in_words(filter: ExportFilter, names: Names) -> str:
    """Return what a filter asks for, as a person would say it."""
    days_ago = (("at least", filter.at_least_days), ("at most", filter.at_most_days))
    parts = [
        f"“{filter.text}”" if filter.text else "",
        ", ".join(filter.states),
        ", ".join(filter.codes),
        f"workspace {names.workspace or filter.workspace_id}" if filter.workspace_id else "",
        f"organisation {names.organisation or filter.organisation_id}" if filter.organisation_id else "",
        f"incident {names.incident or filter.incident_id}" if filter.incident_id else "",
        f"connection {filter.cause}" if filter.cause else "",
        str(filter.kind or ""),
        f"report {filter.report_id}" if filter.report_id else "",
        "" if filter.amount_from is None else f"from {filter.amount_from:,.2f}",
        "" if filter.amount_to is None else f"up to {filter.amount_to:,.2f}",
        *("" if days is None else f"failed {word} {days:,} days ago" for word, days in days_ago),
    ]
    return "; ".join(part for part in parts if part) or "everything"


def _workspaces(*conditions: ColumnElement[bool]) -> Select[str]:
    return select(tables.Workspace.id).where(*conditions)


def _codes(filter: ExportFilter) -> Conditions:
    return [tables.Export.code.in_(filter.codes)] if filter.codes else []


def _plain(filter: ExportFilter) -> Conditions:
    export = tables.Export
    exactly: list[tuple[Any, Any]] = [
        (export.workspace_id, filter.workspace_id),
        (export.organisation_id, filter.organisation_id),
        (export.incident_id, filter.incident_id),
        (export.report_id, filter.report_id),
        (export.kind, filter.kind),
    ]
    found: Conditions = [column == value for column, value in exactly if value]
    if filter.cause:
        incident = tables.Incident
        found.append(
            select(incident.id)
            .where(incident.id == export.incident_id, incident.cause == filter.cause)
            .exists()
        )
    if filter.delivered_since:
        found.append(export.delivered_at >= filter.delivered_since)
    return found


def _amount(filter: ExportFilter) -> Conditions:
    found: Conditions = []
    if filter.amount_from is not None:
        found.append(tables.Export.amount >= filter.amount_from)
    if filter.amount_to is not None:
        found.append(tables.Export.amount <= filter.amount_to)
    return found


def _age(filter: ExportFilter) -> Conditions:
    since = func.coalesce(tables.Export.failed_at, tables.Export.approved_at)
    found: Conditions = []
    if filter.at_least_days is not None:
        found.append(since <= utcnow() - timedelta(days=filter.at_least_days))
    if filter.at_most_days is not None:
        found.append(since >= utcnow() - timedelta(days=filter.at_most_days))
    return found


def _text(text: str) -> Conditions:
    if not text.strip():
        return []
    pattern, export, report = like(text.strip()), tables.Export, tables.Report

    def has(column: Any) -> ColumnElement[bool]:
        return column.ilike(pattern, escape="/")  # type: ignore[no-any-return]

    reports = (
        select(report.id)
        .where(report.id == export.report_id, or_(has(report.title), has(report.submitter_name)))
        .exists()
    )
    return [
        or_(
            has(export.number),
            export.workspace_id.in_(_workspaces(has(tables.Workspace.name))),
            reports,
        )
    ]
