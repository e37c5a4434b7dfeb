"""Exports: what was, is and will be delivered into Xero."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import narrowing
from services.declined import Declined
from services.members import Member
from services.narrowing import ExportFilter as ExportFilter
from services.paging import page_count, page_of
from services.store import tables
from services.store.states import UNDELIVERED, ExportKind, ExportState
from services.xero import links

Key = TypeVar("Key", bound=Hashable)
Number = TypeVar("Number", int, Decimal)

_KINDS_LINK = {
    ExportKind.BILL: links.bill_link,
    ExportKind.BANK_TRANSACTION: links.bank_transaction_link,
}


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
    states: Mapping[ExportState, int]  #: of all that match but for states and codes; see `_counted`
    codes: Mapping[str, int]  #: of all that match but for the codes
    amounts: Mapping[str, Decimal]  #: of all that match, by currency


class UnknownExport(Declined):
    """There is no such export, or not for this member; the text is a sentence for the screen."""


def search(session: Session, member: Member, filter: ExportFilter) -> ExportPage:
    """Return one page of the exports a member may see, the oldest report first."""
    counted = _counted(session, member, filter)
    in_states = [row for row in counted if not filter.states or row.state in filter.states]
    matching = [row for row in in_states if not filter.codes or row.code in filter.codes]
    total = sum(row.number for row in matching)
    return ExportPage(
        rows=_rows(session, member, filter),
        total=total,
        pages=page_count(total, filter.page_size),
        states=sums((row.state, row.number) for row in counted),
        codes=sums((row.code, row.number) for row in in_states if row.code),
        amounts=sums((row.currency, row.amount) for row in matching),
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many exports have all of this in common."""

    state: ExportState
    code: str | None
    currency: str
    number: int
    amount: Decimal


def _counted(session: Session, member: Member, filter: ExportFilter) -> list[_Counted]:
    # What is delivered only grows: it is counted where it is asked for.
    states = tuple(UNDELIVERED.union(filter.states)) if filter.states else ()
    export = tables.Export
    group = (export.state, export.code, export.currency)
    rows = session.execute(
        select(*group, func.count(), func.sum(export.amount))
        .where(*narrowing.but_for_states(member, filter), *narrowing.of_states(states))
        .group_by(*group)
    )
    return [_Counted(*row) for row in rows]


def sums(pairs: Iterable[tuple[Key, Number]]) -> dict[Key, Number]:
    """Return the sum of the numbers of each key."""
    found: dict[Key, Number] = {}
    for key, number in pairs:
        found[key] = found[key] + number if key in found else number
    return found


def _rows(session: Session, member: Member, filter: ExportFilter) -> tuple[ExportRow, ...]:
    # The page is cut on the index alone; only what is on it is looked up.
    wanted = narrowing.ids(narrowing.matching(member, filter))
    ids = page_of(wanted, page=filter.page, page_size=filter.page_size).subquery()
    rows = session.execute(
        select(tables.Export, tables.Report, tables.Workspace.name, tables.Organisation.short_code)
        .join(ids, ids.c.id == tables.Export.id)
        .join(tables.Report, tables.Report.id == tables.Export.report_id)
        .join(tables.Workspace, tables.Workspace.id == tables.Export.workspace_id)
        .join(tables.Organisation, tables.Organisation.id == tables.Export.organisation_id)
        .order_by(tables.Export.approved_at, tables.Export.id)
    )
    return tuple(_row(*row) for row in rows)


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
