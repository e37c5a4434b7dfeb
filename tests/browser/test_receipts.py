"""Receipts, as people bring them: dropped on a page, attached by a retry, there in Xero."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import expect
from sqlalchemy import select

from services import narrowing, receipts
from services.members import Member
from services.store import tables
from services.store.engine import open_store
from services.store.states import ExportKind, ExportState, Health, Role
from tests.browser.desk import AGENT, Window
from tests.house import House

LONG_MS = 60_000
EVERYBODY = Member("ada@relink.example", "Ada", Role.AGENT)


def test_a_receipt_is_dropped_refused_or_taken_in_and_attached_by_a_retry(
    window: Callable[[], Window], demo: House, tmp_path: Path
) -> None:
    export, lacking = a_delivered_one(demo)
    good, foreign, large = f"{export.report_id}-taxi.pdf", "scan.pdf", f"{export.report_id}-all.pdf"
    for name, content in ((good, b"%PDF-1.4 a taxi"), (foreign, b"%PDF-1.4"), (large, bytes(11 * 1024**2))):
        (tmp_path / name).write_bytes(content)
    page = window().sign_in(AGENT, "/import-reports")
    page.locator("input[type=file]").last.set_input_files(
        [tmp_path / name for name in (good, foreign, large)], timeout=LONG_MS
    )
    page.get_by_role("button", name="Import 3 receipts").click()
    refused = page.get_by_role("table", name="Refused receipts")
    expect(refused.get_by_role("row", name=foreign)).to_contain_text("the number of no report here")
    expect(refused.get_by_role("row", name=large)).to_contain_text("XERO08: it has 11.0 MB")
    expect(page.get_by_text(f"{lacking + 1} documents in Xero without all receipts")).to_be_visible()
    page.get_by_role("button", name=f"Plan a retry of {lacking + 1} exports").click()
    expect(page.get_by_text("in Xero, will attach receipts").first).to_be_visible()
    page.get_by_role("button", name=f"Retry {lacking + 1} exports").click()
    expect(page.get_by_text(f"{lacking + 1} of {lacking + 1} exports")).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_text("In Xero, with 1 receipt.").first).to_be_visible(timeout=LONG_MS)
    assert good in files_in_xero(demo, export)


def a_delivered_one(demo: House) -> tuple[tables.Export, int]:
    """Return a document of a healthy workspace that lacks no receipt, and how many others do."""
    store = open_store(demo.database_url)
    with store.read() as session:
        lacking = set(session.scalars(narrowing.ids(receipts.lacking(EVERYBODY))))
        export = session.scalars(
            select(tables.Export)
            .join(tables.Connection, tables.Connection.workspace_id == tables.Export.workspace_id)
            .where(tables.Export.state == ExportState.DELIVERED, tables.Export.id.not_in(lacking))
            .where(tables.Connection.health == Health.HEALTHY, tables.Export.kind == ExportKind.BILL)
            .order_by(tables.Export.approved_at.desc())
        ).first()
        assert export is not None
    store.close()
    return export, len(lacking)


def files_in_xero(demo: House, export: tables.Export) -> list[str]:
    answer = httpx.get(f"{demo.sandbox_url}/sandbox/ledger", params={"organisation": export.organisation_id})
    return [
        name
        for document in answer.json()["documents"]
        if document["number"] == export.number
        for name in document["attachments"]
    ]
