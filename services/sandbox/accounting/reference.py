"""What an integration imports: organisation, accounts, tax rates, tracking categories, currencies."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from starlette.responses import Response

from services.sandbox.accounting.call import Call, Item
from services.sandbox.accounting.listing import list_rows
from services.sandbox.accounting.models import Account, TaxRate, TrackingCategory
from services.sandbox.accounting.wire import ms_date
from services.sandbox.models import Organisation
from services.sandbox.problems import not_found

_TIMEZONES = {
    "GB": "GMTSTANDARDTIME",
    "IE": "GMTSTANDARDTIME",
    "NZ": "NEWZEALANDSTANDARDTIME",
    "AU": "AUSEASTERNSTANDARDTIME",
    "US": "EASTERNSTANDARDTIME",
}
#: The national edition of Xero.
_VERSIONS = {"GB": "UK", "NZ": "NZ", "AU": "AU", "US": "US"}
_ACCOUNT_COLUMNS = {
    "accountid": Account.id,
    "code": Account.code,
    "name": Account.name,
    "type": Account.type,
    "class": Account.account_class,
    "status": Account.status,
    "taxtype": Account.tax_type,
    "systemaccount": Account.system_account,
    "showinexpenseclaims": Account.show_in_expense_claims,
}
_TAX_RATE_COLUMNS = {
    "name": TaxRate.name,
    "taxtype": TaxRate.tax_type,
    "status": TaxRate.status,
    "canapplytoexpenses": TaxRate.can_apply_to_expenses,
    "canapplytorevenue": TaxRate.can_apply_to_revenue,
}
_TRACKING_COLUMNS = {
    "name": TrackingCategory.name,
    "status": TrackingCategory.status,
    "trackingcategoryid": TrackingCategory.id,
}


def get_organisation(call: Call) -> Response:
    """Answer with the organisation; lock dates appear only where they are set."""
    organisation = call.organisation
    locks = {
        "PeriodLockDate": organisation.period_lock_date,
        "EndOfYearLockDate": organisation.end_of_year_lock_date,
    }
    shown = _organisation(organisation)
    shown.update({name: ms_date(date.fromisoformat(day)) for name, day in locks.items() if day})
    return call.ok("Organisations", [shown])


def get_accounts(call: Call) -> Response:
    """Answer with the whole chart, archived accounts included; it is never paged."""
    wanted = select(Account).where(Account.organisation_id == call.organisation.id)
    listed = list_rows(
        call, wanted, columns=_ACCOUNT_COLUMNS, order=[Account.code], updated_at=Account.updated_at
    )
    return call.ok("Accounts", [_account(row) for row in listed.rows])


def get_account(call: Call) -> Response:
    account = call.session.get(Account, call.request.path_params["id"].lower())
    if account is None or account.organisation_id != call.organisation.id:
        raise not_found()
    return call.ok("Accounts", [_account(account)])


def get_tax_rates(call: Call) -> Response:
    """Answer with the tax rates, or with the one named in the path."""
    wanted = select(TaxRate).where(TaxRate.organisation_id == call.organisation.id)
    if tax_type := call.request.path_params.get("tax_type"):
        wanted = wanted.where(func.upper(TaxRate.tax_type) == tax_type.upper())
    listed = list_rows(call, wanted, columns=_TAX_RATE_COLUMNS, order=[TaxRate.name])
    if tax_type and not listed.rows:
        raise not_found()
    return call.ok("TaxRates", [_tax_rate(row) for row in listed.rows])


def get_tracking_categories(call: Call) -> Response:
    """Answer with the tracking categories and their options."""
    wanted = select(TrackingCategory).where(TrackingCategory.organisation_id == call.organisation.id)
    if not call.flag("includeArchived", default=False):
        wanted = wanted.where(TrackingCategory.status == "ACTIVE")
    listed = list_rows(call, wanted, columns=_TRACKING_COLUMNS, order=[TrackingCategory.name])
    return call.ok("TrackingCategories", [_tracking_category(row) for row in listed.rows])


def get_currencies(call: Call) -> Response:
    """Answer with the currencies that documents may use."""
    codes = sorted({call.organisation.currency, *call.organisation.currencies})
    return call.ok("Currencies", [{"Code": code, "Description": code} for code in codes])


def _organisation(organisation: Organisation) -> Item:
    return {
        "OrganisationID": organisation.id,
        "Name": organisation.name,
        "LegalName": organisation.name,
        "ShortCode": organisation.short_code,
        "PaysTax": True,
        "Version": _VERSIONS.get(organisation.country, "GLOBAL"),
        "OrganisationType": "COMPANY",
        "OrganisationEntityType": "COMPANY",
        "BaseCurrency": organisation.currency,
        "CountryCode": organisation.country,
        "IsDemoCompany": organisation.plan == "DEMO",
        "OrganisationStatus": "ACTIVE",
        "Class": organisation.plan,
        "Edition": "BUSINESS",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "Timezone": _TIMEZONES.get(organisation.country, "UTC"),
        "CreatedDateUTC": ms_date(organisation.created_at),
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
    }


def _account(account: Account) -> Item:
    shown: Item = {
        "AccountID": account.id,
        "Code": account.code,
        "Name": account.name,
        "Status": account.status,
        "Type": account.type,
        "TaxType": account.tax_type,
        "Class": account.account_class,
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": account.show_in_expense_claims,
        "HasAttachments": False,
        "AddToWatchlist": False,
        "UpdatedDateUTC": ms_date(account.updated_at),
    }
    if account.system_account:
        shown["SystemAccount"] = account.system_account
    return shown


def _tax_rate(rate: TaxRate) -> Item:
    component = {"Name": rate.name, "Rate": rate.rate, "IsCompound": False, "IsNonRecoverable": False}
    return {
        "Name": rate.name,
        "TaxType": rate.tax_type,
        "Status": rate.status,
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": rate.can_apply_to_expenses,
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": rate.can_apply_to_revenue,
        "DisplayTaxRate": rate.rate,
        "EffectiveRate": rate.rate,
        "TaxComponents": [component],
    }


def _tracking_category(category: TrackingCategory) -> Item:
    return {
        "TrackingCategoryID": category.id,
        "Name": category.name,
        "Status": category.status,
        "Options": category.options,
    }
