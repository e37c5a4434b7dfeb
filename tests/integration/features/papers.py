"""Receipts for tests: brought in as people bring them, and looked at in the store and in Xero."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from services.intake import receipts as intake
from services.intake.receipts import Upload
from services.store import tables
from services.store.states import ReceiptState
from tests.integration.office import Office, Shop

#: The call that attaches a receipt, as `Office.fault` wants it.
TO_BILLS = "Invoices/.*/Attachments/.*"
TOO_LARGE = '{"ErrorNumber": 10, "Message": "The attachment is larger than the maximum of 10 MB"}'


def bring(office: Office, export_id: int, *suffixes: str, content: bytes = b"%PDF-1.7 a taxi") -> None:
    """Bring in receipts of an export: `-1.pdf` is kept under the report's number with that behind it."""
    report_id = office.export(export_id).report_id
    uploads = [Upload(f"{report_id}{suffix}", len(content), lambda: content) for suffix in suffixes]
    with office.desk.store.begin() as session:
        assert intake.take_in(session, office.agent, uploads).refused == ()


def stored(office: Office, export_id: int) -> list[tables.Receipt]:
    """Return the receipts of an export as they are stored, by name."""
    receipt = tables.Receipt
    with office.desk.store.read() as session:
        found = select(receipt).where(receipt.export_id == export_id).order_by(receipt.file_name)
        return list(session.scalars(found))


def states(office: Office, export_ids: Sequence[int]) -> list[ReceiptState]:
    """Return the states of the receipts of these exports, in the order of the exports and the names."""
    return [receipt.state for export_id in export_ids for receipt in stored(office, export_id)]


def in_xero(office: Office, shop: Shop) -> dict[str, list[str]]:
    """Return what the names of the files at each document in Xero have behind the report's number."""
    return {
        document["number"]: [
            name.removeprefix(document["number"].removeprefix("EXP-")) for name in document["attachments"]
        ]
        for document in office.ledger(shop)["documents"]
    }


def calls(office: Office, shop: Shop) -> int:
    """Return how often the organisation was sent a receipt for a bill."""
    by_path = office.calls(shop)["by_path"]
    return sum(number for path, number in by_path.items() if path.startswith("PUT") and "/Attach" in path)
