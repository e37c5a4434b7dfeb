"""Hands for tests of marks: what is entered in Xero by hand, asked for, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services import marking, marks
from services.marks import MarkView
from services.members import Member
from services.store.states import (
    ExportState,
    MarkState,
)
from tests.integration.office import Office, Shop

WHY = "Entered by hand while it was broken."
SOMEWHERE = "7cb5e5a4-9f93-4b2c-8d51-0a1b2c3d4e5f"
LATER = timedelta(hours=1)


def by_hand(office: Office, shop: Shop, *, kind: str = "invoice", **changes: Any) -> str:
    """Enter a document in Xero itself, and return its id."""
    document = {
        "organisation": shop.organisation_id,
        "kind": kind,
        "number": "by hand",
        "contact": "Acme",
        "date": "2026-10-01",
        "total": "12.50",
        "currency": "GBP",
    }
    made = office.xero.http.post("/sandbox/documents", json=[document | changes])
    assert made.is_success, made.text
    return str(made.json()[0]["id"])


def sold(office: Office, shop: Shop) -> str:
    """Enter a sales invoice in Xero, over its API, and return its id."""
    token, _ = office.desk.vault.open(office.grant(shop).tokens)
    line = {"Description": "Work", "Quantity": 1, "UnitAmount": 12.5, "AccountCode": "200"}
    invoice = {"Type": "ACCREC", "Contact": {"Name": "Acme"}, "Date": "2026-10-01", "LineItems": [line]}
    answer = office.xero.http.put(
        "/api.xro/2.0/Invoices",
        json={"Invoices": [invoice]},
        headers={
            "Authorization": f"Bearer {token}",
            "xero-tenant-id": shop.organisation_id,
            "Accept": "application/json",
        },
    )
    assert answer.is_success, answer.text
    return str(answer.json()["Invoices"][0]["InvoiceID"])


def ask(
    office: Office, export_id: int, link: str, *, reason: str = WHY, member: Member | None = None
) -> None:
    with office.desk.store.begin() as session:
        marking.ask(session, member or office.agent, export_id, link, reason)


def back(office: Office, export_id: int, reason: str = "It was another one.") -> None:
    with office.desk.store.begin() as session:
        marking.take_back(session, office.agent, export_id, reason)


def mark_of(office: Office, export_id: int) -> MarkView:
    with office.desk.store.read() as session:
        return marks.of_export(session, export_id)[0]


def outcome(office: Office, export_id: int) -> tuple[MarkState, ExportState]:
    return mark_of(office, export_id).state, office.export(export_id).state


CONFIRMED = (MarkState.CONFIRMED, ExportState.DELIVERED)
