"""What a new organisation starts with, and how the control API looks at and changes it."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from services.sandbox.accounting.models import Account, Contact, TaxRate, TrackingCategory
from services.sandbox.models import Organisation
from services.sandbox.store import now

_CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "CURRLIAB": "LIABILITY",
    "EQUITY": "EQUITY",
    "REVENUE": "REVENUE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
}

#: Code, name, type, tax type. After Xero's own UK starting chart.
_ACCOUNTS = (
    ("090", "Business Bank Account", "BANK", "NONE"),
    ("091", "Company Card", "BANK", "NONE"),
    ("200", "Sales", "REVENUE", "OUTPUT2"),
    ("260", "Other Revenue", "REVENUE", "OUTPUT2"),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "INPUT2"),
    ("400", "Advertising & Marketing", "OVERHEADS", "INPUT2"),
    ("404", "Bank Fees", "OVERHEADS", "NONE"),
    ("408", "Cleaning", "OVERHEADS", "INPUT2"),
    ("412", "Consulting", "OVERHEADS", "INPUT2"),
    ("420", "Entertainment", "OVERHEADS", "NONE"),
    ("425", "Freight & Courier", "OVERHEADS", "INPUT2"),
    ("429", "General Expenses", "OVERHEADS", "INPUT2"),
    ("433", "Insurance", "OVERHEADS", "EXEMPTINPUT"),
    ("445", "Light, Power, Heating", "OVERHEADS", "RRINPUT"),
    ("449", "Motor Vehicle Expenses", "OVERHEADS", "INPUT2"),
    ("461", "Printing & Stationery", "OVERHEADS", "INPUT2"),
    ("463", "IT Software and Consumables", "OVERHEADS", "INPUT2"),
    ("469", "Rent", "OVERHEADS", "INPUT2"),
    ("480", "Staff Training", "OVERHEADS", "INPUT2"),
    ("485", "Subscriptions", "OVERHEADS", "INPUT2"),
    ("489", "Telephone & Internet", "OVERHEADS", "INPUT2"),
    ("493", "Travel - National", "OVERHEADS", "ZERORATEDINPUT"),
    ("494", "Travel - International", "OVERHEADS", "ZERORATEDINPUT"),
    ("498", "Old travel", "OVERHEADS", "INPUT2"),
    ("610", "Accounts Receivable", "CURRENT", "NONE"),
    ("800", "Accounts Payable", "CURRLIAB", "NONE"),
    ("820", "VAT", "CURRLIAB", "NONE"),
    ("970", "Owner A Funds Introduced", "EQUITY", "NONE"),
)
_SYSTEM_ACCOUNTS = {"610": "DEBTORS", "800": "CREDITORS", "820": "GST"}
_ARCHIVED = frozenset({"498"})

#: The standard rate of consumption tax, in percent.
_STANDARD_RATES = {"GB": "20", "NZ": "15", "AU": "10", "IE": "23", "SG": "9", "ZA": "15", "CA": "5"}

#: Tax type, name, rate (`None`: the country's standard rate), for expenses, for revenue.
_TAX_RATES = (
    ("INPUT2", "Standard rate on expenses", None, True, False),
    ("RRINPUT", "Reduced rate on expenses", "5", True, False),
    ("ZERORATEDINPUT", "Zero rated expenses", "0", True, False),
    ("EXEMPTINPUT", "Exempt expenses", "0", True, False),
    ("OUTPUT2", "Standard rate on income", None, False, True),
    ("ZERORATEDOUTPUT", "Zero rated income", "0", False, True),
    ("EXEMPTOUTPUT", "Exempt income", "0", False, True),
    ("NONE", "No tax", "0", True, True),
)

_TRACKING = {
    "Region": ("North", "South", "East", "West", "Eastside"),
    "Department": ("Sales", "Marketing", "Engineering", "Operations", "Finance"),
}

_SUPPLIERS = (
    "Northline Rail",
    "Corner Coffee House",
    "Parkway Cabs",
    "Meridian Hotels",
    "Bluebird Airways",
    "Stationers Row",
    "Hartwell Hosting",
    "Fenwick & Lowe Catering",
)
_EMPLOYEES = ("Amelia Ward", "Jonas Berg", "Leila Haddad", "Callum Reid")


class AccountChange(BaseModel):
    """What the control API may change about an account."""

    status: Literal["ACTIVE", "ARCHIVED"] | None = None
    name: str | None = None
    tax_type: str | None = None
    show_in_expense_claims: bool | None = None


class TaxRateChange(BaseModel):
    """What the control API may change about a tax rate."""

    status: Literal["ACTIVE", "DELETED", "ARCHIVED"]


class TrackingChange(BaseModel):
    """What the control API may change about a tracking category: its own status, or an option's."""

    status: Literal["ACTIVE", "ARCHIVED"]
    option: str | None = None


def open_books(session: Session, organisation: Organisation) -> None:
    """Give a new organisation its chart of accounts, tax rates, tracking and contacts.

    Identifiers derive from the organisation's, so that the same world has the same ids each time.
    """
    at = now(session)
    session.flush()
    session.execute(insert(Account), [_account(organisation, row, at) for row in _ACCOUNTS])
    session.execute(insert(TaxRate), [_tax_rate(organisation, row) for row in _TAX_RATES])
    session.execute(insert(TrackingCategory), [_tracking(organisation, name) for name in _TRACKING])
    session.execute(insert(Contact), [_contact(organisation, name, at) for name in _SUPPLIERS + _EMPLOYEES])


def change_account(
    session: Session, organisation_id: str, code: str, change: AccountChange
) -> dict[str, Any] | None:
    """Change one account and return it as the world lists it; `None` if there is no such account."""
    account = session.scalar(
        select(Account).where(Account.organisation_id == organisation_id, Account.code == code)
    )
    if account is None:
        return None
    for field, value in change.model_dump(exclude_none=True).items():
        setattr(account, field, value)
    account.updated_at = now(session)
    return _summary(account)


def change_tax_rate(session: Session, organisation_id: str, tax_type: str, change: TaxRateChange) -> bool:
    """Change one tax rate; `False` if there is no such rate."""
    rate = session.scalar(
        select(TaxRate).where(TaxRate.organisation_id == organisation_id, TaxRate.tax_type == tax_type)
    )
    if rate is not None:
        rate.status = change.status
    return rate is not None


def change_tracking(session: Session, organisation_id: str, name: str, change: TrackingChange) -> bool:
    """Change one tracking category or an option of it; `False` if there is no such thing."""
    category = session.scalar(
        select(TrackingCategory).where(
            TrackingCategory.organisation_id == organisation_id, TrackingCategory.name == name
        )
    )
    if category is not None and change.option is None:
        category.status = change.status
    elif category is not None:
        wanted = [option for option in category.options if option["Name"] == change.option]
        changed = [option | {"Status": change.status} for option in wanted]
        category.options = [option for option in category.options if option not in wanted] + changed
        return bool(wanted)
    return category is not None


def list_books(session: Session) -> dict[str, dict[str, list[Any]]]:
    """Return accounts and contact names of every organisation by its id."""
    books: dict[str, dict[str, list[Any]]] = {
        id_: {"accounts": [], "contacts": []} for id_ in session.scalars(select(Organisation.id))
    }
    for account in session.scalars(select(Account).order_by(Account.code)):
        books[account.organisation_id]["accounts"].append(_summary(account))
    named = select(Contact.organisation_id, Contact.name).order_by(Contact.name)
    for organisation_id, name in session.execute(named):
        books[organisation_id]["contacts"].append(name)
    return books


def _summary(account: Account) -> dict[str, Any]:
    return {
        "code": account.code,
        "name": account.name,
        "type": account.type,
        "tax_type": account.tax_type,
        "status": account.status,
    }


def _id(organisation: Organisation, *names: str) -> str:
    return str(uuid.uuid5(uuid.UUID(organisation.id), "/".join(names)))


def _account(organisation: Organisation, row: tuple[str, str, str, str], at: datetime) -> dict[str, Any]:
    code, name, type_, tax_type = row
    return {
        "id": _id(organisation, "account", code),
        "organisation_id": organisation.id,
        "code": code,
        "name": name,
        "type": type_,
        "account_class": _CLASSES[type_],
        "tax_type": tax_type,
        "status": "ARCHIVED" if code in _ARCHIVED else "ACTIVE",
        "system_account": _SYSTEM_ACCOUNTS.get(code),
        "show_in_expense_claims": _CLASSES[type_] == "EXPENSE",
        "updated_at": at,
    }


def _tax_rate(organisation: Organisation, row: tuple[str, str, str | None, bool, bool]) -> dict[str, Any]:
    tax_type, name, rate, expenses, revenue = row
    return {
        "id": _id(organisation, "tax", tax_type),
        "organisation_id": organisation.id,
        "tax_type": tax_type,
        "name": name,
        "rate": Decimal(rate or _STANDARD_RATES.get(organisation.country, "0")),
        "can_apply_to_expenses": expenses,
        "can_apply_to_revenue": revenue,
    }


def _tracking(organisation: Organisation, category: str) -> dict[str, Any]:
    return {
        "id": _id(organisation, "tracking", category),
        "organisation_id": organisation.id,
        "name": category,
        "options": [
            {
                "TrackingOptionID": _id(organisation, "tracking", category, option),
                "Name": option,
                "Status": "ACTIVE",
            }
            for option in _TRACKING[category]
        ],
    }


def _contact(organisation: Organisation, name: str, at: datetime) -> dict[str, Any]:
    first, _, last = name.partition(" ") if name in _EMPLOYEES else ("", "", "")
    return {
        "id": _id(organisation, "contact", name),
        "organisation_id": organisation.id,
        "name": name,
        "name_key": name.lower(),
        "email": f"{name.lower().replace(' & ', '-').replace(' ', '.')}@example.com",
        "first_name": first,
        "last_name": last,
        "is_supplier": True,
        "updated_at": at,
    }
