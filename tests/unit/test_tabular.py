"""Cells: no spreadsheet runs what a submitter typed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.store.states import ExportState
from services.tabular import safe_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠SUM(A1)",
        "=cmd|' /C calc'!A0",
    ],
)
def test_text_that_a_spreadsheet_would_run_is_made_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Client visit", "Client visit"),
        ("1-2", "1-2"),
        ("", ""),
        (None, ""),
        (Decimal("-12.50"), "-12.50"),
        (-3, "-3"),
        (ExportState.DELIVERED, "delivered"),
    ],
)
def test_everything_else_stays_as_it_is(value: object, cell: str) -> None:
    assert safe_cell(value) == cell
