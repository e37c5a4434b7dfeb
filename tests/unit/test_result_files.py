"""Files of results: written row by row, whatever their number."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.result_files import WRITERS, Format
from services.results import FileRow

MEGABYTE = 1_000_000
APPROVED = datetime(2026, 11, 1, 10, tzinfo=UTC)


def rows(number: int) -> Iterator[FileRow]:
    for position in range(number):
        yield FileRow(
            number=f"EXP-R{position:06}",
            report=f"R{position:06}",
            title=f"Client visit {position}",
            submitter="Amelia Ward",
            workspace="Acme",
            organisation="Acme Ltd",
            amount=Decimal(position),
            currency="GBP",
            approved_at=APPROVED,
            verdict="will send",
            reason="",
            result="delivered",
            text=f"In Xero, as number {position}.",
            code=None,
            attempts=1,
            correlation_id=f"5e0b2c0c-{position:012}",
            xero_link=None,
        )


@pytest.mark.parametrize("format", list(Format))
def test_a_file_is_written_row_by_row(format: Format, tmp_path: Path) -> None:
    """So many rows gathered would take more than twenty megabytes."""
    tracemalloc.start()
    WRITERS[format](rows(20_000), tmp_path / "file")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MEGABYTE


def test_a_file_of_nothing_has_its_head(tmp_path: Path) -> None:
    WRITERS[Format.CSV](rows(0), tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8-sig").startswith("number,report,title,")
