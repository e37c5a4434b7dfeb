"""What Xero would refuse about one expense, a line of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from services import documents
from services.objections.wording import AGAIN, CHART, Objection, if_too_long, if_unreadable, unnamed
from services.reference import Imported, is_active
from services.store.tables import ReportLine
from services.xero.drafts import exact_number

MAX_DESCRIPTION = 4000  # characters (Xero, Accounting API)
TOO_LARGE = Decimal(10) ** 12
CENT, DECIMALS = Decimal("0.01"), 4  # what Xero keeps of a line's total and of its unit amount

_RATES = "in Xero (Accounting > Advanced > Tax rates) and sync"
_TRACKING = "in Xero (Accounting > Advanced > Tracking categories) and sync"


def of_expense(line: ReportLine, known: Imported) -> Iterator[Objection]:
    """Say everything that Xero would refuse about an expense."""
    account = known.account(line.account_code)
    yield from _category(line, account)
    yield from _tax(line, account, known)
    yield from _tag(line, known)
    yield from _amount(line)
    if not line.merchant:
        yield unnamed(f"Expense {line.position} has no merchant. Enter one {AGAIN}.")
    merchant = f"merchant of expense {line.position}"
    yield from if_too_long(merchant, line.merchant, MAX_DESCRIPTION)
    yield from if_unreadable(merchant, line.merchant)


def cents(amount: Decimal) -> Decimal:
    """Round as Xero rounds the total of a line."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def _category(line: ReportLine, account: Mapping[str, Any] | None) -> Iterator[Objection]:
    if not line.account_code:
        yield Objection("XERO52", f"No category: {line.merchant} has none. Choose one {AGAIN}.")
    elif (why := _unusable(account)) is not None:
        yield Objection(
            "XERO27",
            f"Category {line.account_code} of {line.merchant} {why} in Xero. Choose another {AGAIN}, or "
            f"mend the account {CHART}.",
        )


def _unusable(account: Mapping[str, Any] | None) -> str | None:
    """Say why nothing can be coded to an account."""
    if account is None:
        return "is no account"
    if account["type"] == "BANK":
        return "is a bank account"
    if account.get("system_account"):  # not in what was imported before it was read
        return "is an account that Xero keeps for itself"
    return None if is_active(account) else "is archived"


def _tax(line: ReportLine, account: Mapping[str, Any] | None, known: Imported) -> Iterator[Objection]:
    tax_type = documents.tax_type(line, known)
    rate = known.tax_rate(tax_type)
    if rate is None or not is_active(rate):
        yield Objection(
            "XERO95",
            f"Tax rate {tax_type} of {line.merchant} is no active tax rate in Xero. Choose another "
            f"{AGAIN}, or restore it {_RATES}.",
        )
    elif account and _unusable(account) is None and account["class_"] not in rate["applies_to"]:
        yield Objection(
            "XERO95",
            f"Tax rate {tax_type} cannot be used with account {line.account_code}, the category of "
            f"{line.merchant}. Choose another category or tax rate {AGAIN}, or mend the rate {_RATES}.",
        )


def _tag(line: ReportLine, known: Imported) -> Iterator[Objection]:
    if not line.tracking_category:
        return
    name = line.tracking_option or ""
    option = documents.option(known.category(line.tracking_category), name)
    if option is None or not is_active(option):
        yield Objection(
            "XERO78",
            f"Tag {name} ({line.tracking_category}) of {line.merchant} is no active tracking option in "
            f"Xero. Choose another {AGAIN}, or restore it {_TRACKING}.",
        )


def _amount(line: ReportLine) -> Iterator[Objection]:
    if line.amount != round(line.amount, DECIMALS):
        why = f"more than the {DECIMALS} decimals that Xero keeps"
    elif abs(cents(line.amount)) >= TOO_LARGE or not _is_exact(line.amount):
        why = "more digits than Xero takes"
    else:
        return
    yield unnamed(f"Amount {line.amount} of {line.merchant} has {why}. Correct it {AGAIN}.")


def _is_exact(amount: Decimal) -> bool:
    try:
        exact_number(amount)
    except ValueError:
        return False
    return True
