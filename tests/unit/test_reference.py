"""What was imported: which lock date counts, and how things are found by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.reference import Imported
from tests.unit.papers import KNOWN

EARLY, LATE = date(2026, 3, 31), date(2026, 6, 30)


@pytest.mark.parametrize(
    ("period", "year", "lock"),
    [(None, None, None), (EARLY, None, EARLY), (None, LATE, LATE), (EARLY, LATE, LATE), (LATE, EARLY, LATE)],
)
def test_the_later_lock_date_counts(period: date | None, year: date | None, lock: date | None) -> None:
    imported = Imported(
        accounts={},
        tax_rates={},
        tracking={},
        contacts={},
        currencies=frozenset(),
        period_lock_date=period,
        end_of_year_lock_date=year,
    )
    assert imported.lock_date == lock


def test_codes_and_names_are_found_as_xero_finds_them_whatever_their_case() -> None:
    ward = {"id": "ward", "status": "ACTIVE"}
    account = {"type": "EXPENSE"}
    known = replace(KNOWN, contacts={"Amelia Ward": ward}, accounts={"TRV": account})
    assert (known.contact(" amelia WARD"), known.account("trv")) == (ward, account)
    assert (known.tax_rate("input2"), known.category("REGION")) == (
        KNOWN.tax_rates["INPUT2"],
        KNOWN.tracking["Region"],
    )
    assert (known.contact("Amelia"), known.account(""), known.category("")) == (None, None, None)


@pytest.mark.parametrize("names", [("AMELIA", "Amelia"), ("Amelia", "AMELIA")])
def test_of_contacts_of_one_name_the_active_one_counts(names: tuple[str, str]) -> None:
    gone, here = {"id": "gone", "status": "ARCHIVED"}, {"id": "here", "status": "ACTIVE"}
    for contacts in ({names[0]: gone, names[1]: here}, {names[0]: here, names[1]: gone}):
        assert replace(KNOWN, contacts=contacts).contact("amelia") == here
