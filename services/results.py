"""What became of every export of a plan: counted, looked through page by page, and as rows for a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, select
from sqlalchemy.orm import Session

from services import exports, plans
from services.catalogue import CODES
from services.members import Member
from services.paging import count, page_of
from services.plans import PlanItemRow
from services.store import tables
from services.store.states import CAN_EXPORT, RETRYABLE, ExportKind, ExportState, Verdict

PAGE_SIZE = 50
CHUNK = 1_000  # rows of a file read at once


class Result(StrEnum):
    """What a run did with an export; the words are those of the export's states."""

    DELIVERED = "delivered"
    FAILED = "failed"
    IN_DOUBT = "in doubt"
    HELD = "held"
    SET_ASIDE = "set aside"
    NOT_TRIED = "not tried"  #: left out by its verdict, or the run was cancelled before its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """How many exports of a plan have one result, and what they are worth by currency."""

    result: Result
    count: int
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFilter:
    """Which results are wanted; empty means all."""

    results: tuple[Result, ...] = ()
    codes: tuple[str, ...] = ()
    workspace_id: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """One page of the results that match, and how many there are of each to choose from."""

    rows: tuple[PlanItemRow, ...]
    total: int
    codes: Mapping[str, int]
    workspaces: tuple[tuple[str, str, int], ...]  #: id, name, how many; those with most of them first


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What a run did not deliver, as things stand now."""

    total: int
    can_go: int  #: those whose workspace is connected; the plan of them says which have to be fixed first


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One line of the file of results."""

    number: str
    report: str
    title: str
    submitter: str
    workspace: str
    organisation: str
    amount: Decimal
    currency: str
    approved_at: datetime
    verdict: str
    reason: str
    result: str
    text: str | None
    code: str | None
    attempts: int
    correlation_id: str | None  #: Xero's, of the last attempt that has one
    xero_link: str | None


_item, _export = tables.PlanItem, tables.Export
#: What is said of an item begins with its code, where it has one.
_said = func.coalesce(_item.result_text, _item.reason)
_code = case((func.substr(_said, 1, 6).in_(sorted(CODES)), func.substr(_said, 1, 6)))


def lines(session: Session, plan_id: str) -> list[ResultLine]:
    """Return how many exports of a plan have which result, and their money, delivered ones first."""
    rows = session.execute(
        select(_item.result, _export.currency, func.count(), func.sum(_export.amount))
        .join(_export, _export.id == _item.export_id)
        .where(_item.plan_id == plan_id)
        .group_by(_item.result, _export.currency)
    ).all()
    found = [
        ResultLine(
            result=result,
            count=sum(row[2] for row in rows if _named(row[0]) is result),
            amounts={row[1]: row[3] for row in rows if _named(row[0]) is result},
        )
        for result in Result
    ]
    return [line for line in found if line.count]


def codes(session: Session, plan_id: str, *results: ExportState) -> dict[str, int]:
    """Return how many exports of a plan that have one of these results have which code."""
    return _codes(session, and_(_item.plan_id == plan_id, _item.result.in_(results)))


def _named(state: ExportState | None) -> Result:
    return Result.NOT_TRIED if state is None else Result(state)


def search(session: Session, member: Member, plan_id: str, wanted: ResultFilter) -> ResultPage:
    """Return one page of a plan's results that match: what did not arrive first, then oldest first.

    Raises `UnknownPlan`.
    """
    plans.own_plan(session, member, plan_id)
    by_result = and_(_item.plan_id == plan_id, *_of_results(wanted.results))
    by_code = [_code.in_(wanted.codes)] if wanted.codes else []
    by_workspace = [_item.workspace_id == wanted.workspace_id] if wanted.workspace_id else []
    arrived = case((_item.result == ExportState.DELIVERED, 1), else_=0)
    query = _rows().where(by_result, *by_code, *by_workspace)
    query = query.order_by(arrived, _export.approved_at, _export.id)
    # What can be chosen is counted without the filter of its own kind, or it could never be widened.
    return ResultPage(
        rows=tuple(
            plans.item_row(*row)
            for row in session.execute(page_of(query, page=wanted.page, page_size=PAGE_SIZE))
        ),
        total=count(session, select(_item.export_id).where(by_result, *by_code, *by_workspace)),
        codes=_codes(session, and_(by_result, *by_workspace)),
        workspaces=_workspaces(session, and_(by_result, *by_code)),
    )


def _of_results(results: tuple[Result, ...]) -> list[ColumnElement[bool]]:
    if not results:
        return []
    states = [ExportState(result) for result in results if result is not Result.NOT_TRIED]
    chosen = _item.result.in_(states)
    return [chosen | _item.result.is_(None) if Result.NOT_TRIED in results else chosen]


def _rows() -> Select[tables.PlanItem, tables.Export, str, str | None]:
    return (
        select(_item, _export, tables.Workspace.name, tables.Organisation.short_code)
        .join(_export, _export.id == _item.export_id)
        .join(tables.Workspace, tables.Workspace.id == _item.workspace_id)
        .join(tables.Organisation, tables.Organisation.id == _export.organisation_id)
    )


def _codes(session: Session, where: ColumnElement[bool]) -> dict[str, int]:
    number = func.count()
    rows = session.execute(select(_code, number).where(where, _code.is_not(None)).group_by(_code))
    return {code: found for code, found in rows if code is not None}


def _workspaces(session: Session, where: ColumnElement[bool]) -> tuple[tuple[str, str, int], ...]:
    number = func.count()
    rows = session.execute(
        select(tables.Workspace.id, tables.Workspace.name, number)
        .join(_item, _item.workspace_id == tables.Workspace.id)
        .where(where)
        .group_by(tables.Workspace.id, tables.Workspace.name)
        .order_by(number.desc(), tables.Workspace.name)
        .limit(OFFERED_WORKSPACES)
    )
    return tuple((workspace_id, name, found) for workspace_id, name, found in rows)


#: So many workspaces are offered to choose from; a longer list is no choice any more.
OFFERED_WORKSPACES = 200


def leftovers(session: Session, plan_id: str) -> Leftovers:
    """Count what of a plan is still owed to Xero, and how much of that can go now."""
    connected = tables.Connection.health.in_(CAN_EXPORT) & tables.Connection.leaving_at.is_(None)
    never = (_item.verdict == Verdict.NEVER) & _item.result.is_(None)
    total, can_go = session.execute(
        select(func.count(), func.count().filter(connected, not_(never)))
        .select_from(_item)
        .join(_export, _export.id == _item.export_id)
        .join(tables.Connection, tables.Connection.workspace_id == _item.workspace_id)
        .where(_item.plan_id == plan_id, _export.state.in_(RETRYABLE))
    ).one()
    return Leftovers(total=total, can_go=can_go)


def file_rows(session: Session, member: Member, plan_id: str) -> Iterator[FileRow]:
    """Return what became of every export of a plan, a line each, read in chunks. Raises `UnknownPlan`."""
    plans.own_plan(session, member, plan_id)
    rows = session.execute(_file_query(plan_id), execution_options={"yield_per": CHUNK})
    return (_file_row(dict(row._mapping)) for row in rows)


def _file_query(plan_id: str) -> Select[*tuple[Any, ...]]:
    attempt = tables.Attempt
    own = attempt.export_id == _export.id
    attempts = select(func.count()).select_from(attempt).where(own).scalar_subquery()
    correlation_id = (
        select(attempt.correlation_id)
        .where(own, attempt.correlation_id.is_not(None))
        .order_by(attempt.sent_at.desc(), attempt.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            _export.number,
            _export.report_id.label("report"),
            tables.Report.title,
            tables.Report.submitter_name.label("submitter"),
            tables.Workspace.name.label("workspace"),
            tables.Organisation.name.label("organisation"),
            _export.amount,
            _export.currency,
            _export.approved_at,
            _item.verdict,
            _item.reason,
            _item.result,
            _item.result_text.label("text"),
            _code.label("code"),
            attempts.label("attempts"),
            correlation_id.label("correlation_id"),
            _export.kind,
            _export.xero_id,
            tables.Organisation.short_code,
        )
        .select_from(_item)
        .join(_export, _export.id == _item.export_id)
        .join(tables.Report, tables.Report.id == _export.report_id)
        .join(tables.Workspace, tables.Workspace.id == _item.workspace_id)
        .join(tables.Organisation, tables.Organisation.id == _export.organisation_id)
        .where(_item.plan_id == plan_id)
        .order_by(_export.approved_at, _export.id)
    )


def _file_row(values: dict[str, Any]) -> FileRow:
    kind: ExportKind = values.pop("kind")
    link = exports.link(kind, values.pop("xero_id"), values.pop("short_code"))
    return FileRow(**{**values, "result": _named(values["result"])}, xero_link=link)
