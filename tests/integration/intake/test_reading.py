"""How a file may look, and which files cannot be read at all."""

from __future__ import annotations

import pytest

from services.intake import files
from services.intake.files import BadFile
from services.store import tables
from tests.integration.intake.desk import (
    Desk,
    csv_of,
    expense,
)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_are_separated_by_comma_semicolon_or_tab(desk: Desk, separator: str) -> None:
    row = expense(merchant="Cabs, Cars; and\u00a0Co")
    assert desk.bring(csv_of(row, separator=separator)).accepted == 1
    assert desk.merchants("EXP-R1") == ["Cabs, Cars; and\u00a0Co"]


def test_a_byte_order_mark_other_headings_and_empty_rows_do_not_matter(desk: Desk) -> None:
    text = csv_of(expense(report_title="Café Zoë")).decode()
    heading, _, rest = text.partition("\r\n")
    data = f"\ufeffNotes,{heading.upper()}\r\n,,,\r\nmine,{rest}\r\n,\r\n".encode()

    assert desk.bring(data).accepted == 1
    with desk.store.read() as session:
        assert session.get_one(tables.Report, "R1").title == "Café Zoë"


def test_empty_cells_at_the_end_of_a_row_may_be_missing(desk: Desk) -> None:
    heading, row, *_ = csv_of(expense(tax_type="", tag_category="", tag="")).decode().split("\r\n")

    assert desk.bring(f"{heading}\n{row.rstrip(',')}\n".encode()).accepted == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "lacks the columns report_id"),
        (csv_of(), "no rows below its header"),
        (csv_of(expense()).replace(b"merchant", b"shop", 1), "lacks the columns merchant,"),
        (csv_of(expense()).replace(b"tax_type", b"AMOUNT", 1), "lacks the columns tax_type"),
        (csv_of(expense()).replace(b"tag\r", b"tag,Amount\r", 1), "names amount twice"),
        (csv_of(expense(merchant="Caf\u00e9")).decode().encode("latin-1"), "CSV UTF-8"),
        (csv_of(expense()).decode().encode("utf-16"), "CSV UTF-8"),
        (csv_of(expense(), expense()) + b'R2,"A1\r\nR3,A2\r\n', "from line 4 on: a quotation mark"),
        (csv_of(*[expense()] * (files.MAX_ROWS + 1)), "more than 5,000 rows"),
    ],
    ids=[
        "empty",
        "header-only",
        "missing",
        "renamed",
        "twice",
        "latin-1",
        "utf-16",
        "open-quote",
        "too-long",
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_nothing_comes_in(desk: Desk, data: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says) as refusal:
        desk.bring(data)

    assert "Nothing was taken in" in str(refusal.value)
    assert desk.exports() == {}


def test_as_many_rows_as_are_allowed_come_in(desk: Desk) -> None:
    rows = [expense(report_id=f"R{number // 2}") for number in range(files.MAX_ROWS)]

    assert desk.bring(csv_of(*rows)).accepted == files.MAX_ROWS // 2
    assert desk.bring(csv_of(*rows)).unchanged == files.MAX_ROWS // 2
