"""Bills and bank transactions before they are sent: as values and as Xero's JSON."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

# unitdp=4: Xero rounds what has more decimals, and the document's total would not be ours.
_DECIMALS = 4
# Every decimal of up to 15 digits survives the way through a binary float and back (IEEE 754 double).
_DIGITS = 15


class BillStatus(StrEnum):
    """The statuses in which a bill can be created."""

    DRAFT = "DRAFT"
    #: awaiting approval
    SUBMITTED = "SUBMITTED"
    #: awaiting payment
    AUTHORISED = "AUTHORISED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingChoice:
    """One option of one tracking category, each by its id or, where Xero has none, by its name."""

    category_id: str | None = None
    option_id: str | None = None
    category: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One expense; `amount` includes tax, has at most four decimals; Xero takes two tracking choices."""

    description: str
    amount: Decimal
    account_code: str
    tax_type: str
    tracking: tuple[TrackingChoice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A purchase bill. Xero does not keep `number` unique: a second create makes a second bill.

    With a contact id the name is not sent, as it would overwrite the contact's; without one Xero takes the
    contact of that name or makes it.
    """

    number: str
    contact_id: str | None
    contact_name: str
    date: dt.date
    due_date: dt.date
    currency: str
    status: BillStatus
    lines: tuple[Line, ...]
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTransaction:
    """Money spent from a bank account, found again by `reference`; the contact as in `Bill`."""

    reference: str
    contact_id: str | None
    contact_name: str
    date: dt.date
    currency: str
    bank_account_code: str
    lines: tuple[Line, ...]
    url: str | None = None


def bill_json(bill: Bill) -> dict[str, Any]:
    """Xero's ACCPAY invoice; a bill has no `Reference`, Xero drops it in silence."""
    return {
        "Type": "ACCPAY",
        "InvoiceNumber": bill.number,
        "DueDate": bill.due_date.isoformat(),
        "Status": bill.status.value,
        **_common_json(bill),
    }


def bank_transaction_json(transaction: BankTransaction) -> dict[str, Any]:
    """Xero's SPEND bank transaction."""
    return {
        "Type": "SPEND",
        "Reference": transaction.reference,
        "BankAccount": {"Code": transaction.bank_account_code},
        **_common_json(transaction),
    }


def idempotency_key(
    organisation_id: str, documents: Sequence[Bill] | Sequence[BankTransaction], *, attempt: str = ""
) -> str:
    """Key of one create call: the same organisation, documents, order and attempt give the same key.

    Xero remembers a key for 6 minutes over all organisations of the app, failures included: store it before
    sending, and name another `attempt` to send the same documents again after a failure.
    """
    bodies = [
        bill_json(each) if isinstance(each, Bill) else bank_transaction_json(each) for each in documents
    ]
    text = json.dumps([organisation_id, attempt, bodies], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def exact_number(amount: Decimal) -> int | float:
    """The JSON number that reads as exactly this amount; ValueError when there is none.

    JSON has no decimal type. A float is printed with the fewest digits that identify it, so up to 15 digits
    it prints as the decimal it was made from: 0.3, never 0.30000000000000004.
    """
    if not amount.is_finite() or len(amount.normalize().as_tuple().digits) > _DIGITS:
        raise ValueError(f"{amount} has no exact JSON number")
    if amount != round(amount, _DECIMALS):
        raise ValueError(f"{amount} has more than {_DECIMALS} decimals")
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _common_json(document: Bill | BankTransaction) -> dict[str, Any]:
    contact = {"ContactID": document.contact_id} if document.contact_id else {"Name": document.contact_name}
    return {
        "Contact": contact,
        "Date": document.date.isoformat(),
        "LineAmountTypes": "Inclusive",
        "CurrencyCode": document.currency,
        "LineItems": [_line_json(line) for line in document.lines],
        **({"Url": document.url} if document.url else {}),
    }


def _line_json(line: Line) -> dict[str, Any]:
    tracking = [_tracking_json(choice) for choice in line.tracking]
    return {
        "Description": line.description,
        "Quantity": 1,
        "UnitAmount": exact_number(line.amount),
        "AccountCode": line.account_code,
        "TaxType": line.tax_type,
        **({"Tracking": tracking} if tracking else {}),
    }


def _tracking_json(choice: TrackingChoice) -> dict[str, Any]:
    by_id = {"TrackingCategoryID": choice.category_id, "TrackingOptionID": choice.option_id}
    by_name = {"Name": choice.category, "Option": choice.option}
    pairs = zip(by_id.items(), by_name.items(), strict=True)
    return dict(id_ if id_[1] else name for id_, name in pairs)
