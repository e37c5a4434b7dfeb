"""The paths of the Accounting API and the scopes that open them, broad and granular."""

from __future__ import annotations

import re

from starlette.routing import Route

from services.sandbox.accounting import bank_transactions as bank
from services.sandbox.accounting import contacts, invoice_writing, invoices, reference
from services.sandbox.accounting.attachments import get_attachment, list_attachments, put_attachment
from services.sandbox.accounting.call import Work, endpoint
from services.sandbox.accounting.history import get_history, put_history
from services.sandbox.accounting.models import Kind

_SETTINGS = ("accounting.settings",)
_CONTACTS = ("accounting.contacts",)
_INVOICES = ("accounting.transactions", "accounting.invoices")
_BANK = ("accounting.transactions", "accounting.banktransactions")
_ATTACHMENTS = ("accounting.attachments",)


def _get(path: str, work: Work, scopes: tuple[str, ...]) -> Route:
    reading = tuple(f"{scope}.read" for scope in scopes)
    return _route("GET", path, work, scopes + reading)


def _route(method: str, path: str, work: Work, scopes: tuple[str, ...]) -> Route:
    """Make a route that, like Xero's, does not mind the case of its path."""
    route = Route(path, endpoint(work, *scopes), methods=[method])
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return route


def _write(path: str, work: Work, scopes: tuple[str, ...]) -> list[Route]:
    return [_route("PUT", path, work, scopes), _route("POST", path, work, scopes)]


def _hangers_on(path: str, kind: Kind, scopes: tuple[str, ...]) -> list[Route]:
    """Return the routes of a document's files and history."""
    files = f"{path}/{{id}}/Attachments"
    history = f"{path}/{{id}}/History"
    return [
        _get(files, list_attachments(kind), _ATTACHMENTS),
        _get(files + "/{name}", get_attachment(kind), _ATTACHMENTS),
        *_write(files + "/{name}", put_attachment(kind), _ATTACHMENTS),
        _get(history, get_history(kind), scopes),
        *_write(history, put_history(kind), scopes),
    ]


routes: list[Route] = [
    _get("/Organisation", reference.get_organisation, _SETTINGS),
    _get("/Organisations", reference.get_organisation, _SETTINGS),
    _get("/Accounts", reference.get_accounts, _SETTINGS),
    _get("/Accounts/{id}", reference.get_account, _SETTINGS),
    _get("/TaxRates", reference.get_tax_rates, _SETTINGS),
    _get("/TaxRates/{tax_type}", reference.get_tax_rates, _SETTINGS),
    _get("/TrackingCategories", reference.get_tracking_categories, _SETTINGS),
    _get("/Currencies", reference.get_currencies, _SETTINGS),
    _get("/Contacts", contacts.get_contacts, _CONTACTS),
    _get("/Contacts/{id}", contacts.get_contact, _CONTACTS),
    _route("PUT", "/Contacts", contacts.put_contacts, _CONTACTS),
    _route("POST", "/Contacts", contacts.post_contacts, _CONTACTS),
    _route("POST", "/Contacts/{id}", contacts.post_contacts, _CONTACTS),
    _get("/Invoices", invoices.get_invoices, _INVOICES),
    _get("/Invoices/{id}", invoices.get_invoice, _INVOICES),
    _route("PUT", "/Invoices", invoice_writing.put_invoices, _INVOICES),
    _route("POST", "/Invoices", invoice_writing.post_invoices, _INVOICES),
    _route("POST", "/Invoices/{id}", invoice_writing.post_invoice, _INVOICES),
    *_hangers_on("/Invoices", Kind.INVOICE, _INVOICES),
    _get("/BankTransactions", bank.get_bank_transactions, _BANK),
    _get("/BankTransactions/{id}", bank.get_bank_transaction, _BANK),
    _route("PUT", "/BankTransactions", bank.put_bank_transactions, _BANK),
    _route("POST", "/BankTransactions", bank.post_bank_transactions, _BANK),
    _route("POST", "/BankTransactions/{id}", bank.post_bank_transactions, _BANK),
    *_hangers_on("/BankTransactions", Kind.BANK_TRANSACTION, _BANK),
]
