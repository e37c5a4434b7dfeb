"""Deep links, as Xero documents them."""

from __future__ import annotations

import pytest

from services.xero.documents import DocumentKind
from services.xero.links import Pointed, bank_transaction_link, bill_link, read_link

LOGIN = "https://go.xero.com/organisationlogin/default.aspx?shortcode=!1lqVQ&redirecturl="


def test_a_bill_opens_in_its_organisation() -> None:
    assert bill_link("!1lqVQ", "7cb5-9f93") == f"{LOGIN}/AccountsPayable/Edit.aspx?InvoiceID=7cb5-9f93"


def test_a_bank_transaction_opens_in_its_organisation() -> None:
    expected = f"{LOGIN}/Bank/ViewTransaction.aspx?bankTransactionID=7cb5-9f93"
    assert bank_transaction_link("!1lqVQ", "7cb5-9f93") == expected


def test_a_strange_code_cannot_lead_elsewhere() -> None:
    assert "&redirecturl=//evil" not in bill_link("!1&redirecturl=//evil", "x&y")
    assert bill_link("!1", "x&y").endswith("InvoiceID=x%26y")


ID = "7cb5e5a4-9f93-4b2c-8d51-0a1b2c3d4e5f"
GO = "https://go.xero.com"
BILL, SPENT = DocumentKind.BILL, DocumentKind.BANK_TRANSACTION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ID, Pointed(ID, None, None)),
        (f"  {ID.upper()}\n", Pointed(ID, None, None)),
        (bill_link("!1lqVQ", ID), Pointed(ID, BILL, "!1lqVQ")),
        (bank_transaction_link("!1lqVQ", ID), Pointed(ID, SPENT, "!1lqVQ")),
        (f"{GO}/AccountsPayable/View.aspx?invoiceID={ID}", Pointed(ID, BILL, None)),
        (f"go.xero.com/AccountsPayable/Edit.aspx?InvoiceID={ID}#top", Pointed(ID, BILL, None)),
        (f"{GO}/Bank/ViewTransaction.aspx?bankTransactionID={ID}", Pointed(ID, SPENT, None)),
        (
            f"{GO}/Bank/ViewTransaction.aspx?accountID={ID[::-1]}&bankTransactionID={ID}",
            Pointed(ID, SPENT, None),
        ),
        (f"{GO}/app/!1lqVQ/bills/view/{ID}", Pointed(ID, BILL, "!1lqVQ")),
        (f"{GO}/app/%211lqVQ/bills/edit/{ID}?from=list", Pointed(ID, BILL, "!1lqVQ")),
        (f"{GO}/app/!1lqVQ/invoicing/view/{ID}", Pointed(ID, None, "!1lqVQ")),  # Xero says what it is
    ],
)
def test_what_the_address_bar_shows_is_read(text: str, expected: Pointed) -> None:
    assert read_link(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EXP-R004211",
        ID[:-1],
        f"{ID}0",
        f"{ID} {ID}",
        f"{GO}/Dashboard",
        f"{GO}/Contacts/View/{ID}",
        f"https://evil.example/AccountsPayable/Edit.aspx?InvoiceID={ID}",
        f"https://go.xero.com.evil.example/app/!1lqVQ/bills/view/{ID}",
        f"javascript:alert(1)//{GO}/?InvoiceID={ID}",
        f"{GO}/AccountsPayable/Edit.aspx?InvoiceID={ID}-0",
        f"{GO}/app/!1lqVQ/bills/view/{ID}" + " " * 9_000 + "x" + "\x00",
    ],
)
def test_anything_else_is_no_document(text: str) -> None:
    assert read_link(text) is None
