"""What documents are made from, for tests: a usual report, and what was imported from Xero."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from services.documents import Draft
from services.reference import Imported
from services.store import tables
from services.store.states import ExportKind

ACTIVE, ARCHIVED = {"status": "ACTIVE"}, {"status": "ARCHIVED"}
CREDITORS = {"system_account": "CREDITORS"}
KNOWN = Imported(
    accounts={
        "493": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": "INPUT2", **ACTIVE},
        "494": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": None, **ACTIVE},
        "495": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": "INPUT2", **ARCHIVED},
        "091": {"type": "BANK", "class_": "ASSET", "tax_type": None, **ACTIVE},
        "092": {"type": "BANK", "class_": "ASSET", "tax_type": None, **ARCHIVED},
        "800": {"type": "CURRLIAB", "class_": "LIABILITY", "tax_type": "NONE", **ACTIVE, **CREDITORS},
        "499": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": "OUTPUT2", **ACTIVE},
    },
    tax_rates={
        "INPUT2": {"applies_to": ["EXPENSE"], **ACTIVE},
        "NONE": {"applies_to": ["EXPENSE", "LIABILITY"], **ACTIVE},
        "OUTPUT2": {"applies_to": ["REVENUE"], **ACTIVE},
        "OLD": {"applies_to": ["EXPENSE"], "status": "DELETED"},
    },
    tracking={
        "Region": {
            "id": "region",
            "options": [
                {"id": "north", "name": "North", **ACTIVE},
                {"id": "west", "name": "West", **ARCHIVED},
            ],
        }
    },
    contacts={"Amelia Ward": {"id": "amelia", **ACTIVE}, "Ben Okafor": {"id": "ben", **ARCHIVED}},
    currencies=frozenset({"GBP", "USD"}),
    period_lock_date=None,
    end_of_year_lock_date=date(2026, 3, 31),
)


def line(**given: Any) -> tables.ReportLine:
    usual: dict[str, Any] = {
        "position": 1,
        "spent_on": date(2026, 9, 24),
        "merchant": "Parkway Cabs",
        "amount": Decimal("12.50"),
        "account_code": "493",
        "tax_type": "INPUT2",
    }
    return tables.ReportLine(**usual | given)


def draft(
    *lines: tables.ReportLine,
    kind: ExportKind = ExportKind.BILL,
    submitter: str = "Amelia Ward",
    card: str | None = "091",
    currency: str = "GBP",
    number: str = "EXP-R1",
    receipts: Sequence[int] = (),
) -> Draft:
    """Return a report with one usual expense, or with these; `receipts` are the sizes of its files."""
    export = tables.Export(number=number, kind=kind, currency=currency, amount=Decimal("12.50"))
    report = tables.Report(submitter_name=submitter, approved_at=datetime(2026, 9, 30, tzinfo=UTC))
    files = tuple(tables.Receipt(file_name="taxi.pdf", size_bytes=size) for size in receipts)
    return Draft(export, report, lines or (line(),), card, files)
