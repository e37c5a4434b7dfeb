"""Objections: what Xero would refuse about a report, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.answers import UNNAMED
from services.documents import Draft
from services.objections import objection
from services.store.states import ExportKind
from tests.unit.papers import KNOWN, draft, line

MEGABYTE = 1024 * 1024
CARD = ExportKind.BANK_TRANSACTION


def code(made: Draft) -> str | None:
    found = objection(made, KNOWN)
    return found.code if found else None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"account_code": ""}, "XERO52"),
        ({"account_code": "999"}, "XERO27"),
        ({"account_code": "495"}, "XERO27"),
        ({"account_code": "091"}, "XERO27"),
        ({"account_code": "800", "tax_type": "NONE"}, "XERO27"),
        ({"tax_type": "OUTPUT2"}, "XERO95"),
        ({"tax_type": "OLD"}, "XERO95"),
        ({"tax_type": "UNKNOWN"}, "XERO95"),
        ({"tax_type": None}, None),
        ({"tax_type": None, "account_code": "499"}, "XERO95"),
        ({"tax_type": "input2"}, None),
        ({"tracking_category": "Region", "tracking_option": "North"}, None),
        ({"tracking_category": "Region", "tracking_option": "West"}, "XERO78"),
        ({"tracking_category": "Region", "tracking_option": "Atlantis"}, "XERO78"),
        ({"tracking_category": "Region", "tracking_option": None}, "XERO78"),
        ({"tracking_category": "Team", "tracking_option": "North"}, "XERO78"),
        ({"merchant": ""}, UNNAMED),
        ({"merchant": "x" * 4000}, None),
        ({"merchant": "x" * 4001}, UNNAMED),
        ({"merchant": "Taxi\x0b"}, "XERO83"),
        ({"merchant": "Taxi\ud800"}, "XERO83"),
        ({"merchant": "Café 🍰\n"}, None),
        ({"amount": Decimal("12.3456")}, None),
        ({"amount": Decimal("12.34567")}, UNNAMED),
        ({"amount": Decimal("999999999999.99")}, None),
        ({"amount": Decimal("999999999999.995")}, UNNAMED),
        ({"amount": Decimal("123456789012.3456")}, UNNAMED),
        ({"amount": Decimal(-5)}, None),
    ],
)
def test_what_xero_would_refuse_about_an_expense_is_known_before(
    given: dict[str, Any], expected: str | None
) -> None:
    assert code(draft(line(**given))) == expected
    assert code(draft(line(), line(position=2, **given))) == expected


@pytest.mark.parametrize(
    ("card", "expected"),
    [("091", None), ("092", "XERO87"), ("493", "XERO87"), ("", "XERO87"), (None, "XERO87")],
)
def test_a_card_expense_needs_an_active_bank_account(card: str | None, expected: str | None) -> None:
    assert code(draft(kind=CARD, card=card)) == expected
    assert code(draft(card=card)) is None


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (["0.01"], None),
        (["0.0050"], None),
        (["0.0049"], UNNAMED),
        (["0"], UNNAMED),
        (["5", "-5"], UNNAMED),
        (["5", "-4"], None),
    ],
)
def test_money_spent_from_a_bank_account_is_more_than_zero(amounts: list[str], expected: str | None) -> None:
    lines = [line(amount=Decimal(amount)) for amount in amounts]
    assert code(draft(*lines, kind=CARD)) == expected
    assert code(draft(*lines)) is None


@pytest.mark.parametrize(
    ("submitter", "expected"),
    [
        ("Cara Nobody", None),
        ("ben OKAFOR ", UNNAMED),
        ("", UNNAMED),
        (" ", UNNAMED),
        ("N" * 255, None),
        ("N" * 256, UNNAMED),
        ("Cara\x01", "XERO83"),
        ("Ben Okafor\x01", "XERO83"),
    ],
)
def test_the_submitter_must_do_as_a_contact(submitter: str, expected: str | None) -> None:
    assert code(draft(submitter=submitter)) == expected


@pytest.mark.parametrize(
    ("number", "of_bill", "of_card"),
    [
        ("E" * 255, None, None),
        ("E" * 256, UNNAMED, UNNAMED),
        ("EXP-Größe", "XERO83", None),
        ("EXP\t1", "XERO83", None),
        ("EXP\x01", "XERO83", "XERO83"),
    ],
)
def test_a_number_is_one_that_xero_takes(number: str, of_bill: str | None, of_card: str | None) -> None:
    assert (code(draft(number=number)), code(draft(number=number, kind=CARD))) == (of_bill, of_card)


@pytest.mark.parametrize("kind", list(ExportKind))
@pytest.mark.parametrize(("currency", "expected"), [("UAH", "XERO68"), ("USD", None), ("usd", None)])
def test_a_currency_must_be_enabled_in_xero(kind: ExportKind, currency: str, expected: str | None) -> None:
    assert code(draft(kind=kind, currency=currency)) == expected


def test_where_no_currencies_were_imported_any_currency_will_do() -> None:
    assert objection(draft(currency="UAH"), replace(KNOWN, currencies=frozenset())) is None


@pytest.mark.parametrize(
    ("days", "expected"),
    [([(3, 31)], "XERO33"), ([(4, 1)], None), ([(1, 1), (3, 31)], "XERO33"), ([(4, 1), (1, 1)], None)],
)
def test_a_report_is_dated_by_its_last_expense_which_must_lie_after_the_lock(
    days: list[tuple[int, int]], expected: str | None
) -> None:
    assert code(draft(*(line(spent_on=date(2026, *day)) for day in days))) == expected


def test_without_lock_dates_any_date_will_do() -> None:
    unlocked = replace(KNOWN, end_of_year_lock_date=None)
    assert objection(draft(line(spent_on=date(1999, 1, 1))), unlocked) is None


def test_before_system_accounts_were_imported_their_type_alone_counts() -> None:
    account = {name: value for name, value in KNOWN.accounts["800"].items() if name != "system_account"}
    before = replace(KNOWN, accounts={**KNOWN.accounts, "800": account})
    assert objection(draft(line(account_code="800", tax_type="NONE")), before) is None


def test_a_receipt_has_at_most_10_mb() -> None:
    assert code(draft(receipts=[10 * MEGABYTE])) is None
    assert code(draft(receipts=[1, 10 * MEGABYTE + 1])) == "XERO08"


def test_a_report_without_expenses_is_no_document() -> None:
    assert code(replace(draft(), lines=())) == UNNAMED
    assert code(replace(draft(kind=CARD), lines=())) == UNNAMED


@pytest.mark.parametrize(
    ("made", "expected", "reason"),
    [
        (draft(line(account_code="999", tax_type="OLD")), "XERO95", "the tax before the account"),
        (draft(line(account_code="999", tax_type="OUTPUT2")), "XERO27", "what fits nothing cannot misfit"),
        (draft(line(account_code="999"), line(tax_type="OLD")), "XERO95", "whichever expense it is"),
        (draft(line(account_code="999", spent_on=date(2026, 1, 1))), "XERO33", "the lock before the account"),
        (draft(line(merchant="\x01", account_code="")), "XERO52", "the category before its characters"),
        (draft(line(merchant=""), submitter="A\x01"), "XERO83", "what has a code before what has none"),
        (draft(line(merchant="\x01"), receipts=[11 * MEGABYTE]), "XERO83", "the document before its files"),
        (draft(line(merchant=""), receipts=[11 * MEGABYTE]), UNNAMED, "the document before its files"),
    ],
)
def test_of_several_things_wrong_the_one_is_named_that_xeros_answer_would_name(
    made: Draft, expected: str, reason: str
) -> None:
    assert code(made) == expected, reason


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (draft(currency="UAH"), ["UAH", "Settings > Currencies"]),
        (draft(line(spent_on=date(2026, 3, 3))), ["3 Mar 2026", "31 Mar 2026", "year-end lock date"]),
        (draft(kind=CARD, card="092"), ["092", "accounting settings"]),
        (draft(kind=CARD, card=None), ["none is chosen", "accounting settings"]),
        (
            draft(line(), line(merchant="Hotel", account_code="999")),
            ["999", "Hotel", "no account"],
        ),
        (draft(line(account_code="495")), ["495", "archived", "Chart of accounts"]),
        (draft(line(account_code="")), ["No category", "Parkway Cabs"]),
        (draft(line(tax_type="OLD")), ["OLD", "Parkway Cabs", "Tax rates"]),
        (draft(line(tax_type="OUTPUT2")), ["OUTPUT2", "493", "Tax rates"]),
        (
            draft(line(tracking_category="Region", tracking_option="West")),
            ["West", "Region", "Tracking categories"],
        ),
        (draft(line(position=3, merchant="\x0b")), ["merchant of expense 3", "U+000B"]),
        (draft(number="EXP-é"), ["number", "U+00E9"]),
        (draft(submitter="Ben Okafor"), ["Ben Okafor", "archived", "Contacts > Archived"]),
        (draft(submitter="N" * 300), ["submitter's name", "300", "255"]),
        (draft(line(amount=Decimal(0)), kind=CARD), ["0.00", "more than zero"]),
        (draft(line(amount=Decimal("1.23456"))), ["1.23456", "4 decimals"]),
        (draft(receipts=[11 * MEGABYTE]), ["taxi.pdf", "11.0 MB", "10 MB"]),
    ],
)
def test_an_objection_names_field_and_value_and_where_to_mend_it(made: Draft, says: list[str]) -> None:
    found = objection(made, KNOWN)
    assert found is not None
    assert [each for each in says if each not in found.message] == []
