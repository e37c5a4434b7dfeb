"""Sending at Xero's own rate of 60 calls a minute, on a clock whose minute is short."""

from __future__ import annotations

from collections.abc import Iterator

from services.xero.documents import MAX_BATCH
from tests.bench.figure import Figure, at_most
from tests.bench.stage import Watch, stage
from tests.quick_worker import MODULE, Quick

PACE = Quick(calls=12, window_seconds=12.0)
WINDOWS = 5
ORGANISATIONS = 2
EACH = WINDOWS * PACE.calls * MAX_BATCH
#: The first window's calls may go at once; each further window's not before a window later.
BOUND_SECONDS = (WINDOWS - 1) * PACE.window_seconds
RATIO, REFUSALS = 1.15, 0


def figures() -> Iterator[Figure]:
    """Send so much to each organisation that its allowance is used up five times over."""
    with stage() as house:
        house.failed(organisations=ORGANISATIONS, each=EACH)
        house.xero.control("PUT", "/limits", **PACE.limits)
        house.tree.start_worker(module=MODULE, **PACE.environment)
        house.tree.start_web()
        plan_id = house.plan_everything()
        house.until_judged(plan_id)
        watch = Watch.start()
        house.start(plan_id)
        house.until_finished(plan_id)
        seconds = watch.seconds
        calls = house.xero.control("GET", "/calls")
    yield at_most(
        "real limits",
        seconds / BOUND_SECONDS,
        RATIO,
        unit="x",
        how=f"{seconds:.1f} s for {WINDOWS * PACE.calls} calls to each of {ORGANISATIONS} organisations, "
        f"{PACE.calls} in {PACE.window_seconds:.0f} s allowed: no less than {BOUND_SECONDS:.0f} s",
    )
    yield at_most(
        "refused for going too fast",
        calls["by_status"].get("429", 0),
        REFUSALS,
        how=f"of {calls['total']:,} calls",
    )
