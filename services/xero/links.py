"""Addresses that open one document in Xero, in the right organisation: written, and read again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from services.xero.documents import DocumentKind

_LOGIN = "https://go.xero.com/organisationlogin/default.aspx"

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_BARE = re.compile(_ID, re.IGNORECASE)
_AT_XERO = re.compile(r"(?:https?://)?go\.xero\.com/", re.IGNORECASE)
_PARAMETER = re.compile(rf"[?&](invoice|banktransaction)id=({_ID})(?![\w-])", re.IGNORECASE)
_PATH = re.compile(rf"/app/!\w+/([\w-]+)/(?:view|edit)/({_ID})(?![\w-])", re.IGNORECASE)
_SHORT_CODE = re.compile(r"(?:[?&]shortcode=|/app/)(!\w+)", re.IGNORECASE)
_KINDS = {
    "bills": DocumentKind.BILL,
    "banktransaction": DocumentKind.BANK_TRANSACTION,
    "bank-transactions": DocumentKind.BANK_TRANSACTION,
}
_LONGEST = 2_000  # characters of a link; no browser's address bar gives a longer one of Xero


@dataclass(frozen=True, slots=True)
class Pointed:
    """What a link to a document in Xero says; what it leaves open is None."""

    xero_id: str  #: lower case
    kind: DocumentKind | None
    short_code: str | None  #: of the organisation


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


def read_link(text: str) -> Pointed | None:
    """Read what Xero's address bar shows for a document, or its bare id; None for anything else."""
    text = unquote(text.strip())
    if len(text) > _LONGEST:
        return None
    if _BARE.fullmatch(text):
        return Pointed(text.lower(), None, None)
    if not _AT_XERO.match(text) or not (found := _PARAMETER.search(text) or _PATH.search(text)):
        return None
    name, xero_id = found[1].lower(), found[2].lower()
    # An "invoice" of the address bar may be a bill as well as a sales invoice, never a bank transaction.
    kind = DocumentKind.BILL if name == "invoice" else _KINDS.get(name)
    short_code = _SHORT_CODE.search(text)
    return Pointed(xero_id, kind, short_code[1] if short_code else None)
