"""The scopes Xero knows, broad and granular, and how the consent page words them."""

from __future__ import annotations

_IDENTITY = ("openid", "profile", "email")
_OFFLINE = "offline_access"

#: Each has a `.read` form beside it.
_FULL = {
    "accounting.transactions": "bills, invoices, payments and bank transactions",
    "accounting.invoices": "bills and invoices",
    "accounting.payments": "payments",
    "accounting.banktransactions": "bank transactions",
    "accounting.manualjournals": "manual journals",
    "accounting.contacts": "contacts",
    "accounting.settings": "organisation settings, accounts and tax rates",
    "accounting.attachments": "attached files",
}

_READ = {
    **{f"{scope}.read": what for scope, what in _FULL.items()},
    "accounting.journals.read": "journals",
    "accounting.budgets.read": "budgets",
    "accounting.reports.read": "reports",
    "accounting.reports.aged.read": "aged reports",
    "accounting.reports.balancesheet.read": "balance sheet",
    "accounting.reports.banksummary.read": "bank summary",
    "accounting.reports.budgetsummary.read": "budget summary",
    "accounting.reports.executivesummary.read": "executive summary",
    "accounting.reports.profitandloss.read": "profit and loss",
    "accounting.reports.trialbalance.read": "trial balance",
    "accounting.reports.taxreports.read": "tax reports",
}

#: Every scope an app may ask for.
SCOPES = frozenset({*_IDENTITY, _OFFLINE, *_FULL, *_READ})

#: What a consent of the past covers unless it says otherwise: all that exporting expenses needs.
USUAL_SCOPES = [
    *_IDENTITY,
    _OFFLINE,
    "accounting.settings.read",
    "accounting.contacts",
    "accounting.invoices",
    "accounting.banktransactions",
    "accounting.manualjournals",
    "accounting.attachments",
]


def in_words(asked: list[str]) -> list[str]:
    """Word the asked scopes for a person, one sentence for each kind of access."""
    changed = [what for scope, what in _FULL.items() if scope in asked]
    read = [what for scope, what in _READ.items() if scope in asked and what not in changed]
    sentences = {
        "View your name and email address": any(scope in asked for scope in _IDENTITY),
        f"View and change: {', '.join(changed)}": changed,
        f"View: {', '.join(read)}": read,
        "Stay connected while you are away": _OFFLINE in asked,
    }
    return [sentence for sentence, applies in sentences.items() if applies]
