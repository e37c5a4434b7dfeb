"""Receipts: the files of an export, and whether they are at its document in Xero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from services import exports, narrowing
from services.members import Member
from services.store import tables
from services.store.states import GOES, ExportState, ReceiptState

#: The code of a file that Xero takes in no size but a smaller one.
TOO_LARGE = "XERO08"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """One receipt as a person sees it."""

    id: int
    name: str
    size_bytes: int
    content_type: str
    state: ReceiptState
    code: str | None
    message: str | None
    tried_at: datetime | None
    attached_at: datetime | None
    correlation_id: str | None  #: Xero's, of the last try


@dataclass(frozen=True, slots=True)
class Owed:
    """The receipts of one export that are not in Xero."""

    to_attach: tuple[str, ...]  #: names of those that a retry tries
    too_large: tuple[str, ...]  #: names of those that have to be made smaller first

    @property
    def plan(self) -> str:
        """Return what a retry does, in a sentence."""
        number = len(self.to_attach)
        return f"Its {f'{number:,} missing receipts' if number > 1 else 'missing receipt'} will be attached."

    @property
    def advice(self) -> str:
        """Return what to do about those that are too large; empty without one."""
        if not self.too_large:
            return ""
        names = ", ".join(self.too_large)
        return f"Too large for Xero: {names}. {SMALLER}"


SMALLER = "Make it smaller than 10 MB and bring it in again under the same name, on Import reports."


def counted(number: int) -> str:
    """Return a number of receipts in words: "1 receipt", "3 receipts"."""
    return f"{number:,} receipt{'' if number == 1 else 's'}"


def of_export(session: Session, member: Member, export_id: int) -> list[ReceiptView]:
    """Return the receipts of an export by name, without their content. Raises `UnknownExport`."""
    seen = narrowing.ids([*narrowing.seen_by(member), tables.Export.id == export_id])
    if session.scalar(seen) is None:
        raise exports.UnknownExport("There is no such export here, or it is not one of yours.")
    found = session.scalars(
        select(tables.Receipt)
        .where(tables.Receipt.export_id == export_id)
        .order_by(tables.Receipt.file_name, tables.Receipt.id)
    )
    return [_view(receipt) for receipt in found]


def _view(receipt: tables.Receipt) -> ReceiptView:
    return ReceiptView(
        id=receipt.id,
        name=receipt.file_name,
        size_bytes=receipt.size_bytes,
        content_type=receipt.content_type,
        state=receipt.state,
        code=receipt.code,
        message=receipt.message,
        tried_at=receipt.tried_at,
        attached_at=receipt.attached_at,
        correlation_id=receipt.correlation_id,
    )


def owed(session: Session, export_ids: Sequence[int]) -> dict[int, Owed]:
    """Return what is not attached of these exports; those with nothing left are left out."""
    rows = session.execute(
        select(tables.Receipt.export_id, tables.Receipt.file_name, to_attach())
        .where(tables.Receipt.export_id.in_(export_ids), tables.Receipt.state != ReceiptState.ATTACHED)
        .order_by(tables.Receipt.file_name)
    )
    names: dict[int, tuple[list[str], list[str]]] = {}
    for export_id, name, is_tried in rows:
        names.setdefault(export_id, ([], []))[0 if is_tried else 1].append(name)
    return {export_id: Owed(tuple(small), tuple(large)) for export_id, (small, large) in names.items()}


def to_attach() -> ColumnElement[bool]:
    """Return the SQL condition of receipts that a retry tries: waiting, or refused for what may pass."""
    return and_(
        tables.Receipt.state.in_([ReceiptState.WAITING, ReceiptState.FAILED]),
        tables.Receipt.code.is_distinct_from(TOO_LARGE),
    )


def missing() -> ColumnElement[bool]:
    """Return the SQL condition of exports that are in Xero without one of their receipts."""
    not_there = exists().where(
        tables.Receipt.export_id == tables.Export.id, tables.Receipt.state != ReceiptState.ATTACHED
    )
    return and_(tables.Export.state == ExportState.DELIVERED, not_there)


def lacking(member: Member) -> list[ColumnElement[bool]]:
    """Return the SQL conditions of the member's exports that are in Xero without one of their receipts.

    What `missing` says too, of all there is: found from the receipts, since what is delivered only grows.
    """
    not_attached = tables.Receipt.state.in_([ReceiptState.WAITING, ReceiptState.FAILED])
    of_receipts = tables.Export.id.in_(select(tables.Receipt.export_id).where(not_attached))
    return [*narrowing.seen_by(member), tables.Export.state == ExportState.DELIVERED, of_receipts]


def number_lacking(session: Session, member: Member) -> int:
    """Return how many of the member's exports are in Xero without one of their receipts."""
    counted = select(func.count()).select_from(tables.Export).where(*lacking(member))
    return session.scalar(counted) or 0


def number_missing(session: Session, plan_id: str) -> int:
    """Return how many receipts are not at the documents that a plan's run works on and that are in Xero."""
    return (
        session.scalar(
            select(func.count())
            .select_from(tables.PlanItem)
            .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
            .join(tables.Receipt, tables.Receipt.export_id == tables.Export.id)
            .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.verdict.in_(GOES))
            .where(
                tables.Export.state == ExportState.DELIVERED, tables.Receipt.state != ReceiptState.ATTACHED
            )
        )
        or 0
    )


def number_by_workspace(session: Session, plan_id: str) -> dict[str, int]:
    """Return how many receipts a plan's run has to attach, by workspace: each is a call of its own."""
    rows = session.execute(
        select(tables.PlanItem.workspace_id, func.count())
        .join(tables.Receipt, tables.Receipt.export_id == tables.PlanItem.export_id)
        .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.verdict.in_(GOES), to_attach())
        .group_by(tables.PlanItem.workspace_id)
    )
    return dict(rows.all())
