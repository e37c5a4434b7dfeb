"""Which scope opens which part of the Accounting API: broad ones of old apps, granular ones of new apps."""

from __future__ import annotations

import pytest

from tests.integration.sandbox.driver import Connected, Driver
from tests.integration.sandbox.papers import bill, spend

CALLS = {
    "settings": ("GET", "/Accounts", None),
    "read contacts": ("GET", "/Contacts", None),
    "write contacts": ("PUT", "/Contacts", {"Name": "Zed Taxis"}),
    "read bills": ("GET", "/Invoices", None),
    "write bills": ("PUT", "/Invoices", bill()),
    "read payments": ("GET", "/BankTransactions", None),
    "write payments": ("PUT", "/BankTransactions", spend()),
}


def opened(sandbox: Driver, who: Connected) -> set[str]:
    """Return which calls pass; every other one must be the 401 of a missing scope."""
    passed = set()
    for name, (method, path, payload) in CALLS.items():
        answer = sandbox.http.request(method, f"/api.xro/2.0{path}", json=payload, headers=who.headers)
        if answer.is_success:
            passed.add(name)
        else:
            assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    return passed


@pytest.mark.parametrize(
    ("scope", "calls"),
    [
        ("accounting.settings.read", {"settings"}),
        ("accounting.contacts.read", {"read contacts"}),
        ("accounting.contacts", {"read contacts", "write contacts"}),
        ("accounting.invoices.read", {"read bills"}),
        ("accounting.invoices", {"read bills", "write bills"}),
        ("accounting.banktransactions", {"read payments", "write payments"}),
        ("accounting.transactions.read", {"read bills", "read payments"}),
        (
            "accounting.transactions",
            {"read bills", "write bills", "read payments", "write payments"},
        ),
    ],
)
def test_a_scope_opens_its_calls_and_no_others(sandbox: Driver, scope: str, calls: set[str]) -> None:
    assert opened(sandbox, sandbox.connected(scopes=[scope])) == calls
