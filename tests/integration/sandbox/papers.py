"""Builders of the papers that tests send: bills and card payments."""

from __future__ import annotations

from typing import Any

from tests.integration.sandbox.driver import Connected, Driver

ACCOUNTING = "/api.xro/2.0"


def bill(number: str = "EXP-1", **changes: Any) -> dict[str, Any]:
    """Return a good approved bill of 12.50 for a taxi, changed; `None` leaves a field out."""
    good = {
        "Type": "ACCPAY",
        "Contact": {"Name": "Parkway Cabs"},
        "InvoiceNumber": number,
        "Date": "2026-10-01",
        "DueDate": "2026-10-31",
        "LineAmountTypes": "Inclusive",
        "Status": "AUTHORISED",
        "LineItems": [line()],
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def line(**changes: Any) -> dict[str, Any]:
    """Return a good line of 12.50, with changes."""
    return {
        "Description": "Taxi",
        "Quantity": 1,
        "UnitAmount": 12.5,
        "AccountCode": "493",
        "TaxType": "INPUT2",
    } | changes


def spend(reference: str = "CARD-1", **changes: Any) -> dict[str, Any]:
    """Return a good card payment of 12.50, changed; `None` leaves a field out."""
    good = {
        "Type": "SPEND",
        "Contact": {"Name": "Corner Coffee House"},
        "BankAccount": {"Code": "091"},
        "Reference": reference,
        "Date": "2026-10-01",
        "LineAmountTypes": "Inclusive",
        "LineItems": [line(Description="Coffee", AccountCode="420", TaxType="NONE")],
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def send(
    sandbox: Driver, who: Connected, method: str, path: str, payload: Any = None, **query: str
) -> tuple[int, Any]:
    """Call the Accounting API; returns status and JSON."""
    answer = sandbox.http.request(method, ACCOUNTING + path, json=payload, params=query, headers=who.headers)
    return answer.status_code, answer.json()


def create(sandbox: Driver, who: Connected, *bills: dict[str, Any]) -> list[dict[str, Any]]:
    """Create bills that must all be accepted."""
    status, body = send(sandbox, who, "PUT", "/Invoices", {"Invoices": list(bills)})
    assert status == 200, body
    created: list[dict[str, Any]] = body["Invoices"]
    return created


def messages(element: dict[str, Any]) -> list[str]:
    """Return why an element was refused."""
    return [error["Message"] for error in element.get("ValidationErrors", [])]
