"""Waiting in tests for what is bound to happen: a look again and again, never a guess how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.02


def until(
    happened: Callable[[], object],
    *,
    why: Callable[[], str] = lambda: "it never happened",
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Return as soon as it happened; fail with the reason `why` when it has not after so long."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, why()
        time.sleep(LOOK_SECONDS)
