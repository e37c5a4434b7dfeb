"""Failed exports by the thousand, inserted at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import insert, select

from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState
from tests.integration.office import ACCOUNT, TAX, Office, Shop

LONG_AGO = timedelta(days=30)
_number = count(1)


def failed_exports(office: Office, shops: Sequence[Shop], *, bills: int, card_payments: int = 0) -> list[int]:
    """Give each workspace so many exports that failed with XERO11, kinds mixed; return all ids."""
    approved_at = utcnow() - LONG_AGO
    exports = [
        _export(shop, kind, approved_at + timedelta(seconds=minute))
        for shop in shops
        for minute, kind in enumerate(_mixed(bills, card_payments))
    ]
    with office.desk.store.begin() as session:
        session.execute(insert(tables.Report), [_report(export) for export in exports])
        session.execute(insert(tables.Export), exports)
        numbers = [export["number"] for export in exports]
        known = select(tables.Export.number, tables.Export.id).where(tables.Export.code == "XERO11")
        ids = dict(session.execute(known).all())
        session.execute(insert(tables.ReportLine), [_line(export, ids) for export in exports])
    return [ids[number] for number in numbers]


def _mixed(bills: int, card_payments: int) -> Iterator[ExportKind]:
    """Spread the fewer evenly among the more."""
    total = bills + card_payments
    for position in range(total):
        before, after = position * card_payments // total, (position + 1) * card_payments // total
        yield ExportKind.BANK_TRANSACTION if after > before else ExportKind.BILL


def _export(shop: Shop, kind: ExportKind, approved_at: datetime) -> dict[str, Any]:
    report_id = f"B{next(_number):07}"
    return {
        "number": f"EXP-{report_id}",
        "report_id": report_id,
        "workspace_id": shop.workspace_id,
        "organisation_id": shop.organisation_id,
        "kind": kind,
        "amount": Decimal("12.50"),
        "currency": shop.organisation["currency"],
        "approved_at": approved_at,
        "state": ExportState.FAILED,
        "code": "XERO11",
        "message": "The connection to Xero has expired.",
        "failed_at": approved_at,
    }


def _report(export: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": export["report_id"],
        "workspace_id": export["workspace_id"],
        "title": "Client visit",
        "submitter_name": "Amelia Ward",
        "submitter_email": "amelia@shop.example",
        "currency": export["currency"],
        "approved_at": export["approved_at"],
    }


def _line(export: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    return {
        "report_id": export["report_id"],
        "position": 1,
        "export_id": ids[export["number"]],
        "spent_on": export["approved_at"].date(),
        "merchant": "Parkway Cabs",
        "amount": export["amount"],
        "account_code": ACCOUNT,
        "tax_type": TAX,
    }
