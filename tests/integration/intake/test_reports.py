"""What is refused, row by row, and with it the whole report."""

from __future__ import annotations

import pytest

from services.intake import files
from tests.integration.intake.desk import (
    BROKEN,
    UNCONNECTED,
    Desk,
    csv_of,
    expense,
)


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        *[(column, " ", f"{column} is empty") for column in files.COLUMNS[:12]],
        *[(column, "a\x00b", "�") for column in files.COLUMNS if column != "report_id"],
        ("merchant", "two\nlines", "one line"),
        ("merchant", "back\u2028again", "one line"),
        ("merchant", "m" * 256, "at most 255"),
        ("report_title", "t" * 201, "at most 200"),
        ("submitter_name", "n" * 256, "at most 255"),
        ("category", "12345678901", "at most 10"),
        ("tax_type", "t" * 51, "tax type"),
        ("tag", "t" * 101, "at most 100"),
        ("report_id", "R 1", "letters, digits and hyphens"),
        ("report_id", "R1\u0661", "letters, digits and hyphens"),
        ("report_id", "R" * 41, "1 to 40"),
        ("submitter_email", "amelia", "e-mail address"),
        ("amount", "1,234.50", "comma"),
        ("amount", "12,50", "comma"),
        ("amount", "1.005", "at most two decimals"),
        ("amount", "0.00", "above zero"),
        ("amount", "-5", "above zero"),
        ("amount", "£5", "in digits"),
        ("amount", "1e3", "in digits"),
        ("amount", "NaN", "in digits"),
        ("amount", "\u0665", "in digits"),
        ("amount", "1234567890", "in digits"),
        ("date", "24/09/2026", "day and month"),
        ("date", "2026-02-30", "like 2026-09-30"),
        ("date", "20260924", "like 2026-09-30"),
        ("date", "0026-09-24", "like 2026-09-30"),
        ("date", "2026-09-24T10:00:00", "like 2026-09-30"),
        ("date", "2099-09-28", "in the past"),
        ("approved_at", "2099-12-31T23:59:59-23:59", "in the past"),
        ("submitter_name", "\u200b", "one line"),
        ("report_title", "\u202egnp.exe\u202a", "one line"),
        ("submitter_email", "\u202ex@evil.example", "e-mail"),
        ("approved_at", "30.09.2026", "day and month"),
        ("approved_at", "2026-09-30T25:00:00", "day and month"),
        ("approved_at", "2126-09-30", "day and month"),
        ("paid_by", "cash", "“company card”"),
        ("currency", "EUR", "Harbour & Finch has GBP"),
        ("currency", "pounds", "like GBP"),
        ("workspace_id", "F000000000000000", "no workspace F000000000000000"),
        ("workspace_id", UNCONNECTED, "no organisation in Xero"),
        ("tag", "", "leave both empty"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_with_its_reason(
    desk: Desk, column: str, cell: str, says: str
) -> None:
    (rejected,) = desk.bring_rows(expense(**{column: cell})).rejected

    assert (rejected.row, rejected.column) == (2, column)
    assert says in rejected.reason
    assert rejected.reason.endswith(".")
    assert rejected.raw[column] == cell
    assert desk.exports() == {}


def test_all_faults_of_a_row_are_named_at_once(desk: Desk) -> None:
    (rejected,) = desk.bring_rows(expense(amount="", date="yesterday")).rejected

    assert rejected.column == "date, amount"
    assert "date is “yesterday”" in rejected.reason
    assert "amount is empty" in rejected.reason


def test_a_row_with_more_cells_than_the_header_is_refused(desk: Desk) -> None:
    data = csv_of(expense()).rstrip() + b",one too many\r\n"

    (rejected,) = desk.bring(data).rejected
    assert "more cells than the header" in rejected.reason


def test_one_bad_row_keeps_its_whole_report_out_and_no_other(desk: Desk) -> None:
    intake = desk.bring_rows(expense(), expense(amount="0"), expense(report_id="R2"))

    assert intake.accepted == 1
    assert list(desk.exports()) == ["EXP-R2"]
    assert [(one.row, one.column) for one in intake.rejected] == [(2, "report_id"), (3, "amount")]
    assert "because of row 3" in intake.rejected[0].reason


def test_a_row_is_counted_by_the_line_it_begins_at(desk: Desk) -> None:
    intake = desk.bring_rows(
        expense(report_id="R1", merchant="two\nlines"), expense(report_id="R2", amount="x")
    )

    assert [one.row for one in intake.rejected] == [2, 4]


@pytest.mark.parametrize("column", ["workspace_id", "submitter_name", "approved_at", "report_title"])
def test_a_report_that_contradicts_itself_is_refused(desk: Desk, column: str) -> None:
    other = {"workspace_id": BROKEN, "approved_at": "2026-10-01"}.get(column, "Other")

    intake = desk.bring_rows(expense(), expense(**{column: other}))
    assert [(one.row, one.column) for one in intake.rejected] == [(2, "report_id"), (3, column)]
    assert "not as in row 2" in intake.rejected[1].reason
    assert desk.exports() == {}
