"""A batch: the exports it may be made of, and the one call that creates their documents in Xero."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select

from services import documents
from services.documents import Draft
from services.lane import LaneWork
from services.store import tables
from services.store.states import GOES, ExportKind, Verdict
from services.xero.documents import Created, create_bank_transactions, create_bills


def lane_items(work: LaneWork) -> Select[tables.Export]:
    """Return the query of what is left of a lane, the oldest report first."""
    return (
        select(tables.Export)
        .join(tables.PlanItem, tables.PlanItem.export_id == tables.Export.id)
        .where(
            tables.PlanItem.plan_id == work.plan_id,
            tables.PlanItem.workspace_id == work.workspace_id,
            tables.PlanItem.verdict.in_(GOES - {Verdict.RECEIPTS}),
            tables.PlanItem.result.is_(None),
            tables.Export.organisation_id == work.organisation_id,
        )
        .order_by(tables.Export.approved_at, tables.Export.id)
    )


def of_one_kind(drafts: Sequence[Draft]) -> list[Draft]:
    """Return those of the first one's kind: a call takes no others."""
    return [draft for draft in drafts if draft.export.kind is drafts[0].export.kind]


def create(work: LaneWork, drafts: Sequence[Draft], batch: str) -> Created:
    """Create the documents of a batch in one call, whose idempotency key is the batch's id."""
    if drafts[0].export.kind is ExportKind.BILL:
        bills = [documents.bill(draft, work.known) for draft in drafts]
        return create_bills(work.api, work.organisation_id, bills, idempotency_key=batch)
    spent = [documents.bank_transaction(draft, work.known) for draft in drafts]
    return create_bank_transactions(work.api, work.organisation_id, spent, idempotency_key=batch)
