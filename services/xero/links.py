"""Addresses that open one document in Xero, in the right organisation."""

from __future__ import annotations

from urllib.parse import quote

_LOGIN = "https://go.xero.com/organisationlogin/default.aspx"


def bill_link(short_code: str, invoice_id: str) -> str:
    """Open a bill; `short_code` is `OrganisationDetails.short_code`."""
    return _link(short_code, f"/AccountsPayable/Edit.aspx?InvoiceID={quote(invoice_id, safe='')}")


def bank_transaction_link(short_code: str, bank_transaction_id: str) -> str:
    """Open a spend-money transaction; `short_code` is `OrganisationDetails.short_code`."""
    return _link(
        short_code, f"/Bank/ViewTransaction.aspx?bankTransactionID={quote(bank_transaction_id, safe='')}"
    )


def _link(short_code: str, path: str) -> str:
    # The inner address stays unencoded: that is how Xero documents its deep links.
    return f"{_LOGIN}?shortcode={quote(short_code, safe='!')}&redirecturl={path}"
