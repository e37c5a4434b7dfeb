"""Accepting a retry of 10,000 exports over 200 organisations, and bringing them all into Xero."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import sdk
from tests.bench.figure import Figure, at_least, at_most
from tests.bench.stage import Stage, Watch, stage

ORGANISATIONS, EACH = 200, 50
EXPORTS = ORGANISATIONS * EACH
ANSWER_SECONDS, PLAN_SECONDS, RATIO = 1.0, 3.0, 40.0
SAMPLE = 400  # documents that the loop creates


def figures() -> Iterator[Figure]:
    """Plan, judge, start and drain; then let the loop do the same on the same sandbox."""
    with stage() as house:
        house.failed(organisations=ORGANISATIONS, each=EACH)
        house.tree.start_worker()
        house.tree.start_web()  # comes back once the worker beats
        watch = Watch.start()
        plan_id = house.plan_everything()
        answer = watch.seconds
        house.until_judged(plan_id)
        judged = watch.seconds
        yield at_most("accept", answer, ANSWER_SECONDS, unit=" s", how=f"plan of {EXPORTS:,} to its id")
        yield at_most("full plan", judged, PLAN_SECONDS, unit=" s", how=f"all {EXPORTS:,} have a verdict")
        yield _drained(house, plan_id)


def _drained(house: Stage, plan_id: str) -> Figure:
    watch = Watch.start()
    house.start(plan_id)
    house.until_finished(plan_id)
    seconds = watch.seconds
    ledger = house.xero.control("GET", "/ledger")
    if (ledger["count"], ledger["duplicates"]) != (EXPORTS, {}):
        raise AssertionError(f"{ledger['count']:,} documents, {len(ledger['duplicates'])} duplicates")
    loop = sdk.seconds_a_document(house.xero, SAMPLE) * EXPORTS
    return at_least(
        "drain",
        loop / seconds,
        RATIO,
        unit="x",
        how=f"{seconds:.1f} s for {EXPORTS:,} over {ORGANISATIONS} organisations; a loop with xero-python, "
        f"from {SAMPLE} documents, {loop:.0f} s",
    )
