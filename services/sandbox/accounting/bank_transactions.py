"""Bank transactions: money spent (SPEND) and received (RECEIVE)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from services.sandbox.accounting.call import Call, Invalid, Item, save_each
from services.sandbox.accounting.chart import Chart, load_chart
from services.sandbox.accounting.checks import (
    AMOUNT_TYPES,
    check_characters,
    check_choice,
    check_contact,
    check_currency,
    check_day,
    check_locks,
)
from services.sandbox.accounting.contacts import ContactBook
from services.sandbox.accounting.documents import (
    find_document,
    load_by_id,
    select_documents,
    show_document,
)
from services.sandbox.accounting.lines import LineRules, price_lines
from services.sandbox.accounting.listing import list_rows
from services.sandbox.accounting.models import OLDEST_FIRST, Account, Contact, Document, Kind
from services.sandbox.models import new_id

_TYPES = ("SPEND", "RECEIVE")
_LONGEST_REFERENCE = 255
_COLUMNS = {
    "banktransactionid": Document.id,
    "type": Document.type,
    "status": Document.status,
    "reference": Document.reference,
    "date": Document.date,
    "total": Document.total,
    "currencycode": Document.currency,
    "updateddateutc": Document.updated_at,
    "contact.contactid": Document.contact_id,
    "contact.name": Contact.name,
    "bankaccount.accountid": Document.bank_account_id,
}


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the elements of one call are checked against, read once for all of them."""

    call: Call
    chart: Chart
    contacts: ContactBook
    by_id: dict[str, Document]


def get_bank_transactions(call: Call) -> Response:
    """List bank transactions of every status; a list without pages has no line items."""
    wanted = select_documents(call, Kind.BANK_TRANSACTION)
    listed = list_rows(call, wanted, columns=_COLUMNS, order=OLDEST_FIRST, updated_at=Document.updated_at)
    shown = [_show(row, lines=listed.paged) for row in listed.rows]
    return call.ok("BankTransactions", shown, **listed.extra)


def get_bank_transaction(call: Call) -> Response:
    """Answer with one bank transaction."""
    found = find_document(call, Kind.BANK_TRANSACTION, call.request.path_params["id"])
    return call.ok("BankTransactions", [_show(found, lines=True)])


def put_bank_transactions(call: Call) -> Response:
    """Create bank transactions; a reference that exists already is no obstacle."""
    elements = [{**element, "BankTransactionID": None} for element in call.elements("BankTransactions")]
    return _save_all(call, elements)


def post_bank_transactions(call: Call) -> Response:
    """Create bank transactions, or change those that carry an id."""
    elements = call.elements("BankTransactions")
    if id_ := call.request.path_params.get("id"):
        found = find_document(call, Kind.BANK_TRANSACTION, id_)
        elements = [{**element, "BankTransactionID": found.id} for element in elements]
    return _save_all(call, elements)


def _save_all(call: Call, elements: list[Item]) -> Response:
    references = [element["Contact"] for element in elements if isinstance(element.get("Contact"), dict)]
    batch = _Batch(
        call=call,
        chart=load_chart(call.session, call.organisation.id),
        contacts=ContactBook(call, references),
        by_id=load_by_id(
            call, Kind.BANK_TRANSACTION, (str(element.get("BankTransactionID") or "") for element in elements)
        ),
    )
    return save_each(
        call, "BankTransactions", "BankTransactionID", elements, lambda posted: _save(batch, posted)
    )


def _save(batch: _Batch, posted: Item) -> Item:
    found = _existing(batch, posted)
    if found is not None and str(posted.get("Status")) in {"DELETED", "VOIDED"}:
        found.status, found.updated_at = "DELETED", batch.call.at
        return _show(found, lines=True)
    errors: list[str] = []
    values = _values(batch, posted, found, errors)
    if errors:
        raise Invalid(errors)
    return _show(_write(batch.call, found, values), lines=True)


def _existing(batch: _Batch, posted: Item) -> Document | None:
    id_ = posted.get("BankTransactionID")
    if not id_:
        return None
    found = batch.by_id.get(str(id_).lower())
    if found is None:
        raise Invalid(["An existing BankTransaction with the specified BankTransactionID could not be found"])
    if found.status != "AUTHORISED":
        raise Invalid(["This bank transaction cannot be edited as it has been deleted"])
    return found


def _values(batch: _Batch, posted: Item, found: Document | None, errors: list[str]) -> dict[str, Any]:
    """Check everything an element says and return the columns to write."""
    organisation = batch.call.organisation
    check_characters(posted, errors)
    type_ = found.type if found else check_choice(posted, "Type", _TYPES, "", errors)
    account = found.bank_account if found else _bank_account(batch, posted, errors)
    keep_contact = found is not None and "Contact" not in posted
    contact = found.contact if keep_contact and found else check_contact(posted, batch.contacts, errors)
    day = check_day(posted, "Date", errors) or (found.date if found else batch.call.at.date())
    check_locks(organisation, day, errors)
    currency = check_currency(
        posted, organisation, found.currency if found else organisation.currency, errors
    )
    amounts_default = found.line_amount_types if found else AMOUNT_TYPES[0]
    amounts = check_choice(posted, "LineAmountTypes", AMOUNT_TYPES, amounts_default, errors)
    rules = LineRules(amounts, approved=True, unit_decimals=4 if batch.call.query("unitdp") == "4" else 2)
    priced = price_lines(posted.get("LineItems", found.lines if found else None), batch.chart, rules, errors)
    if priced.lines and priced.total <= 0:
        errors.append("The total of the bank transaction must be greater than zero")
    return {
        "type": type_,
        "reference": _reference(posted, found, errors),
        "contact": contact,
        "bank_account": account,
        "date": day,
        "status": "AUTHORISED",
        "currency": currency,
        "line_amount_types": amounts,
        "sub_total": priced.sub_total,
        "total_tax": priced.total_tax,
        "total": priced.total,
        "lines": priced.lines,
        "url": str(posted.get("Url") or (found.url if found else "")),
    }


def _reference(posted: Item, found: Document | None, errors: list[str]) -> str:
    reference = str(posted.get("Reference") or (found.reference if found else ""))
    if len(reference) > _LONGEST_REFERENCE:
        errors.append(f"The Reference field must not exceed {_LONGEST_REFERENCE} characters")
    return reference


def _bank_account(batch: _Batch, posted: Item, errors: list[str]) -> Account | None:
    reference = posted.get("BankAccount")
    if not isinstance(reference, dict) or not (reference.get("Code") or reference.get("AccountID")):
        errors.append("A Bank Account must be specified for this type of transaction")
        return None
    account = batch.chart.account(reference, code="Code", id_="AccountID")
    if account is None or account.type != "BANK" or account.status != "ACTIVE":
        errors.append("The Bank Account with the specified Code or AccountID could not be found")
        return None
    return account


def _write(call: Call, found: Document | None, values: dict[str, Any]) -> Document:
    if found is None:
        found = Document(
            id=new_id(),
            organisation_id=call.organisation.id,
            kind=Kind.BANK_TRANSACTION,
            number="",
            client_id=call.access.client_id,
            has_attachments=False,
            created_at=call.at,
        )
    for name, value in values.items():
        setattr(found, name, value)
    found.updated_at = call.at
    call.session.add(found)
    return found


def _show(document: Document, *, lines: bool) -> Item:
    shown = {
        "BankTransactionID": document.id,
        **show_document(document, lines=lines),
        "Reference": document.reference,
        "IsReconciled": False,
    }
    if document.bank_account is not None:
        account = document.bank_account
        shown["BankAccount"] = {"AccountID": account.id, "Code": account.code, "Name": account.name}
    return shown
