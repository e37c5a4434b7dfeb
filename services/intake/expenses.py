"""One row of a file of reports: an approved expense, and what each of its cells may hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo

from services.store.engine import utcnow

# Neither a control character nor a line break, nor one that turns the direction of what follows it.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
_VISIBLE = f"[^{_HIDDEN}]"
_SEEN = r"[^\s\u200b-\u200f\u2060]"  # takes up room on a screen
_DAY = r"20[0-9]{2}-[0-9]{2}-[0-9]{2}"


class PaidBy(StrEnum):
    """Who paid: it decides what an expense becomes in Xero."""

    OUT_OF_POCKET = "out of pocket"
    COMPANY_CARD = "company card"


def _like(pattern: str) -> BeforeValidator:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text.strip()) is None:
            raise ValueError(pattern)
        return text.strip()

    return BeforeValidator(check)


def _line(most: int, *, least: int = 1) -> BeforeValidator:
    seen = f"(?=.*{_SEEN})" if least else ""
    return _like(f"{seen}{_VISIBLE}{{{least},{most}}}")


def _both_or_neither(tag: str | None, info: ValidationInfo) -> str | None:
    if "tag_category" in info.data and (tag is None) != (info.data["tag_category"] is None):
        raise ValueError(tag)
    return tag


def _past(day: datetime | date) -> datetime | date:
    """Refuse what lies in the future; a day's grace for the other side of the world."""
    latest = utcnow() + timedelta(days=1)
    if day > (latest if isinstance(day, datetime) else latest.date()):
        raise ValueError(day)
    return day


_PAST = AfterValidator(_past)
_LOWER = BeforeValidator(str.lower)
_NONE_IF_EMPTY = AfterValidator(lambda text: text or None)
_UTC = AfterValidator(lambda at: at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
_Day = Annotated[date, _PAST, _like(_DAY)]  # named out here: in the class, `date` is the field


class Expense(BaseModel):
    """One row. A description goes on from "Write"; of several before-validators the last runs first."""

    report_id: Annotated[str, _like("[A-Za-z0-9-]{1,40}")] = Field(
        description="1 to 40 letters, digits and hyphens: it becomes the number in Xero"
    )
    workspace_id: Annotated[str, _line(40)] = Field(
        description="the workspace's id, like DEADBEEF12345678: it says whose Xero the report goes to"
    )
    report_title: Annotated[str, _line(200)] = Field(description="one line of at most 200 characters")
    submitter_name: Annotated[str, _line(255)] = Field(
        description="one line of at most 255 characters: it becomes the contact's name in Xero"
    )
    submitter_email: Annotated[str, _like(rf"[^@\s{_HIDDEN}]{{1,64}}@[^@\s{_HIDDEN}]{{1,190}}")] = Field(
        description="one e-mail address, like amelia@example.com"
    )
    approved_at: Annotated[datetime, _UTC, _PAST, _like(f"{_DAY}(?:[T ].+)?")] = Field(
        description="a date or time in the past like 2026-09-30 or 2026-09-30T14:05:00Z: any other order of "
        "day and month could be mistaken"
    )
    paid_by: Annotated[PaidBy, _LOWER, _line(40)] = Field(
        description="“out of pocket” or “company card”: it decides what the expense becomes in Xero"
    )
    date: _Day = Field(
        description="a date in the past like 2026-09-30: any other order of day and month could be mistaken"
    )
    merchant: Annotated[str, _line(255)] = Field(description="one line of at most 255 characters")
    amount: Annotated[Decimal, _like(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")] = Field(
        gt=0,
        description="an amount above zero like 1234.50, in digits, a point and at most two decimals: a comma "
        "could mean thousands or decimals, and money is never rounded",
    )
    currency: Annotated[str, _like("[A-Z]{3}")] = Field(description="the workspace's currency, like GBP")
    category: Annotated[str, _line(10)] = Field(
        description="the code of an account in Xero, like 493, of at most 10 characters"
    )
    tax_type: Annotated[str | None, _NONE_IF_EMPTY, _line(50, least=0)] = Field(
        description="a tax type of Xero, like INPUT2, or nothing for the usual one of the account"
    )
    tag_category: Annotated[str | None, _NONE_IF_EMPTY, _line(100, least=0)] = Field(
        description="a tracking category of Xero in at most 100 characters, or nothing"
    )
    tag: Annotated[str | None, _NONE_IF_EMPTY, AfterValidator(_both_or_neither), _line(100, least=0)] = Field(
        description="an option of tag_category in at most 100 characters, or leave both empty: one means "
        "nothing without the other"
    )


COLUMNS: tuple[str, ...] = tuple(Expense.model_fields)
