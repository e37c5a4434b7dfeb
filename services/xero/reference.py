"""What bills are coded with: the organisation, its accounts, tax rates, tracking, contacts, currencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from services.xero import paging
from services.xero.api import ACCOUNTING, Api, understood
from services.xero.dates import day

_T = TypeVar("_T")

_TAX_CLASSES = {
    "CanApplyToAssets": "ASSET",
    "CanApplyToEquity": "EQUITY",
    "CanApplyToExpenses": "EXPENSE",
    "CanApplyToLiabilities": "LIABILITY",
    "CanApplyToRevenue": "REVENUE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationDetails:
    """One Xero company file; documents dated on or before a lock date are refused."""

    id: str
    name: str
    #: part of deep links, for example !1lqVQ
    short_code: str
    base_currency: str
    country: str
    #: DEMO, TRIAL, STARTER, STANDARD, PREMIUM, ...
    plan: str
    period_lock_date: date | None
    end_of_year_lock_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One line of the chart of accounts; bank accounts may have no code, only they have a currency."""

    id: str
    code: str | None
    name: str
    #: EXPENSE, OVERHEADS, BANK, ...
    type: str
    #: ASSET, EQUITY, EXPENSE, LIABILITY or REVENUE
    class_: str
    tax_type: str | None
    #: ACTIVE or ARCHIVED
    status: str
    show_in_expense_claims: bool
    currency: str | None
    #: DEBTORS, CREDITORS, GST, ... of an account that Xero writes to itself: no document may
    system_account: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """One tax rate with the account classes it may be used on; `effective_rate` is in percent."""

    tax_type: str
    name: str
    effective_rate: Decimal | None
    status: str
    applies_to: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingOption:
    """One choice within a tracking category."""

    id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingCategory:
    """One of at most two dimensions that a line can carry."""

    id: str
    name: str
    options: tuple[TrackingOption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A supplier, customer or employee; `number` is the key that another system gave it."""

    id: str
    name: str
    email: str | None
    #: ACTIVE, ARCHIVED or GDPRREQUEST
    status: str
    number: str | None


def read_organisation(api: Api, organisation_id: str) -> OrganisationDetails:
    """Read the one organisation that the id names."""
    found = _read(api, organisation_id, "Organisation", "Organisations", _organisation)
    with understood(written=False):
        return found[0]


def read_accounts(api: Api, organisation_id: str) -> list[Account]:
    """Read the whole chart of accounts, archived ones included."""
    return _read(api, organisation_id, "Accounts", "Accounts", _account)


def read_tax_rates(api: Api, organisation_id: str) -> list[TaxRate]:
    return _read(api, organisation_id, "TaxRates", "TaxRates", _tax_rate)


def read_tracking_categories(api: Api, organisation_id: str) -> list[TrackingCategory]:
    """Read the active categories with all their options."""
    return _read(api, organisation_id, "TrackingCategories", "TrackingCategories", _tracking_category)


def read_currencies(api: Api, organisation_id: str) -> list[str]:
    """Read the codes of the currencies that are enabled, the base currency among them."""
    return _read(api, organisation_id, "Currencies", "Currencies", lambda row: str(row["Code"]))


def read_contacts(api: Api, organisation_id: str) -> Iterator[Contact]:
    """Read all contacts, archived ones included; a call for every thousand, made as they are consumed."""
    params: dict[str, str | int] = {"summaryOnly": "true", "includeArchived": "true"}
    for row in paging.rows(api, organisation_id, "Contacts", params):
        with understood(written=False):
            contact = as_contact(row)
        yield contact


def _read(
    api: Api, organisation_id: str, path: str, key: str, build: Callable[[dict[str, Any]], _T]
) -> list[_T]:
    answer = api.request("GET", f"{ACCOUNTING}/{path}", organisation_id=organisation_id)
    with understood(answer.correlation_id, written=False):
        return [build(row) for row in answer.data[key]]


def _organisation(row: dict[str, Any]) -> OrganisationDetails:
    return OrganisationDetails(
        id=row["OrganisationID"],
        name=row["Name"],
        short_code=row["ShortCode"],
        base_currency=row["BaseCurrency"],
        country=row["CountryCode"],
        plan=row["Class"],
        period_lock_date=day(row.get("PeriodLockDate")),
        end_of_year_lock_date=day(row.get("EndOfYearLockDate")),
    )


def _account(row: dict[str, Any]) -> Account:
    return Account(
        id=row["AccountID"],
        code=row.get("Code") or None,
        name=row["Name"],
        type=row["Type"],
        class_=row["Class"],
        tax_type=row.get("TaxType") or None,
        status=row["Status"],
        show_in_expense_claims=bool(row.get("ShowInExpenseClaims")),
        currency=row.get("CurrencyCode") or None,
        system_account=row.get("SystemAccount") or None,
    )


def _tax_rate(row: dict[str, Any]) -> TaxRate:
    rate = row.get("EffectiveRate")
    return TaxRate(
        tax_type=row["TaxType"],
        name=row["Name"],
        effective_rate=None if rate is None else Decimal(rate),
        status=row["Status"],
        applies_to=frozenset(class_ for member, class_ in _TAX_CLASSES.items() if row.get(member)),
    )


def _tracking_category(row: dict[str, Any]) -> TrackingCategory:
    options = tuple(
        TrackingOption(id=option["TrackingOptionID"], name=option["Name"], status=option["Status"])
        for option in row.get("Options", ())
    )
    return TrackingCategory(id=row["TrackingCategoryID"], name=row["Name"], options=options)


def as_contact(row: Mapping[str, Any]) -> Contact:
    """Return one contact as Xero shows it."""
    return Contact(
        id=row["ContactID"],
        name=row["Name"],
        email=row.get("EmailAddress") or None,
        status=row["ContactStatus"],
        number=row.get("ContactNumber") or None,
    )
