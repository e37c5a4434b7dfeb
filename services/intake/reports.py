"""A report is all of its rows, or none: the rows that agree with one another, or why they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from services.intake.expenses import COLUMNS, Expense, PaidBy
from services.intake.reading import Row

#: Columns of `tables.Report` and of `tables.ReportLine`, and the cell each is taken from.
OF_REPORT = {
    "workspace_id": "workspace_id", "title": "report_title", "submitter_name": "submitter_name",
    "submitter_email": "submitter_email", "currency": "currency", "approved_at": "approved_at",
}  # fmt: skip
OF_LINE = {
    "spent_on": "date", "merchant": "merchant", "amount": "amount", "account_code": "category",
    "tax_type": "tax_type", "tracking_category": "tag_category", "tracking_option": "tag",
}  # fmt: skip

_WIDER = (
    COLUMNS[0],
    "The row has more cells than the header. Put quotation marks around a text with a separator.",
)


class Refused(Exception):
    """A report is not taken in."""

    def __init__(self, rows: Sequence[Row], faults: Mapping[int, tuple[str, str]]) -> None:
        super().__init__()
        self.rows = rows  #: all of the report
        self.faults = faults  #: column and sentence of each row at fault, by row number


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of one report, each of them sound."""

    rows: Sequence[Row]
    expenses: Sequence[Expense]  #: one a row

    @property
    def head(self) -> Expense:
        """The expense that says what is the report's own; the others agree with it."""
        return self.expenses[0]

    def refuse(self, column: str, reason: str) -> Refused:
        """Return the refusal of every row for one reason."""
        return Refused(self.rows, {row.number: (column, reason) for row in self.rows})

    def documents(self) -> dict[str, dict[int, Expense]]:
        """Return the expenses by position, by the number of the export they belong to."""
        found: dict[str, dict[int, Expense]] = {}
        for position, expense in enumerate(self.expenses, start=1):
            suffix = f"-{position}" if expense.paid_by is PaidBy.COMPANY_CARD else ""
            found.setdefault(f"EXP-{expense.report_id}{suffix}", {})[position] = expense
        return found


def check(rows: Sequence[Row]) -> Report:
    """Return the report that these rows make. Raises `Refused`."""
    expenses: list[Expense] = []
    faults: dict[int, tuple[str, str]] = {}
    for row in rows:
        try:
            expenses.append(Expense.model_validate(row.cells))
        except ValidationError as error:
            faults[row.number] = _misfits(row, error)
        if row.is_wider:
            faults[row.number] = _WIDER
    faults = faults or _disagreements(rows, expenses)
    if faults:
        raise Refused(rows, faults)
    return Report(rows, expenses)


def _misfits(row: Row, error: ValidationError) -> tuple[str, str]:
    columns = [str(one["loc"][0]) for one in error.errors()]
    return ", ".join(columns), " ".join(_sentence(row, column) for column in columns)


def _sentence(row: Row, column: str) -> str:
    text = "".join(letter if letter.isprintable() else "�" for letter in row.cells[column].strip())
    shown = f"is “{text[:40]}{'…' if text[40:] else ''}”, which does not fit" if text else "is empty"
    return f"{column} {shown}. Write {Expense.model_fields[column].description}."


def _disagreements(rows: Sequence[Row], expenses: Sequence[Expense]) -> dict[int, tuple[str, str]]:
    first = rows[0].number
    return {
        row.number: (cell, f"{cell} is not as in row {first}, but a report has only one. Make them equal.")
        for row, expense in zip(rows, expenses, strict=True)
        for cell in OF_REPORT.values()
        if getattr(expense, cell) != getattr(expenses[0], cell)
    }
