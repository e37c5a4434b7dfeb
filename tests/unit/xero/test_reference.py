"""What bills are coded with, read as Xero writes it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.xero import reference
from services.xero.errors import Fault, XeroError
from tests.unit.xero.scripted import ORGANISATION, Script


def test_an_organisation_is_read_with_its_lock_dates(xero: Script) -> None:
    row = {
        "OrganisationID": ORGANISATION,
        "Name": "Brightside Studios Ltd",
        "ShortCode": "!1lqVQ",
        "BaseCurrency": "GBP",
        "CountryCode": "GB",
        "Class": "STANDARD",
        "EndOfYearLockDate": "/Date(1552262400000+0000)/",
    }
    xero.reply({"Organisations": [row]})
    with xero.api() as api:
        found = reference.read_organisation(api, ORGANISATION)
    assert (found.id, found.name, found.short_code) == (ORGANISATION, "Brightside Studios Ltd", "!1lqVQ")
    assert (found.base_currency, found.country, found.plan) == ("GBP", "GB", "STANDARD")
    assert (found.period_lock_date, found.end_of_year_lock_date) == (None, date(2019, 3, 11))
    assert xero.asked[0].path == "/api.xro/2.0/Organisation"


def test_accounts_are_read_with_what_decides_whether_expenses_may_use_them(xero: Script) -> None:
    travel = {
        "AccountID": "a1",
        "Code": "493",
        "Name": "Travel",
        "Type": "EXPENSE",
        "Class": "EXPENSE",
        "TaxType": "INPUT2",
        "Status": "ACTIVE",
        "ShowInExpenseClaims": True,
    }
    bank = {
        "AccountID": "a2",
        "Code": "",
        "Name": "Card",
        "Type": "BANK",
        "Class": "ASSET",
        "Status": "ARCHIVED",
        "CurrencyCode": "GBP",
        "SystemAccount": "GST",
    }
    xero.reply({"Accounts": [travel, bank]})
    with xero.api() as api:
        first, second = reference.read_accounts(api, ORGANISATION)
    assert (first.code, first.class_, first.tax_type, first.show_in_expense_claims, first.currency) == (
        "493",
        "EXPENSE",
        "INPUT2",
        True,
        None,
    )
    assert (second.code, second.type, second.status, second.show_in_expense_claims, second.currency) == (
        None,
        "BANK",
        "ARCHIVED",
        False,
        "GBP",
    )
    assert (first.system_account, second.system_account) == (None, "GST")


def test_tax_rates_are_read_with_the_account_classes_they_may_be_used_on(xero: Script) -> None:
    rate = {"TaxType": "INPUT2", "Name": "20% (VAT on Expenses)", "EffectiveRate": 17.5, "Status": "ACTIVE"}
    uses = {"CanApplyToAssets": True, "CanApplyToExpenses": True, "CanApplyToRevenue": False}
    xero.reply({"TaxRates": [rate | uses, {"TaxType": "NONE", "Name": "No tax", "Status": "ACTIVE"}]})
    with xero.api() as api:
        vat, none = reference.read_tax_rates(api, ORGANISATION)
    assert (vat.effective_rate, vat.applies_to) == (Decimal("17.5"), frozenset({"ASSET", "EXPENSE"}))
    assert (none.effective_rate, none.applies_to) == (None, frozenset())


def test_tracking_categories_are_read_with_their_options(xero: Script) -> None:
    option = {"TrackingOptionID": "o1", "Name": "North", "Status": "ACTIVE"}
    xero.reply({"TrackingCategories": [{"TrackingCategoryID": "c1", "Name": "Region", "Options": [option]}]})
    with xero.api() as api:
        [found] = reference.read_tracking_categories(api, ORGANISATION)
    north = reference.TrackingOption(id="o1", name="North", status="ACTIVE")
    assert found == reference.TrackingCategory(id="c1", name="Region", options=(north,))


def test_currencies_are_read_by_their_codes(xero: Script) -> None:
    pound, dollar = {"Code": "GBP", "Description": "British Pound"}, {"Code": "NZD"}
    xero.reply({"Currencies": [pound, dollar]})
    with xero.api() as api:
        assert reference.read_currencies(api, ORGANISATION) == ["GBP", "NZD"]
    assert xero.asked[0].path == "/api.xro/2.0/Currencies"


def contact(number: int) -> dict[str, Any]:
    return {"ContactID": f"c{number}", "Name": f"Contact {number}", "ContactStatus": "ACTIVE"}


def page(numbers: range, pages: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {"Contacts": [contact(number) for number in numbers]}
    return body if pages is None else body | {"pagination": {"pageCount": pages}}


@pytest.mark.parametrize("pages", [2, None], ids=["with page count", "without page count"])
def test_contacts_are_read_to_the_last_page_and_no_further(xero: Script, pages: int | None) -> None:
    xero.reply(page(range(1000), pages))
    xero.reply(page(range(1000, 1003), pages))
    with xero.api() as api:
        found = list(reference.read_contacts(api, ORGANISATION))
    assert [each.id for each in found] == [f"c{number}" for number in range(1003)]
    assert [asked.query["page"] for asked in xero.asked] == ["1", "2"]


def test_contacts_are_read_page_by_page_as_they_are_needed(xero: Script) -> None:
    xero.reply(page(range(1000), 2))
    with xero.api() as api:
        assert next(reference.read_contacts(api, ORGANISATION)).name == "Contact 0"
    assert len(xero.asked) == 1


def test_no_contacts_is_no_error(xero: Script) -> None:
    xero.reply(page(range(0), 0))
    with xero.api() as api:
        assert list(reference.read_contacts(api, ORGANISATION)) == []


@pytest.mark.parametrize(
    "answer", [{}, {"Organisations": []}, {"Organisations": [{"Name": "x"}]}, {"Organisations": None}, []]
)
def test_an_answer_of_another_shape_is_malformed(xero: Script, answer: Any) -> None:
    xero.reply(answer)
    with xero.api() as api, pytest.raises(XeroError) as caught:
        reference.read_organisation(api, ORGANISATION)
    assert caught.value.fault is Fault.MALFORMED
