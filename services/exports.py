"""Exports: what was, is and will be delivered into Xero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from services.declined import Declined
from services.finding import like
from services.members import Member, own_workspaces
from services.paging import page_count, page_of
from services.store import tables
from services.store.states import ExportKind, ExportState
from services.xero import links

CHUNK = 500  # ids a query: SQL parameter lists stay short

_KINDS_LINK = {
    ExportKind.BILL: links.bill_link,
    ExportKind.BANK_TRANSACTION: links.bank_transaction_link,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """Which exports: each part narrows, an empty part does not."""

    text: str = ""  #: in the number, the report's title, the submitter or the workspace's name
    states: tuple[ExportState, ...] = ()
    codes: tuple[str, ...] = ()
    workspace_id: str | None = None
    delivered_since: datetime | None = None
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One export as a person sees it."""

    id: int
    number: str
    report_id: str
    title: str
    submitter_name: str
    workspace_id: str
    workspace_name: str
    kind: ExportKind
    amount: Decimal
    currency: str
    approved_at: datetime
    state: ExportState
    code: str | None
    message: str | None
    failed_at: datetime | None
    delivered_at: datetime | None
    paid_at: datetime | None  #: its bill, in Xero
    xero_link: str | None
    set_aside_by: str | None
    set_aside_reason: str | None


@dataclass(frozen=True, slots=True)
class ExportPage:
    """One page of exports, with the counts that the filters show."""

    rows: tuple[ExportRow, ...]
    total: int
    pages: int
    states: Mapping[ExportState, int]  #: of all that match the text and the workspace
    codes: Mapping[str, int]  #: of all that match the text, the workspace and the states
    amounts: Mapping[str, Decimal]  #: of all that match, by currency


class UnknownExport(Declined):
    """There is no such export, or not for this member; the text is a sentence for the screen."""


def search(session: Session, member: Member, filter: ExportFilter) -> ExportPage:
    """Return one page of the exports a member may see, the oldest report first."""
    wide = [*own_workspaces(member), *_text_and_workspace(filter)]
    middle = [*wide, *_states(filter)]
    narrow = [*middle, *_codes(filter)]
    amounts = session.execute(_grouped(tables.Export.currency, narrow)).all()
    total = sum(row[1] for row in amounts)
    ordered = _joined(
        tables.Export, tables.Report, tables.Workspace.name, tables.Organisation.short_code
    ).where(*narrow)
    ordered = ordered.order_by(tables.Export.approved_at, tables.Export.id)
    rows = session.execute(page_of(ordered, page=filter.page, page_size=filter.page_size))
    return ExportPage(
        rows=tuple(_row(*row) for row in rows),
        total=total,
        pages=page_count(total, filter.page_size),
        states={state: number for state, number, _ in session.execute(_grouped(tables.Export.state, wide))},
        codes={
            code: number for code, number, _ in session.execute(_grouped(tables.Export.code, middle)) if code
        },
        amounts={currency: amount for currency, _, amount in amounts},
    )


def _joined(*entities: Any) -> Select[Any]:
    return (
        select(*entities)
        .select_from(tables.Export)
        .join(tables.Report, tables.Report.id == tables.Export.report_id)
        .join(tables.Workspace, tables.Workspace.id == tables.Export.workspace_id)
        .join(tables.Organisation, tables.Organisation.id == tables.Export.organisation_id)
    )


def _grouped(by: Any, conditions: list[Any]) -> Select[Any]:
    return _joined(by, func.count(), func.sum(tables.Export.amount)).where(*conditions).group_by(by)


def _text_and_workspace(filter: ExportFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filter.workspace_id:
        found.append(tables.Export.workspace_id == filter.workspace_id)
    if filter.delivered_since:
        found.append(tables.Export.delivered_at >= filter.delivered_since)
    if text := filter.text.strip():
        pattern = like(text)
        columns = (
            tables.Export.number,
            tables.Report.title,
            tables.Report.submitter_name,
            tables.Workspace.name,
        )
        found.append(or_(*(column.ilike(pattern, escape="/") for column in columns)))
    return found


def _states(filter: ExportFilter) -> list[ColumnElement[bool]]:
    return [tables.Export.state.in_(filter.states)] if filter.states else []


def _codes(filter: ExportFilter) -> list[ColumnElement[bool]]:
    return [tables.Export.code.in_(filter.codes)] if filter.codes else []


def _row(
    export: tables.Export, report: tables.Report, workspace_name: str, short_code: str | None
) -> ExportRow:
    return ExportRow(
        id=export.id,
        number=export.number,
        report_id=export.report_id,
        title=report.title,
        submitter_name=report.submitter_name,
        workspace_id=export.workspace_id,
        workspace_name=workspace_name,
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
        xero_link=link(export.kind, export.xero_id, short_code),
        set_aside_by=export.set_aside_by,
        set_aside_reason=export.set_aside_reason,
    )


def link(kind: ExportKind, xero_id: str | None, short_code: str | None) -> str | None:
    """Return the address of the document in Xero, or None where it is not there yet."""
    return _KINDS_LINK[kind](short_code, xero_id) if xero_id and short_code else None


def ids_visible(session: Session, member: Member, export_ids: Sequence[int]) -> list[int]:
    """Return those of the ids that are exports which the member may see."""
    query = _joined(tables.Export.id).where(*own_workspaces(member))
    return [
        export_id
        for start in range(0, len(export_ids), CHUNK)
        for export_id in session.scalars(query.where(tables.Export.id.in_(export_ids[start : start + CHUNK])))
    ]


def ids_matching(session: Session, member: Member, filter: ExportFilter) -> list[int]:
    """Return the ids of all exports that match, on every page, the oldest report first."""
    conditions = [
        *own_workspaces(member),
        *_text_and_workspace(filter),
        *_states(filter),
        *_codes(filter),
    ]
    query = _joined(tables.Export.id).where(*conditions)
    return list(session.scalars(query.order_by(tables.Export.approved_at, tables.Export.id)))
