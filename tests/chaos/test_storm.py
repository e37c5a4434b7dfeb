"""Ten times kill -9 of workers and web amid retries, on both stores; `make chaos` is the long form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.storm import run
from tests.chaos.town import Size
from tests.integration.stores import fresh_database, postgres
from tests.quick_worker import Quick

SEED = 20261124
#: Half a minute each on an idle machine; on a busy one, processes that are started over and over take long.
pytestmark = pytest.mark.timeout(600)


def short(workers: int) -> Size:
    return Size(
        kills=10,
        workers=workers,
        organisations=8,
        bills_each=36,
        card_payments_each=24,
        retries=6,
        pace=Quick(calls=1, window_seconds=6),
        longest_life_seconds=1.0,
        share_of_faults=0.2,
    )


def test_kills_and_faults_lose_nothing_and_double_nothing_on_sqlite(tmp_path: Path) -> None:
    report = run(tmp_path, short(workers=1), seed=SEED, hurry=True)
    assert report.complaints == [], report.figures


def test_kills_and_faults_lose_nothing_and_double_nothing_on_postgresql(tmp_path: Path) -> None:
    with postgres() as server_url:
        report = run(
            tmp_path, short(workers=2), seed=SEED, database_url=fresh_database(server_url), hurry=True
        )
    assert report.complaints == [], report.figures
