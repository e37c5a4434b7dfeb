"""Some exports of the demo world get receipts, named and taken in as people bring them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.audit import SYSTEM
from services.demo import papers
from services.demo.history import Rows
from services.intake.receipts import Upload, take_in
from services.members import Member
from services.store import tables
from services.store.states import ExportKind, ExportState, ReceiptState, Role

EVERY = 4  # of the exports that wait for Xero, each such one has a receipt
LATE = 3  # documents that are in Xero without theirs
SILENT = "Xero did not answer (ReadTimeout)."


def store(session: Session, rows: Rows, *, now: datetime) -> None:
    """Give some waiting exports receipts, and some documents in Xero one that is still to be attached."""
    waiting = [row for row in rows.exports if row["state"] is not ExportState.DELIVERED]
    late = _late(rows)
    uploads = [upload for row in [*waiting[::EVERY], *late] for upload in _of(row, rows)]
    take_in(session, Member(SYSTEM, SYSTEM, Role.OWNER), uploads)
    _fail(session, late[0]["id"], now - timedelta(hours=20))


def _late(rows: Rows) -> Sequence[Mapping[str, Any]]:
    broken = {row["organisation_id"] for row in rows.exports if row.get("code") == "XERO11"}
    delivered = [
        row
        for row in rows.exports
        if row["state"] is ExportState.DELIVERED and row["organisation_id"] not in broken
    ]
    return sorted(delivered, key=lambda row: row["approved_at"])[-LATE:]


def _of(export: Mapping[str, Any], rows: Rows) -> Iterator[Upload]:
    lines = [line for line in rows.lines if line["export_id"] == export["id"]]
    is_card = export["kind"] is ExportKind.BANK_TRANSACTION
    place = f"-L{lines[0]['position']}" if is_card else ""
    for number, line in enumerate(lines, start=1):
        amount = f"{export['currency']} {line['amount']:,.2f}"
        content = papers.pdf(
            [line["merchant"], f"{line['spent_on']:%d %b %Y}", "", "Total", amount, "", "Paid"]
        )
        name = f"{export['report_id']}{place}-{number}.pdf"
        yield Upload(name, len(content), partial(bytes, content))


def _fail(session: Session, export_id: int, at: datetime) -> None:
    receipt = session.scalars(select(tables.Receipt).where(tables.Receipt.export_id == export_id)).first()
    if receipt is not None:
        receipt.state, receipt.message, receipt.tried_at = ReceiptState.FAILED, SILENT, at
