"""The results of a run as a file, CSV or XLSX, written row by row: memory stays flat."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import xlsxwriter
from sqlalchemy.orm import Session
from xlsxwriter.worksheet import Worksheet

from services import results
from services.members import Member
from services.results import FileRow
from services.tabular import safe_cell

COLUMNS = tuple(field.name for field in fields(FileRow))

#: The columns of a sheet that are wider than most, in characters.
WIDTHS = {
    "number": 18,
    "title": 28,
    "submitter": 22,
    "workspace": 28,
    "organisation": 28,
    "verdict": 22,
    "reason": 50,
    "text": 60,
    "correlation_id": 38,
    "xero_link": 40,
}
WIDTH = 13


class Format(StrEnum):
    """The kinds of file."""

    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def write(session: Session, member: Member, plan_id: str, format: Format, path: Path) -> None:
    """Write what became of every export of a plan into a file. Raises `UnknownPlan` before it writes."""
    rows = results.file_rows(session, member, plan_id)
    WRITERS[format](rows, path)


def _write_csv(rows: Iterable[FileRow], path: Path) -> None:
    # The mark at the beginning tells a spreadsheet that it is UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([safe_cell(_plain(getattr(row, name))) for name in COLUMNS] for row in rows)


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _write_xlsx(rows: Iterable[FileRow], path: Path) -> None:
    # Text stays text: nothing becomes a formula or a link by how it begins.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, {**options, "default_date_format": "d mmm yyyy hh:mm"}) as book:
        sheet = book.add_worksheet("Results")
        amount = book.add_format({"num_format": "#,##0.00"})
        for column, name in enumerate(COLUMNS):
            sheet.set_column(column, column, WIDTHS.get(name, WIDTH), amount if name == "amount" else None)
        sheet.freeze_panes(1, 1)
        sheet.write_row(0, 0, COLUMNS, book.add_format({"bold": True}))
        last = 0
        for last, row in enumerate(rows, start=1):
            for column, name in enumerate(COLUMNS):
                _write_cell(sheet, last, column, getattr(row, name))
        sheet.autofilter(0, 0, last, len(COLUMNS) - 1)


def _write_cell(sheet: Worksheet, row: int, column: int, value: object) -> None:
    if isinstance(value, datetime):  # a sheet knows no time zones
        sheet.write_datetime(row, column, value.astimezone(UTC).replace(tzinfo=None))
    elif isinstance(value, Decimal | int):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_string(row, column, safe_cell(value))


#: What writes rows into a file of each kind.
WRITERS: dict[Format, Callable[[Iterable[FileRow], Path], None]] = {
    Format.CSV: _write_csv,
    Format.XLSX: _write_xlsx,
}
