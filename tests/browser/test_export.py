"""One export in a real browser: marked by its link in Xero, seen confirmed, and taken back."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from playwright.sync_api import expect
from sqlalchemy import select

from services.store import tables
from services.store.engine import open_store
from services.store.states import ExportKind, ExportState, Health
from services.xero import links
from tests.browser.desk import AGENT, Window
from tests.house import House

OpenWindow = Callable[[], Window]


def failed_bill(house: House) -> tuple[tables.Export, tables.Organisation]:
    """Return a bill that failed in a workspace whose connection works, and its organisation."""
    store = open_store(house.database_url)
    with store.read() as session:
        found = session.execute(
            select(tables.Export, tables.Organisation)
            .join(tables.Organisation, tables.Organisation.id == tables.Export.organisation_id)
            .join(tables.Connection, tables.Connection.workspace_id == tables.Export.workspace_id)
            .where(
                tables.Export.state == ExportState.FAILED,
                tables.Export.kind == ExportKind.BILL,
                tables.Connection.health == Health.HEALTHY,
            )
            .order_by(tables.Export.id)
            .limit(1)
        ).one()
    store.close()
    return found[0], found[1]


def entered_by_hand(house: House, export: tables.Export) -> str:
    """Enter the export's bill in Xero itself, and return its id."""
    bill = {
        "organisation": export.organisation_id,
        "kind": "invoice",
        "number": "by hand",
        "contact": "Acme",
        "date": "2026-10-01",
        "total": str(export.amount),
        "currency": export.currency,
    }
    made = httpx.post(f"{house.sandbox_url}/sandbox/documents", json=[bill])
    assert made.is_success, made.text
    return str(made.json()[0]["id"])


def test_an_export_is_marked_by_its_link_confirmed_by_xero_and_taken_back(window: OpenWindow) -> None:
    desk = window()
    export, organisation = failed_bill(desk.house)
    link = links.bill_link(organisation.short_code or "", entered_by_hand(desk.house, export))
    page = desk.sign_in(AGENT, f"/export?id={export.id}")
    expect(page.get_by_text("It is not in Xero because of")).to_be_visible()

    page.get_by_role("button", name="Mark as already in Xero").click()
    page.get_by_label("Link to the document in Xero").fill(link)
    page.get_by_label("Reason").fill("Entered by hand while it was broken")
    page.get_by_role("button", name="Check in Xero").click()
    expect(page.get_by_text("It is in Xero.")).to_be_visible()  # the page follows by itself
    expect(page.get_by_role("link", name="Open in Xero")).to_have_attribute("href", link)

    page.get_by_role("button", name="Take back").click()
    page.get_by_label("Reason").fill("It was the bill of another month")
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(page.get_by_text("It is not in Xero because of")).to_be_visible()
    expect(page.get_by_text("Mark taken back")).to_be_visible()


def test_every_attempt_fits_a_phone(window: OpenWindow) -> None:
    desk = window()
    desk.page.set_viewport_size({"width": 390, "height": 800})
    page = desk.sign_in(AGENT, f"/export?id={delivered(desk.house)}")
    expect(page.get_by_text("Idempotency key").last).to_be_visible()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def delivered(house: House) -> int:
    """Return the id of an export that was sent."""
    store = open_store(house.database_url)
    with store.read() as session:
        found = session.scalar(select(tables.Attempt.export_id).limit(1))
    store.close()
    assert found is not None
    return found
