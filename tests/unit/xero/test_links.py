"""Deep links, as Xero documents them."""

from __future__ import annotations

from services.xero.links import bank_transaction_link, bill_link

LOGIN = "https://go.xero.com/organisationlogin/default.aspx?shortcode=!1lqVQ&redirecturl="


def test_a_bill_opens_in_its_organisation() -> None:
    assert bill_link("!1lqVQ", "7cb5-9f93") == f"{LOGIN}/AccountsPayable/Edit.aspx?InvoiceID=7cb5-9f93"


def test_a_bank_transaction_opens_in_its_organisation() -> None:
    expected = f"{LOGIN}/Bank/ViewTransaction.aspx?bankTransactionID=7cb5-9f93"
    assert bank_transaction_link("!1lqVQ", "7cb5-9f93") == expected


def test_a_strange_code_cannot_lead_elsewhere() -> None:
    assert "&redirecturl=//evil" not in bill_link("!1&redirecturl=//evil", "x&y")
    assert bill_link("!1", "x&y").endswith("InvoiceID=x%26y")
