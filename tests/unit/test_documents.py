"""Documents: what a report becomes in Xero, and what Xero would refuse about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.documents import Draft, bank_transaction, bill, objection
from services.reference import Imported
from services.store import tables
from services.store.states import ExportKind
from services.xero.documents import BillStatus, TrackingChoice

ACTIVE, ARCHIVED = {"status": "ACTIVE"}, {"status": "ARCHIVED"}
KNOWN = Imported(
    accounts={
        "493": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": "INPUT2", **ACTIVE},
        "494": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": None, **ACTIVE},
        "495": {"type": "EXPENSE", "class_": "EXPENSE", "tax_type": "INPUT2", **ARCHIVED},
        "091": {"type": "BANK", "class_": "ASSET", "tax_type": None, **ACTIVE},
        "092": {"type": "BANK", "class_": "ASSET", "tax_type": None, **ARCHIVED},
    },
    tax_rates={
        "INPUT2": {"applies_to": ["EXPENSE"], **ACTIVE},
        "OUTPUT2": {"applies_to": ["REVENUE"], **ACTIVE},
        "OLD": {"applies_to": ["EXPENSE"], "status": "DELETED"},
    },
    tracking={
        "Region": {
            "id": "region",
            "options": [
                {"id": "north", "name": "North", **ACTIVE},
                {"id": "west", "name": "West", **ARCHIVED},
            ],
        }
    },
    contacts={"Amelia Ward": {"id": "amelia", **ACTIVE}, "Ben Okafor": {"id": "ben", **ARCHIVED}},
    currencies=frozenset({"GBP", "USD"}),
    period_lock_date=None,
    end_of_year_lock_date=date(2026, 3, 31),
)


def line(**given: Any) -> tables.ReportLine:
    usual: dict[str, Any] = {
        "position": 1,
        "spent_on": date(2026, 9, 24),
        "merchant": "Parkway Cabs",
        "amount": Decimal("12.50"),
        "account_code": "493",
        "tax_type": "INPUT2",
    }
    return tables.ReportLine(**usual | given)


def draft(
    *lines: tables.ReportLine,
    kind: ExportKind = ExportKind.BILL,
    submitter: str = "Amelia Ward",
    card: str | None = "091",
    currency: str = "GBP",
) -> Draft:
    export = tables.Export(number="EXP-R1", kind=kind, currency=currency, amount=Decimal("12.50"))
    return Draft(export, tables.Report(submitter_name=submitter), lines or (line(),), card)


def test_a_report_becomes_a_bill_with_its_own_number_dated_by_its_last_expense() -> None:
    made = bill(draft(line(), line(spent_on=date(2026, 10, 2)), line(spent_on=date(2026, 9, 1))), KNOWN)
    assert (made.number, made.currency, made.status) == ("EXP-R1", "GBP", BillStatus.AUTHORISED)
    assert (made.date, made.due_date) == (date(2026, 10, 2), date(2026, 11, 1))
    assert [each.amount for each in made.lines] == [Decimal("12.50")] * 3


def test_a_card_expense_becomes_money_spent_from_the_workspaces_card_account() -> None:
    made = bank_transaction(draft(kind=ExportKind.BANK_TRANSACTION), KNOWN)
    assert (made.reference, made.bank_account_code, made.date) == ("EXP-R1", "091", date(2026, 9, 24))


@pytest.mark.parametrize(
    ("submitter", "contact_id"),
    [("Amelia Ward", "amelia"), ("Ben Okafor", None), ("Cara Nobody", None)],
)
def test_a_known_active_contact_is_named_by_id_and_any_other_by_name(
    submitter: str, contact_id: str | None
) -> None:
    made = bill(draft(submitter=submitter), KNOWN)
    assert (made.contact_id, made.contact_name) == (contact_id, submitter)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tax_type": "OLD"}, "OLD"),
        ({"tax_type": None}, "INPUT2"),
        ({"tax_type": None, "account_code": "494"}, "NONE"),
        ({"tax_type": None, "account_code": "999"}, "NONE"),
    ],
)
def test_a_line_without_a_tax_rate_takes_that_of_its_account(given: dict[str, Any], expected: str) -> None:
    assert bill(draft(line(**given)), KNOWN).lines[0].tax_type == expected


def test_a_tag_is_sent_by_xeros_ids() -> None:
    made = bill(draft(line(tracking_category="Region", tracking_option="North")), KNOWN)
    assert made.lines[0].tracking == (TrackingChoice(category_id="region", option_id="north"),)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, None),
        ({"account_code": ""}, "XERO52"),
        ({"account_code": "999"}, "XERO27"),
        ({"account_code": "495"}, "XERO27"),
        ({"tax_type": "OUTPUT2"}, "XERO95"),
        ({"tax_type": "OLD"}, "XERO95"),
        ({"tax_type": "UNKNOWN"}, "XERO95"),
        ({"tax_type": None}, None),
        ({"tracking_category": "Region", "tracking_option": "North"}, None),
        ({"tracking_category": "Region", "tracking_option": "West"}, "XERO78"),
        ({"tracking_category": "Region", "tracking_option": "Atlantis"}, "XERO78"),
        ({"tracking_category": "Team", "tracking_option": "North"}, "XERO78"),
        ({"spent_on": date(2026, 3, 31)}, "XERO33"),
        ({"spent_on": date(2026, 4, 1)}, None),
    ],
)
def test_what_xero_would_refuse_about_a_line_is_known_before(given: dict[str, Any], code: str | None) -> None:
    found = objection(draft(line(**given)), KNOWN)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("card", "code"), [("091", None), ("092", "XERO87"), ("493", "XERO87"), ("", "XERO87"), (None, "XERO87")]
)
def test_a_card_expense_needs_an_active_bank_account(card: str | None, code: str | None) -> None:
    found = objection(draft(kind=ExportKind.BANK_TRANSACTION, card=card), KNOWN)
    assert (found.code if found else None) == code
    assert objection(draft(card=card), KNOWN) is None


@pytest.mark.parametrize("kind", list(ExportKind))
def test_a_currency_that_is_not_enabled_in_xero_is_named(kind: ExportKind) -> None:
    found = objection(draft(kind=kind, currency="UAH"), KNOWN)
    assert found is not None
    assert found.code == "XERO68"
    assert found.message.endswith("Currency: UAH.")
    assert objection(draft(kind=kind, currency="USD"), KNOWN) is None


def test_where_no_currencies_were_imported_any_currency_will_do() -> None:
    before = replace(KNOWN, currencies=frozenset())
    assert objection(draft(currency="UAH"), before) is None


def test_without_lock_dates_any_date_will_do() -> None:
    unlocked = replace(KNOWN, end_of_year_lock_date=None)
    assert objection(draft(line(spent_on=date(1999, 1, 1))), unlocked) is None


def test_one_bad_line_among_good_ones_is_found_and_named() -> None:
    found = objection(draft(line(), line(merchant="Station Hotel", account_code="999")), KNOWN)
    assert found is not None
    assert "Station Hotel" in found.message
