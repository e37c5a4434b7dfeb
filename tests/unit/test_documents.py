"""Documents: what a report becomes in Xero."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.documents import bank_transaction, bill
from services.store.states import ExportKind
from services.xero.documents import BillStatus
from tests.unit.papers import KNOWN, draft, line


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
    [("Amelia Ward", "amelia"), ("amelia WARD ", "amelia"), ("Ben Okafor", None), ("Cara Nobody", None)],
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


@pytest.mark.parametrize(
    ("category", "option", "ids"),
    [
        ("Region", "North", ("region", "north")),
        ("REGION", "north", ("region", "north")),
        ("Region", "West", ("region", "west")),
        ("Region", "Atlantis", ("region", None)),
        ("Team", "North", (None, None)),
    ],
)
def test_a_tag_is_sent_by_xeros_ids_and_one_that_xero_lacks_is_not_dropped(
    category: str, option: str, ids: tuple[str | None, str | None]
) -> None:
    [choice] = bill(draft(line(tracking_category=category, tracking_option=option)), KNOWN).lines[0].tracking
    assert (choice.category_id, choice.option_id) == ids
    assert (choice.category, choice.option) == (category, option)


def test_a_report_of_no_expense_is_dated_by_its_approval() -> None:
    assert replace(draft(), lines=()).dated == date(2026, 9, 30)
