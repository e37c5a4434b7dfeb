"""What was imported: which lock date counts."""

from __future__ import annotations

from datetime import date

import pytest

from services.reference import Imported

EARLY, LATE = date(2026, 3, 31), date(2026, 6, 30)


@pytest.mark.parametrize(
    ("period", "year", "lock"),
    [(None, None, None), (EARLY, None, EARLY), (None, LATE, LATE), (EARLY, LATE, LATE), (LATE, EARLY, LATE)],
)
def test_the_later_lock_date_counts(period: date | None, year: date | None, lock: date | None) -> None:
    imported = Imported(
        accounts={},
        tax_rates={},
        tracking={},
        contacts={},
        currencies=frozenset(),
        period_lock_date=period,
        end_of_year_lock_date=year,
    )
    assert imported.lock_date == lock
