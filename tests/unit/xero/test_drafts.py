"""Bills and bank transactions as they go over the wire."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.xero.drafts import (
    BankTransaction,
    Bill,
    BillStatus,
    Line,
    TrackingChoice,
    bank_transaction_json,
    bill_json,
    exact_number,
    idempotency_key,
)

TAXI = Line(
    description="Taxi",
    amount=Decimal("12.50"),
    account_code="493",
    tax_type="INPUT2",
    tracking=(TrackingChoice(category_id="c1", option_id="o1"),),
)
BILL = Bill(
    number="EXP-R00123",
    contact_id="contact-1",
    contact_name="Ada Moss",
    date=date(2026, 10, 1),
    due_date=date(2026, 10, 31),
    currency="GBP",
    status=BillStatus.DRAFT,
    lines=(TAXI,),
    url="https://app.example/reports/R00123",
)
SPENT = BankTransaction(
    reference="EXP-R00124-1",
    contact_id=None,
    contact_name="Moss Cabs",
    date=date(2026, 10, 2),
    currency="GBP",
    bank_account_code="091",
    lines=(replace(TAXI, tracking=()),),
)
LINE_JSON = {
    "Description": "Taxi",
    "Quantity": 1,
    "UnitAmount": 12.5,
    "AccountCode": "493",
    "TaxType": "INPUT2",
}


def test_a_bill_is_written_as_xero_documents_it() -> None:
    tracking = [{"TrackingCategoryID": "c1", "TrackingOptionID": "o1"}]
    assert bill_json(BILL) == {
        "Type": "ACCPAY",
        "InvoiceNumber": "EXP-R00123",
        "Contact": {"ContactID": "contact-1"},
        "Date": "2026-10-01",
        "DueDate": "2026-10-31",
        "LineAmountTypes": "Inclusive",
        "CurrencyCode": "GBP",
        "Status": "DRAFT",
        "Url": "https://app.example/reports/R00123",
        "LineItems": [LINE_JSON | {"Tracking": tracking}],
    }


def test_a_bank_transaction_is_written_as_xero_documents_it() -> None:
    assert bank_transaction_json(SPENT) == {
        "Type": "SPEND",
        "Reference": "EXP-R00124-1",
        "Contact": {"Name": "Moss Cabs"},
        "BankAccount": {"Code": "091"},
        "Date": "2026-10-02",
        "LineAmountTypes": "Inclusive",
        "CurrencyCode": "GBP",
        "LineItems": [LINE_JSON],
    }


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 4))
def test_money_reaches_xero_to_the_last_digit(digits: int, places: int) -> None:
    amount = Decimal(digits).scaleb(-places)
    line = replace(TAXI, amount=amount)
    body = httpx.Request("PUT", "https://api.example", json=bill_json(replace(BILL, lines=(line,)))).content
    sent = json.loads(body, parse_float=Decimal)["LineItems"][0]["UnitAmount"]
    assert Decimal(sent) == amount


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("0.1") + Decimal("0.2"), "0.3"),
        (Decimal("1.10"), "1.1"),
        (Decimal("100"), "100"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.05"), "-0.05"),
        (Decimal("33.3333"), "33.3333"),
    ],
)
def test_money_is_written_as_a_person_would(amount: Decimal, written: str) -> None:
    assert json.dumps(exact_number(amount)) == written


@pytest.mark.parametrize("amount", ["0.00001", "12345678901234.5678", "NaN", "Infinity"])
def test_money_that_cannot_be_written_exactly_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"exact|decimals"):
        exact_number(Decimal(amount))


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (
            TrackingChoice(category_id="c1", option_id="o1", category="Region", option="North"),
            {"TrackingCategoryID": "c1", "TrackingOptionID": "o1"},
        ),
        (
            TrackingChoice(category_id="c1", category="Region", option="Moon"),
            {"TrackingCategoryID": "c1", "Option": "Moon"},
        ),
        (TrackingChoice(category="Planet", option="Moon"), {"Name": "Planet", "Option": "Moon"}),
    ],
)
def test_a_tag_is_named_by_its_ids_and_what_has_none_by_its_name(
    choice: TrackingChoice, written: dict[str, str]
) -> None:
    sent = bill_json(replace(BILL, lines=(replace(TAXI, tracking=(choice,)),)))
    assert sent["LineItems"][0]["Tracking"] == [written]


def test_the_same_batch_has_the_same_key_within_xero_s_limit() -> None:
    key = idempotency_key("organisation-1", [BILL])
    assert key == idempotency_key("organisation-1", [replace(BILL)])
    assert len(key) <= 128


def test_whatever_differs_has_another_key() -> None:
    other = replace(BILL, number="EXP-R00999")
    keys = [
        idempotency_key("organisation-1", [BILL]),
        idempotency_key("organisation-2", [BILL]),
        idempotency_key("organisation-1", [BILL], attempt="2"),
        idempotency_key("organisation-1", [BILL, other]),
        idempotency_key("organisation-1", [other, BILL]),
        idempotency_key("organisation-1", [replace(BILL, lines=(replace(TAXI, amount=Decimal(13)),))]),
        idempotency_key("organisation-1", [SPENT]),
    ]
    assert len(set(keys)) == len(keys)
