"""Accepting a retry of 10,000 exports over 200 organisations, and bringing them all into Xero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bench import sdk
from tests.bench.figure import Figure, at_least, at_most
from tests.bench.stage import Stage, Watch, stage
from tests.bulk import failed_exports
from tests.integration.office import Shop

ORGANISATIONS, EACH = 200, 50
EXPORTS = ORGANISATIONS * EACH
ANSWER_SECONDS, PLAN_SECONDS, RATIO = 1.0, 3.0, 40.0
#: An assumption, not a measurement: how much longer a call takes to Xero than to the sandbox.
AWAY_SECONDS = 0.2
NEAR_SAMPLE, FAR_SAMPLE = 400, 100  # documents that the loop creates


def figures() -> Iterator[Figure]:
    """Plan, judge, start and drain, and let a loop do the same; the sandbox near, then as if far away."""
    with stage() as house:
        shops = house.failed(organisations=ORGANISATIONS, each=EACH)
        house.tree.start_worker()
        house.tree.start_web()  # comes back once the worker beats
        watch = Watch.start()
        plan_id = house.plan_everything()
        answer = watch.seconds
        house.until_judged(plan_id)
        judged = watch.seconds
        yield at_most("accept", answer, ANSWER_SECONDS, unit=" s", how=f"plan of {EXPORTS:,} to its id")
        yield at_most("full plan", judged, PLAN_SECONDS, unit=" s", how=f"all {EXPORTS:,} have a verdict")
        yield _against_the_loop(house, plan_id, "drain, sandbox on this machine", NEAR_SAMPLE)
        yield _against_the_loop(house, _far_away(house, shops), f"drain, {AWAY_SECONDS:g} s away", FAR_SAMPLE)


def _far_away(house: Stage, shops: Sequence[Shop]) -> str:
    """Let every call take longer, and plan a retry of as many exports again."""
    delay = {"path": "/api.xro/", "times": 1_000_000, "delay_seconds": AWAY_SECONDS}
    house.xero.control("POST", "/faults", **delay)
    ids = failed_exports(house.office, shops, bills=EACH)
    plan_id = house.plan(ids)
    house.until_judged(plan_id)
    return plan_id


def _against_the_loop(house: Stage, plan_id: str, name: str, sample: int) -> Figure:
    watch = Watch.start()
    house.start(plan_id)
    house.until_finished(plan_id)
    seconds = watch.seconds
    house.require_delivered(plan_id, EXPORTS)
    loop = sdk.seconds_a_document(house.xero, sample) * EXPORTS
    return at_least(
        name,
        loop / seconds,
        RATIO,
        unit="x",
        how=f"{seconds:.1f} s for {EXPORTS:,} over {ORGANISATIONS} organisations; a loop with xero-python, "
        f"from {sample} documents, {loop:,.0f} s",
    )
