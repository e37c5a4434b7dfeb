"""What is in Xero, held against what the store says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState
from tests.integration.office import LONG_AGO, Office, Shop
from tests.patience import until


def assert_each_once(office: Office, shop: Shop, ids: Sequence[int]) -> None:
    """All of them are delivered under the id of the one document in Xero that has their number."""
    ledger = office.ledger(shop)
    in_xero = {document["number"]: document["id"] for document in ledger["documents"]}
    stored = [office.export(export_id) for export_id in ids]
    assert {export.state for export in stored} == {ExportState.DELIVERED}
    assert {export.number: export.xero_id for export in stored} == in_xero
    assert (ledger["count"], ledger["duplicates"]) == (len(ids), {})


def wait_for_calls(office: Office, shop: Shop, path: str, number: int) -> None:
    """Wait until a call whose caller is gone has done its work all the same."""
    until(lambda: office.calls(shop)["by_path"].get(path, 0) >= number)


def put_in_xero(office: Office, shop: Shop, export_id: int, status: str, **given: Any) -> str:
    """Let Xero have a document of this export already; return its id."""
    export = office.export(export_id)
    bill = export.kind is ExportKind.BILL
    paper = {
        "organisation": shop.organisation_id,
        "kind": "invoice" if bill else "bank_transaction",
        "number": export.number,
        "contact": "Amelia Ward",
        "date": (utcnow() - LONG_AGO).date().isoformat(),
        "total": str(export.amount),
        "currency": export.currency,
        "status": status,
    }
    answer = office.xero.http.post("/sandbox/documents", json=[paper | given])
    return str(answer.json()[0]["id"])


def contacts_in_xero(office: Office, shop: Shop) -> list[str]:
    """Return the names of the organisation's contacts, archived ones included."""
    every = {"includeArchived": "true"}
    found = office.xero.http.get("/api.xro/2.0/Contacts", params=every, headers=headers(office, shop))
    return sorted(contact["Name"] for contact in found.json()["Contacts"])


def headers(office: Office, shop: Shop) -> dict[str, str]:
    """Return what lets a call into the organisation, as its Xero user."""
    return {
        "Authorization": f"Bearer {office.consent_kept(shop)}",
        "xero-tenant-id": shop.organisation_id,
        "Accept": "application/json",
    }


def attempts(office: Office, *export_ids: int) -> list[tables.Attempt]:
    """Return the attempts at these exports, the first one first."""
    with office.desk.store.read() as session:
        found = select(tables.Attempt).where(tables.Attempt.export_id.in_(export_ids))
        return list(session.scalars(found.order_by(tables.Attempt.id)))
