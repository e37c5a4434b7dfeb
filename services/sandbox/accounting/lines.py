"""Line items: what they must look like and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from services.sandbox.accounting.call import Item
from services.sandbox.accounting.chart import Chart
from services.sandbox.accounting.models import Account, TaxRate
from services.sandbox.accounting.wire import read_number
from services.sandbox.models import new_id

#: Xero allows two tracking categories in an organisation, and so on a line.
_MOST_TRACKING = 2
_LONGEST_DESCRIPTION = 4000
#: Far beyond any bill, and small enough that the sum of a document's lines still fits its column.
_TOO_LARGE = Decimal(10) ** 12
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class LineRules:
    """What the document demands of its lines."""

    #: Exclusive, Inclusive or NoTax.
    amounts: str
    #: Only an approved document needs an account on every line.
    approved: bool
    #: 2, or 4 with `unitdp=4`.
    unit_decimals: int


@dataclass(frozen=True, slots=True)
class Priced:
    """Lines as Xero shows them, and their totals."""

    lines: list[Item]
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal


def price_lines(posted: object, chart: Chart, rules: LineRules, errors: list[str]) -> Priced:
    """Check the posted lines and add them up; what is wrong is appended to `errors` in Xero's words."""
    items = _objects(posted)
    if not items:
        errors.append("One or more line items must be specified")
    lines = [_line(line, chart, rules, errors) for line in items]
    amount = sum((line["LineAmount"] for line in lines), Decimal(0))
    tax = sum((line["TaxAmount"] for line in lines), Decimal(0))
    inclusive = rules.amounts == "Inclusive"
    return Priced(
        lines=[{name: _plain(value) for name, value in line.items()} for line in lines],
        sub_total=amount - tax if inclusive else amount,
        total_tax=tax,
        total=amount if inclusive else amount + tax,
    )


def _objects(posted: object) -> list[Item]:
    return [item for item in posted if isinstance(item, dict)] if isinstance(posted, list) else []


def _line(posted: Item, chart: Chart, rules: LineRules, errors: list[str]) -> Item:
    line: Item = {"LineItemID": str(posted.get("LineItemID") or new_id())}
    line["Description"] = _description(posted, errors)
    account = _account(posted, chart, rules, errors)
    if account is not None:
        line["AccountCode"], line["AccountID"] = account.code, account.id
    tax_rate = _tax_rate(posted, account, chart, errors)
    if tax_rate is not None:
        line["TaxType"] = tax_rate.tax_type
    line.update(_amounts(posted, tax_rate, rules, errors))
    line["Tracking"] = _tracking(_objects(posted.get("Tracking")), chart, errors)
    return line


def _description(posted: Item, errors: list[str]) -> str:
    description = str(posted.get("Description") or "")
    if not description:
        errors.append("Description is required for each line item")
    if len(description) > _LONGEST_DESCRIPTION:
        errors.append(f"The Description field must not exceed {_LONGEST_DESCRIPTION} characters")
    return description


def _account(posted: Item, chart: Chart, rules: LineRules, errors: list[str]) -> Account | None:
    named = posted.get("AccountID") or posted.get("AccountCode")
    if not named:
        if rules.approved:
            errors.append("Account must be valid.")
        return None
    account = chart.account(posted, code="AccountCode", id_="AccountID")
    if account is None or account.type == "BANK" or account.system_account:
        errors.append(f"Account code '{named}' is not a valid code for this document.")
        return None
    if account.status != "ACTIVE":
        errors.append(
            f"Account code '{named}' has been archived, or has been deleted. "
            "Each line item must reference a valid account."
        )
        return None
    return account


def _tax_rate(posted: Item, account: Account | None, chart: Chart, errors: list[str]) -> TaxRate | None:
    code = posted.get("TaxType") or (account.tax_type if account else None)
    if not code:
        return None
    rate = chart.tax_rates.get(str(code).upper())
    if rate is None or rate.status != "ACTIVE":
        errors.append(
            f"The TaxType code '{code}' does not exist or cannot be used for this type of transaction."
        )
        return None
    if account is not None and not _applies(rate, account):
        errors.append(f"The TaxType code '{code}' cannot be used with account code '{account.code}'.")
    return rate


def _applies(rate: TaxRate, account: Account) -> bool:
    if account.account_class == "EXPENSE":
        return rate.can_apply_to_expenses
    return rate.can_apply_to_revenue if account.account_class == "REVENUE" else True


def _amounts(posted: Item, rate: TaxRate | None, rules: LineRules, errors: list[str]) -> Item:
    given = {
        name: _number(posted, name, errors) for name in ("Quantity", "UnitAmount", "LineAmount", "TaxAmount")
    }
    quantity = given["Quantity"] if given["Quantity"] is not None else Decimal(1)
    unit = given["UnitAmount"]
    if unit is None:
        unit = (given["LineAmount"] or Decimal(0)) / (quantity or 1)
    unit = unit.quantize(Decimal(1).scaleb(-rules.unit_decimals), ROUND_HALF_UP)
    amount = _round(quantity * unit)
    if abs(amount) >= _TOO_LARGE:
        errors.append("The line total is too large.")
    if given["LineAmount"] is not None and _round(given["LineAmount"]) != amount:
        errors.append(
            f"The line total {_round(given['LineAmount'])} does not match the expected line total {amount}"
        )
    tax = _tax(amount, rate, rules) if given["TaxAmount"] is None else _round(given["TaxAmount"])
    tax = Decimal(0) if rules.amounts == "NoTax" else tax
    return {"Quantity": quantity, "UnitAmount": unit, "LineAmount": amount, "TaxAmount": tax}


def _tax(amount: Decimal, rate: TaxRate | None, rules: LineRules) -> Decimal:
    share = rate.rate / 100 if rate else Decimal(0)
    return _round(amount * share / (1 + share) if rules.amounts == "Inclusive" else amount * share)


def _tracking(posted: list[Item], chart: Chart, errors: list[str]) -> list[Item]:
    if len(posted) > _MOST_TRACKING:
        errors.append(f"A line item can have at most {_MOST_TRACKING} tracking categories")
    found = [_tracking_option(choice, chart, errors) for choice in posted]
    return [choice for choice in found if choice]


def _tracking_option(posted: Item, chart: Chart, errors: list[str]) -> Item | None:
    named = posted.get("TrackingCategoryID") or posted.get("Name") or ""
    category = chart.tracking.get(str(named).lower())
    if category is None or category.status != "ACTIVE":
        errors.append(f"The tracking category '{named}' does not exist or is not active.")
        return None
    wanted = str(posted.get("TrackingOptionID") or posted.get("Option") or "").lower()
    for option in category.options:
        if wanted in {option["TrackingOptionID"], option["Name"].lower()} and option["Status"] == "ACTIVE":
            return {
                "Name": category.name,
                "Option": option["Name"],
                "TrackingCategoryID": category.id,
                "TrackingOptionID": option["TrackingOptionID"],
            }
    shown = posted.get("Option") or posted.get("TrackingOptionID") or ""
    errors.append(f"The tracking option '{shown}' does not exist in the tracking category '{category.name}'.")
    return None


def _number(posted: Item, name: str, errors: list[str]) -> Decimal | None:
    if posted.get(name) is None:
        return None
    try:
        number = read_number(posted[name])
    except ValueError:
        errors.append(f"The {name} field is not a valid number.")
        return None
    if abs(number) >= _TOO_LARGE:
        errors.append(f"The {name} field is too large.")
        return None
    return number


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
