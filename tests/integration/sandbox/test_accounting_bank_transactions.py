"""Card payments as bank transactions."""

from __future__ import annotations

from typing import Any

import pytest
from xero_python.accounting import Account, BankTransaction, BankTransactions, Contact, LineItem

from tests.integration.sandbox.driver import Connected, Driver
from tests.integration.sandbox.papers import line, messages, send, spend


def put(sandbox: Driver, who: Connected, *payments: dict[str, Any]) -> list[dict[str, Any]]:
    payload = {"BankTransactions": list(payments)}
    status, body = send(sandbox, who, "PUT", "/BankTransactions", payload, summarizeErrors="false")
    assert status == 200, body
    answered: list[dict[str, Any]] = body["BankTransactions"]
    return answered


def test_the_sdk_creates_a_card_payment_and_reads_it_back(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    tenant = who.organisation["id"]
    posted = BankTransaction(
        type="SPEND",
        contact=Contact(name="Corner Coffee House"),
        bank_account=Account(code="091"),
        reference="CARD-SDK",
        line_items=[LineItem(description="Coffee", quantity=2, unit_amount=3.2, account_code="420")],
    )
    [made] = api.create_bank_transactions(
        tenant, BankTransactions(bank_transactions=[posted]), summarize_errors=False
    ).bank_transactions
    [found] = api.get_bank_transaction(tenant, made.bank_transaction_id).bank_transactions
    assert (found.reference, float(found.total), found.status) == ("CARD-SDK", 6.4, "AUTHORISED")
    assert (found.bank_account.code, found.contact.name) == ("091", "Corner Coffee House")


def test_payments_are_looked_up_by_several_references_at_once(sandbox: Driver) -> None:
    who = sandbox.connected()
    put(sandbox, who, *(spend(f"CARD-{n}") for n in range(5)))
    where = 'Reference=="CARD-1" OR Reference=="CARD-3" OR Reference=="CARD-77"'
    _, body = send(sandbox, who, "GET", "/BankTransactions", where=where, page="1")
    assert [payment["Reference"] for payment in body["BankTransactions"]] == ["CARD-1", "CARD-3"]
    assert body["BankTransactions"][0]["LineItems"][0]["Description"] == "Coffee"


def test_the_same_reference_twice_makes_two_payments(sandbox: Driver) -> None:
    who = sandbox.connected()
    put(sandbox, who, spend("CARD-9"))
    put(sandbox, who, spend("CARD-9"))
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    assert listed["duplicates"] == {"CARD-9": 2}


@pytest.mark.parametrize(
    ("posted", "message"),
    [
        (spend(BankAccount=None), "A Bank Account must be specified for this type of transaction"),
        (
            spend(BankAccount={"Code": "429"}),
            "The Bank Account with the specified Code or AccountID could not be found",
        ),
        (
            spend(LineItems=[line(UnitAmount=-3)]),
            "The total of the bank transaction must be greater than zero",
        ),
        (spend(LineItems=None), "One or more line items must be specified"),
        (
            spend(LineItems=[line(AccountCode="999")]),
            "Account code '999' is not a valid code for this document.",
        ),
        (spend(CurrencyCode="UAH"), "Organisation is not subscribed to currency UAH"),
        (spend(Contact=None), "A Contact must be specified for this type of transaction"),
        (spend("R" * 256), "The Reference field must not exceed 255 characters"),
        (spend("R\x01"), "'\x01', hexadecimal value 0x01, is an invalid character."),
    ],
)
def test_a_payment_that_breaks_a_rule_is_refused(
    sandbox: Driver, posted: dict[str, Any], message: str
) -> None:
    [answered] = put(sandbox, sandbox.connected(), posted)
    assert (answered["HasErrors"], messages(answered)) == (True, [message])


def test_a_payment_in_a_locked_period_is_refused(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("PATCH", f"/organisations/{who.organisation['id']}", period_lock_date="2026-10-01")
    [answered] = put(sandbox, who, spend())
    assert messages(answered) == [
        "The document date cannot be before the period lock date, currently set at 01-Oct-2026"
    ]


def test_a_payment_is_changed_by_its_id_and_not_after_it_was_deleted(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = put(sandbox, who, spend())
    path = f"/BankTransactions/{made['BankTransactionID']}"
    _, body = send(sandbox, who, "POST", path, {"LineItems": [line(UnitAmount=9)]})
    assert (body["BankTransactions"][0]["Total"], body["BankTransactions"][0]["Reference"]) == (9, "CARD-1")
    assert send(sandbox, who, "POST", path, {"Status": "DELETED"})[0] == 200
    assert send(sandbox, who, "POST", path, {"LineItems": [line()]})[0] == 400


def test_a_receipt_is_attached_to_a_payment(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    [made] = put(sandbox, who, spend())
    id_ = made["BankTransactionID"]
    api.create_bank_transaction_attachment_by_file_name(who.organisation["id"], id_, "coffee.png", b"\x89PNG")
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    assert listed["documents"][0]["attachments"] == ["coffee.png"]
