"""`make chaos`: 50 kills amid retries of 2,000 exports, on both stores, and what does not add up after."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

from tests.chaos.storm import Report, run
from tests.chaos.town import Size
from tests.integration.stores import fresh_database, postgres
from tests.quick_worker import Quick

SQLITE = Size(
    kills=50,
    workers=1,
    organisations=50,
    bills_each=24,
    card_payments_each=16,
    retries=8,
    pace=Quick(calls=1, window_seconds=20),
    longest_life_seconds=3.0,
    share_of_faults=0.05,
)
SIZES: Mapping[str, Size] = {
    "sqlite": SQLITE,
    "postgresql": replace(SQLITE, workers=3, replaced=0.2),
}


def main() -> None:
    """Let one storm rage on each store; the exit says whether everything added up."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    parser.add_argument("--store", choices=list(SIZES), action="append", help="only this one")
    options = parser.parse_args()
    stores = options.store or list(SIZES)
    reports = [_storm(store, options.seed) for store in stores]
    sys.exit(1 if any(report.complaints for report in reports) else 0)


def _storm(store: str, seed: int) -> Report:
    size = SIZES[store]
    web = f"{size.workers} worker{'s' if size.workers > 1 else ''} and web"
    print(f"{store}, {web}, {size.exports:,} exports over {size.organisations} organisations, seed {seed}")
    with tempfile.TemporaryDirectory() as folder, _database_of(store) as url:
        report = run(Path(folder), size, seed=seed, database_url=url)
    for line in report.figures:
        print(f"  {line}")
    for complaint in report.complaints:
        print(f"  WRONG: {complaint}")
    print(
        "  nothing lost, nothing twice, every attempt accounted for" if not report.complaints else "  FAILED"
    )
    return report


@contextmanager
def _database_of(store: str) -> Iterator[str]:
    if store == "sqlite":
        yield ""
        return
    with postgres() as server_url:
        yield fresh_database(server_url)


if __name__ == "__main__":
    main()
